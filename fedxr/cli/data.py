"""``fedxr data``: the known recorded sets and one's own: whether they are here, and where to get
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fedxr.evaluation.narrow import print_fitting
from fedxr.scenarios.recorded import RECORDED, data_folder, find
from fedxr.scenarios.users import DataError, RecordedSet


@dataclass(frozen=True)
class Data:
    """The known recorded sets: found or not, users, where to get them, licence."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""


@dataclass(frozen=True)
class Found:
    """What stands under the root of one set. ``problem`` is the loader's own message where nobody
    can be read; ``said``: who is left out, and what was passed over, a sentence each."""

    known: RecordedSet
    users: int | None = None
    channels: tuple[str, ...] = ()
    problem: str = ""
    said: tuple[str, ...] = ()


def data_command(config: Data, console: Console) -> int:
    """Print every known set; 1 where one is there of which nobody can be read."""
    return 0 if data(data_folder(config.data), console) else 1


def look(known: RecordedSet, root: Path | None) -> Found:
    """Load ``known`` from its folder under ``root``; that nobody can be read is a ``problem``."""
    if root is None or not (root / known.folder).exists():
        return Found(known)
    try:
        users = known.load(root / known.folder)
    except (DataError, OSError) as error:
        return Found(known, problem=str(error))
    layouts = {channel.layout: None for user in users for channel in user.channels}
    return Found(known, len(users), tuple(layouts), said=tuple(users.said))


def _state(found: Found) -> str:
    if found.problem:
        return "[red]broken, see below[/]"
    if found.users is None:
        return "[yellow]not found[/]"
    text = f"[green]{found.users} users[/]: {', '.join(found.channels)}"
    return f"{text}\n[yellow]see below[/]" if found.said else text


def _own_sets(root: Path) -> tuple[list[RecordedSet], list[str]]:
    """One's own sets under ``root``, with their whole paths; or what is wrong with one of them.
    Raises DataError where ``root`` is no folder."""
    try:
        found = find(root)
    except DataError as error:
        if not root.is_dir():
            raise
        return [], [f"your own sets: {error}"]
    own = [one for name, one in found.items() if name not in RECORDED]
    return [replace(one.known, folder=str(one.folder.absolute())) for one in own], []


def data(
    root: Path | None,
    console: Console | None = None,
    sets: Sequence[RecordedSet] | None = None,
) -> bool:
    """Print every known set and one's own, or ``sets`` alone; False when one is there of which
    nobody can be read.

    Raises DataError when ``root`` is given and is no folder.
    """
    out = console or Console()
    own, below = _own_sets(root) if root is not None and sets is None else ([], [])
    broken = bool(below)
    table = Table(title=f"Recorded sets in {root or '(no folder given)'}", title_justify="left")
    for head in ("set", "use case, task", "state", "licence"):
        table.add_column(head, overflow="fold")
    shown = [*RECORDED.values(), *own] if sets is None else sets
    with out.status("reading") as status:
        for known in shown:
            status.update(f"reading {known.name}")
            found = look(known, root)
            broken |= bool(found.problem)
            said = [f"broken: {found.problem}"] if found.problem else found.said
            below += [f"{known.name}: {text}" for text in said]
            task = f"{known.use_case}, {known.task}"
            table.add_row(known.name, task, _state(found), known.licence)
    print_fitting(table, out)
    below += ["Folder of each, and where it is from:"]
    for line in below + [f"  {known.folder}  {known.source}" for known in shown]:
        out.print(line, soft_wrap=True, highlight=False, markup=False)  # paths are to be copied
    if root is None:
        out.print("Say where the sets are with --data DIR or $FEDXR_DATA.")
    out.print("Nothing is downloaded: fetch a set from its distributor, and mind its licence.")
    return not broken
