"""``fedxr data new`` and ``fedxr data check``: recordings of one's own as a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from fedxr.scenarios.recorded import find
from fedxr.scenarios.recorded.formats.set_toml import FILE
from fedxr.scenarios.users import DataError

if TYPE_CHECKING:
    from fedxr.scenarios.recorded.formats.folder.check import Checked

_SHOWN = 100


@dataclass(frozen=True)
class New:
    """Write a folder with made-up recordings of five users and a set.toml that describes them: it
    runs as it is, and is there to be edited. docs/own_data.md lists every key."""

    folder: tyro.conf.Positional[Path]
    """The folder to write; it must be new or empty."""


@dataclass(frozen=True)
class Check:
    """Say all that is wrong in a folder with a set.toml, with file, row, column and what to do, and
    draw what was understood: a picture of each user."""

    folder: tyro.conf.Positional[Path]
    """The folder with set.toml."""
    out: Path | None = None
    """Folder for the pictures; default runs/check/<name of the set>."""
    pictures: bool = True
    """Whether to draw."""


def new_command(config: New, console: Console) -> int:
    """0, where the example was written. Raises DataError where there is something already."""
    from fedxr.scenarios.recorded.formats.folder.example import write_example

    write_example(config.folder)
    _say(console, f"wrote {config.folder}: {FILE}, and five made-up users")
    for command in (
        f"fedxr data check {config.folder}",
        f"fedxr federate --source recorded --data {config.folder}",
    ):
        _say(console, f"  {command}")
    _say(console, f"Put your recordings in their place, and edit {FILE}: docs/own_data.md")
    return 0


def check_command(config: Check, console: Console) -> int:
    """0 where nothing is wrong, else 1; raises DataError for a folder without a set.toml."""
    from fedxr.scenarios.recorded.formats.folder.check import checked
    from fedxr.scenarios.recorded.formats.folder.picture import draw

    if not (config.folder / FILE).is_file():
        raise DataError(
            f"{config.folder}: no {FILE} there; `fedxr data new DIR` writes one to edit"
        )
    with console.status("reading"):
        found = checked(config.folder)
    problems = [*found.problems]
    if not problems:
        try:
            find(config.folder)
        except DataError as error:
            problems.append(str(error))
    for number, problem in enumerate(problems[:_SHOWN], 1):
        _say(console, f"{number}. {problem}")
    if len(problems) > _SHOWN:
        _say(console, f"and {len(problems) - _SHOWN} more")
    for note in found.notes[:_SHOWN]:
        _say(console, f"note: {note}")
    if found.set_ is not None and found.people:
        for line in summary(found):
            _say(console, line)
        if config.pictures:
            out = config.out or Path("runs") / "check" / found.set_.name
            with console.status("drawing"):
                drawn = [p for p in found.people if any(r.samples for r in p.recordings)]
                for person in drawn:
                    draw(found.set_, person, out / f"{_file_name(person.name)}.png")
            _say(console, f"drew {len(drawn)} users in {out}: look at them")
    count = len(problems)
    _say(console, f"{count} problem{'s' * (count != 1)}" if count else "nothing is wrong")
    return 1 if problems else 0


def summary(found: Checked) -> Iterator[str]:
    """What was understood, in lines: channels, users, classes and questions."""
    set_ = found.set_
    if set_ is None:
        return
    yield f"{set_.name}: {', '.join(found.channels) or 'no channel'}"
    names = set_.task.names()
    for person in found.people:
        user = next((u for u in found.users if u.name == person.name), None)
        seconds = sum(
            max(s.t_us[-1] for s in r.samples.values()) - min(s.t_us[0] for s in r.samples.values())
            for r in person.recordings
            if r.samples
        )
        labels = ", ".join(f"{n} {person.seen[n]}" for n in names if person.seen[n]) or "no label"
        learnt = sum(e.adapt for e in user.episodes) if user else 0
        tested = len(user.episodes) - learnt if user else 0
        asked = f"{learnt} questions to learn from, {tested} to test" if user else "left out"
        count = len(person.recordings)
        recorded = f"{count} recording{'s' * (count != 1)}, {seconds / 1e6:.0f} s"
        yield f"  {person.name}: {recorded}; {labels}; {asked}"


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name) or "user"


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
