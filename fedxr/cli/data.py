"""``fedxr data``: the known recorded sets, whether they are here, and where to get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fedxr.scenarios.recorded import RECORDED, find
from fedxr.scenarios.users import DataError, RecordedSet


@dataclass(frozen=True)
class Found:
    """What stands under the root of one set. ``problem`` is the loader's own message where nobody
    can be read; ``said``: who is left out, and what was passed over, a sentence each."""

    known: RecordedSet
    users: int | None = None
    channels: tuple[str, ...] = ()
    problem: str = ""
    said: tuple[str, ...] = ()


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
        return f"[red]broken: {escape(found.problem)}[/]"
    if found.users is None:
        return "[yellow]not found[/]"
    lines = [f"[green]{found.users} users[/]: {', '.join(found.channels)}"]
    return "\n".join(lines + [f"[yellow]{escape(text)}[/]" for text in found.said])


def data(
    root: Path | None,
    console: Console | None = None,
    sets: Sequence[RecordedSet] | None = None,
) -> bool:
    """Print every known set, or ``sets`` alone; False when one is there of which nobody can be
    read.

    Raises DataError when ``root`` is given and is no folder.
    """
    out = console or Console()
    if root is not None:
        find(root)
    table = Table(title=f"Recorded sets in {root or '(no folder given)'}", title_justify="left")
    for head in ("set", "use case, task", "state", "licence", "folder, from"):
        table.add_column(head, overflow="fold")
    broken = False
    with out.status("reading") as status:
        for known in RECORDED.values() if sets is None else sets:
            status.update(f"reading {known.name}")
            found = look(known, root)
            broken |= bool(found.problem)
            place = escape(f"{known.folder}\n{known.source}")
            table.add_row(
                known.name, f"{known.use_case}, {known.task}", _state(found), known.licence, place
            )
    out.print(table)
    if root is None:
        out.print("Say where the sets are with --data DIR or $FEDXR_DATA.")
    out.print("Nothing is downloaded: fetch a set from its distributor, and mind its licence.")
    return not broken
