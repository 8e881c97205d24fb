"""What a format is: a way in which folders of somebody's own hold recorded people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedxr.scenarios.users import RecordedSet


@dataclass(frozen=True)
class Format:
    """Reads data sets from folders that it knows by what is in them, not by their name.

    ``about`` is what people call it, in a few words. ``reads(folder)`` tells whether a folder is of
    this format: by a look at names of files, importing nothing that takes time, and never raising.
    ``sets(folder)`` are the sets in it, usually one; it reads what says what they are and no
    recording, and raises DataError (file, what was found, what would do) where that is wrong. Each
    is a :class:`~fedxr.scenarios.users.RecordedSet` whose ``folder`` counts from the folder that
    was read ("." is that itself), and which brings its own ``tasks``: they are registered when the
    set is found. Its ``load`` gets the set's folder and returns users as every set's does, by
    :func:`fedxr.scenarios.recorded.reading.users_of`; recordings with labelled stretches become
    episodes by :mod:`fedxr.scenarios.recorded.stretches`.
    """

    name: str
    about: str
    reads: Callable[[Path], bool]
    sets: Callable[[Path], Sequence[RecordedSet]]
