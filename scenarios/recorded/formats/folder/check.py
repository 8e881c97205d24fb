"""What is wrong in a folder, all of it; and what can be done with it as it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fedxr.scenarios.recorded.formats.folder.described import look
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.people import FolderSet, Person
from fedxr.scenarios.users import DataError, User

FEDERATION, COLD = 3, 5
"""Fewest users of a federation with pretraining; and of one without."""


@dataclass(frozen=True)
class Checked:
    """``problems`` keep a set, or the user whom they name, from being used; ``notes`` do not.
    ``users`` are those who can be; ``people`` all who were read, with what was read of them."""

    set_: Description | None
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    users: tuple[User, ...] = ()
    channels: tuple[str, ...] = field(default=())


def checked(folder: Path) -> Checked:
    """Read all of the set in ``folder``."""
    set_, problems = look(folder)
    if set_ is None or problems:
        return Checked(set_, tuple(problems))
    read = FolderSet(folder, set_)
    people = tuple(read.people())
    problems, notes, users = [*read.problems], [*set_.toml.notes], list[User]()
    for person in people:
        problems += person.problems
        notes += [f"{person.name}: {text}" for text in person.notes]
        if person.problems:
            continue
        try:
            user = read.user(person)
        except (DataError, ValueError) as error:
            problems.append(f"{person.name}: {error}")
            continue
        wrong = _halves(set_, user)
        if wrong:
            problems.append(f"{folder}: {user.name}: {wrong}")
        else:
            users.append(user)
        notes += _one_sided(set_, user)
    seen = Counter[str]()
    for person in people:
        seen.update(person.seen)
    if people and not problems:
        notes += [
            f"class {name!r} is labelled nowhere; leave it out of task.classes, or add recordings"
            for name in set_.task.names()
            if not seen[name]
        ]
    notes += _enough(set_, len(users))
    said = [f"{s.channel.name} ({s.channel.layout}, {s.channel.rate_hz:g} Hz)"
            for s in read.sensings.values() if s.names]  # fmt: skip
    return Checked(
        set_,
        tuple(dict.fromkeys(problems)),
        tuple(dict.fromkeys(notes)),
        people,
        tuple(users),
        tuple(said),
    )


def _halves(set_: Description, user: User) -> str:
    """Why ``user`` can't learn or be tested; empty where they can."""
    learnt, tested = (sum(e.adapt is half for e in user.episodes) for half in (True, False))
    if learnt and tested:
        return ""
    window, every = set_.task.window, set_.task.every
    return (
        f"{learnt} questions to learn from and {tested} to be tested on, at one every {every:g} s "
        f"from {window:g} s each (halves = {set_.halves!r}); both are needed: label more, shorten "
        "task.window, or halve otherwise"
    )


def _one_sided(set_: Description, user: User) -> list[str]:
    """Classes that a user is tested on and has nothing to learn of."""
    told, asked = ({q.label for e in user.episodes if e.adapt is half for q in e.queries}
                   for half in (True, False))  # fmt: skip
    lacking = sorted(asked - told)
    if not lacking or not told:
        return []
    names = ", ".join(set_.task.names()[i] for i in lacking)
    better = "" if set_.halves == "stretches" else "; halves = 'stretches' gives both halves each"
    return [f"{user.name}: tested on {names}, of which the first half has nothing{better}"]


def _enough(set_: Description, count: int) -> list[str]:
    """What can be done with so few users."""
    if count >= COLD:
        return []
    use = set_.use_case
    if count >= FEDERATION:
        return [f"{count} users: enough for `fedxr federate`; --protocol cold takes {COLD}"]
    if count == 0:
        return ["no user can be used as it is"]
    who = "one user" if count == 1 else f"{count} users"
    text = (
        f"{who}: `fedxr federate` takes {FEDERATION} (one to pretrain on, one in the federation, "
        "one unseen). What can be done: play them to a server that answers the task (`fedxr stream "
        f"--source recorded --scenario {use} --data DIR`), or test on them what others have "
        "learned (`--unseen-data DIR` beside a --data with more users of the same set)"
    )
    return [text]
