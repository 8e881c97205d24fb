"""What somebody may have meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Those of ``names`` that are spelled most like ``name``, at most ``most``, the best first.
    Case, blanks around it, and whether ``-``, ``_`` or a blank joins its words are no difference.
    ``cutoff``: how like it has to be, from 0 (any) to 1 (the same)."""
    plain: dict[str, str] = {}
    for one in names:
        plain.setdefault(_plain(one), one)
    return [plain[found] for found in get_close_matches(_plain(name), plain, most, cutoff)]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``did you mean 'x'? `` with a blank to go on after it; empty where nothing is near."""
    return "".join(f"did you mean {found!r}? " for found in nearest(name, names))


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")
