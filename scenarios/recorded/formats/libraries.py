"""The libraries that formats need beyond fedxr's own: one that is missing is named, with the line
that installs it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fedxr.extras import install_line
from fedxr.scenarios.users import DataError


def library(name: str, what: str) -> Any:
    """The module ``name``, which ``what`` need. Raises DataError where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise DataError(
            f"{what} need {name}, which is not installed ({error}): {install_line('formats')}"
        ) from None
