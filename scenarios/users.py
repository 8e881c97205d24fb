"""A user of the system, simulated or recorded: what they wear and what was recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fedxr.agent.tasks import USE_CASES, Episode
from fedxr.bridge.channels import Channel


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


class Users(tuple[User, ...]):
    """The users that a folder holds, in a fixed order, and what is to be said of them.

    ``left_out``: who could not be read, or has nothing to learn from or to be tested on, by name,
    each with the reason. ``notes``: what was passed over, or read otherwise than it stands there.
    """

    left_out: dict[str, str]
    notes: tuple[str, ...]

    def __new__(
        cls,
        users: Iterable[User],
        left_out: dict[str, str] | None = None,
        notes: Iterable[str] = (),
    ) -> Users:
        self = super().__new__(cls, users)
        self.left_out, self.notes = left_out or {}, tuple(notes)
        return self

    @property
    def said(self) -> list[str]:
        """Who is left out and what else there is to say, a sentence each."""
        return [f"{name} is left out: {why}" for name, why in self.left_out.items()] + [*self.notes]


@dataclass(frozen=True)
class RecordedSet:
    """A public data set in its distributor's official layout.

    ``load(folder)`` returns every user that the folder holds and names those that it leaves out;
    it raises DataError when the folder lacks the set or nobody is left. ``halves`` states in one
    line how a user's time is cut into the adaptation and the test half, and why. ``ordered`` tells
    whether a user's episodes follow each other as they were lived; recordings made one by one are
    filed by class, which is no order to learn in.

    Raises ValueError for a use case that is none of ours: nobody would ever be read.
    """

    name: str
    folder: str
    use_case: str
    task: str
    licence: str
    source: str
    halves: str
    load: Callable[[Path], Users]
    ordered: bool = True

    def __post_init__(self) -> None:
        if self.use_case not in USE_CASES:
            raise ValueError(
                f"recorded set {self.name!r}: use case {self.use_case!r}; known are "
                f"{', '.join(USE_CASES)}"
            )
