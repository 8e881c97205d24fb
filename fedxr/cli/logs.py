"""``--verbose`` and ``--quiet``, of every command: what is logged (:mod:`logging`), and where to.

Warnings and errors go to stderr: in colour on a terminal, with the time in front of plain lines
elsewhere. ``--verbose`` adds what happens on the way, of libraries too; ``--quiet`` leaves errors
alone, and prints no result: that is in the exit status and in the files that were written.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from fedxr.plugins.nearest import nearest

_LEVELS = {"verbose": logging.DEBUG, "": logging.WARNING, "quiet": logging.ERROR}


def loudness(words: Sequence[str]) -> tuple[str, list[str]]:
    """``verbose``, ``quiet`` or "", and the other words. Raises ValueError for both, and for one
    that is misspelt: no command knows it as an option, to name the nearest."""
    asked = {word[2:] for word in words if word in ("--verbose", "--quiet")}
    if len(asked) > 1:
        raise ValueError("--verbose and --quiet; give one of them")
    others = [word for word in words if word not in ("--verbose", "--quiet")]
    for word in others:
        if near := nearest(word, ("--verbose", "--quiet"), cutoff=0.85):
            raise ValueError(f"no option {word!r}; did you mean {near[0]}?")
    return "".join(asked), others


def log_to_stderr(loud: str) -> None:
    """Set up the root logger once for this process; ours is as loud as asked for, libraries' at
    most one step less."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        handler: logging.Handler = RichHandler(
            console=Console(stderr=True), show_path=False, markup=False, log_time_format="%H:%M:%S"
        )
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = _LEVELS[loud]
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler])
    logging.getLogger("fedxr").setLevel(level)
