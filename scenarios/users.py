"""A user of the system, simulated or recorded: what they wear and what was recorded of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.tasks import Episode
from bridge.channels import Channel


class DataError(ValueError):
    """A recorded file is missing, truncated or malformed.

    The message names the file, the row or byte where reading stopped, what was expected and what
    was found, and what to do.
    """


@dataclass(frozen=True)
class User:
    """One person and their episodes in time order. ``source`` is a data set's name or a world's."""

    source: str
    name: str
    use_case: str
    channels: tuple[Channel, ...]
    tasks: tuple[str, ...]
    episodes: tuple[Episode, ...]
    device: str = "recorder"


@dataclass(frozen=True)
class RecordedSet:
    """A public data set in its distributor's official layout.

    ``load(folder)`` returns every user that the folder holds, in a fixed order; it raises
    DataError when the folder lacks the set or a file is broken. ``halves`` states in one line how
    a user's time is cut into the adaptation and the test half, and why. ``ordered`` tells whether a
    user's episodes follow each other as they were lived; recordings made one by one are filed by
    class, which is no order to learn in.
    """

    name: str
    folder: str
    use_case: str
    task: str
    licence: str
    source: str
    halves: str
    load: Callable[[Path], list[User]]
    ordered: bool = True
