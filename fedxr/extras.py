"""What is installed only when it is wanted: how to get it, here, and a word before the work starts.

A server of headsets needs none of the packages for studies, and a study none of those for Unity;
each group is an extra of pyproject.toml. Imports nothing of ours, so that everything may ask.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

STUDY = ("pandas", "sklearn", "matplotlib", "soundfile", "mne")
"""Modules of the extra ``study``: recorded sets, classical baselines, tables and figures."""
_CHECKOUT = Path(__file__).resolve().parents[1]


class MissingExtraError(ImportError):
    """Packages of an extra are not installed; the message holds the line that installs them."""


def install_line(extra: str = "") -> str:
    """The line for the shell that installs fedxr with ``extra``: as from a wheel, or as from the
    checkout that this is, with the versions that it was tested with."""
    if not (_CHECKOUT / "constraints.txt").is_file():
        return f'pip install "fedxr[{extra}]"' if extra else "pip install fedxr"
    here = Path.cwd() == _CHECKOUT
    constraints = "constraints.txt" if here else f'"{_CHECKOUT / "constraints.txt"}"'
    place = "." if here else str(_CHECKOUT)
    wanted = f'"{place}[{extra}]"' if extra else (place if here else f'"{place}"')
    return f"pip install -c {constraints} -e {wanted}"


def need_study(what: str) -> None:
    """Raise MissingExtraError where ``what`` (a word for the message) lacks packages of the extra
    ``study``."""
    lacks = [name for name in STUDY if not _there(name)]
    if lacks:
        raise MissingExtraError(
            f"{what} needs {', '.join(lacks)}, which not every machine needs: "
            f"{install_line('study')}"
        )


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
