"""Formats in which one's own folders are read as data sets.

``FORMATS`` holds each by its name; a plug-in adds one by ``FORMATS.add(Format(...))``. The first
that reads a folder decides: :func:`fedxr.scenarios.recorded.find` asks them in this order. A module
here is cheap to import: what it needs besides numpy is imported when it reads.
"""

from __future__ import annotations

from fedxr.plugins import Registry
from fedxr.scenarios.recorded.formats.format import Format
from fedxr.scenarios.recorded.formats.ours import OURS

__all__ = ["FORMATS", "Format"]

FORMATS: Registry[Format] = Registry("format", OURS)
