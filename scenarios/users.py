"""A user of the system, simulated or recorded: what they wear and what was recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fedxr.agent.tasks import Episode, Task, check_use_case
from fedxr.bridge.channels import Channel


class DataError(ValueError):
    """A recorded file is missing, truncated or malformed.

    The message names the file, the row or byte where reading stopped, what was expected and what
    was found, and what to do.
    """


@dataclass(frozen=True)
class User:
    """One person and their episodes in time order. ``source`` is a data set's name or a world's;
    ``halves`` and ``ordered`` are as their set has them (:class:`RecordedSet`)."""

    source: str
    name: str
    use_case: str
    channels: tuple[Channel, ...]
    tasks: tuple[str, ...]
    episodes: tuple[Episode, ...]
    device: str = "recorder"
    halves: str = "time forward"
    ordered: bool = True


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
    """A data set: a public one in its distributor's official layout, or one of somebody's own.

    ``load(folder)`` returns every user that the folder holds and names those that it leaves out;
    it raises DataError when the folder lacks the set or nobody is left. ``halves`` states in one
    line how a user's time is cut into the adaptation and the test half, and why. ``ordered`` tells
    whether a user's episodes follow each other as they were lived; recordings made one by one are
    filed by class, which is no order to learn in. ``tasks`` are those that come with the set, and
    are registered where it is found.

    Raises ValueError for a use case that is no name.
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
    tasks: tuple[Task, ...] = ()

    def __post_init__(self) -> None:
        if wrong := check_use_case(self.use_case):
            raise ValueError(f"recorded set {self.name!r}: {wrong}")


@dataclass(frozen=True)
class FoundSet:
    """A recorded set and the folder in which it lies."""

    known: RecordedSet
    folder: Path

    def load(self) -> Users:
        """Its users, who know how the set is halved; raises as ``known.load`` does."""
        known = self.known
        users = known.load(self.folder)
        said = (replace(u, halves=known.halves, ordered=known.ordered) for u in users)
        return Users(said, users.left_out, users.notes)
