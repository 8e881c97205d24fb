"""What is wrong in a folder, all of it; and what can be done with it as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fedxr.scenarios.recorded.formats.folder.described import look
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.findings import Finding, gathered
from fedxr.scenarios.recorded.formats.folder.people import FolderSet
from fedxr.scenarios.recorded.formats.folder.person import Person, lost
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
    wrong, said, users = [*read.problems], list[Finding](), list[User]()
    for person in people:
        wrong += person.problems
        said += [note.of(person.name) for note in person.notes]
        if person.problems:
            continue
        try:
            user = read.user(person)
        except (DataError, ValueError) as error:
            wrong.append(Finding(person.name, str(error)))
            continue
        if lacking := _halves(set_, user):
            wrong.append(Finding(f"{folder}: {user.name}", lacking, "halves"))
        else:
            users.append(user)
        said += _one_sided(set_, user)
    notes = [*set_.toml.notes, *gathered(said), *_one_half(set_, users)]
    notes += [] if read.problems else lost(set_, people)
    notes += _enough(set_, len(users))
    channels = [f"{s.channel.name} ({s.channel.layout}, {s.channel.rate_hz:g} Hz)"
            for s in read.sensings.values() if s.names]  # fmt: skip
    return Checked(
        set_,
        tuple(gathered(wrong)),
        tuple(dict.fromkeys(notes)),
        people,
        tuple(users),
        tuple(channels),
    )


def _halves(set_: Description, user: User) -> str:
    """Why ``user`` can't learn or be tested; empty where they can."""
    learnt, tested = (sum(e.adapt is half for e in user.episodes) for half in (True, False))
    if learnt and tested:
        return ""
    window, every, named = set_.task.window, set_.task.every, set_.toml.named
    return (
        f"{learnt} questions to learn from and {tested} to be tested on, at one every {every:g} s "
        f"from {window:g} s each (halves = {set_.halves!r}); both are needed: label more, shorten "
        f"{named('task.window')}, or halve otherwise: {named('halves')}"
    )


def _classes(user: User, half: bool) -> set[int]:
    """What ``user`` is asked in the half to learn from (``half``), or to be tested on."""
    return {q.label for e in user.episodes if e.adapt is half for q in e.queries}


def _one_sided(set_: Description, user: User) -> list[Finding]:
    """Classes that a user is tested on and has nothing to learn of."""
    told, asked = _classes(user, True), _classes(user, False)
    lacking = sorted(asked - told)
    if not lacking or not told:
        return []
    names = ", ".join(set_.task.names()[i] for i in lacking)
    better = "" if set_.halves == "stretches" else _stretches(set_)
    text = f"tested on {names}, of which the first half has nothing{better}"
    return [Finding(user.name, text)]


def _one_half(set_: Description, users: Sequence[User]) -> list[str]:
    """Classes that no user has in one of the halves."""
    out, at = list[str](), set_.toml.named("task.classes" if set_.task.classes else "task.edges")
    halves = {half: {label for u in users for label in _classes(u, half)} for half in (True, False)}
    better = "" if set_.halves == "stretches" else _stretches(set_)
    for label, name in enumerate(set_.task.names()):
        there = [half for half in (True, False) if label in halves[half]]
        if len(there) == 1:
            what = "to be tested on" if there[0] else "to learn from"
            out.append(f"{at}: class {name!r}: no user has it in the half {what}{better}")
    return out


def _stretches(set_: Description) -> str:
    return f"; halves = 'stretches' gives both halves each: {set_.toml.named('halves')}"


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
