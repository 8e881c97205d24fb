"""Recorded people: data sets become users of the system.

``RECORDED`` holds every public set, in its official layout, by its name: ours, and those of
plug-ins, which add one by ``RECORDED.add(RecordedSet(...))``. Besides, a folder of somebody's own
is a set where one of the formats reads it (:mod:`fedxr.scenarios.recorded.formats`); such sets are
known where they are found, and nowhere else.
"""

from __future__ import annotations

import os
from pathlib import Path

from fedxr.agent.tasks import TASKS, Task
from fedxr.plugins import Registry
from fedxr.scenarios.recorded import (
    cwru,
    fsdd,
    gazegraph,
    har,
    omniglot,
    qmnist,
    ravdess,
    shrec,
    ssvep,
    stress,
)
from fedxr.scenarios.recorded.formats import FORMATS, Format
from fedxr.scenarios.users import DataError, FoundSet, RecordedSet, Users

RECORDED: Registry[RecordedSet] = Registry(
    "recorded set",
    (
        har.SET,
        ssvep.SET,
        gazegraph.SET,
        cwru.SET,
        stress.SET,
        fsdd.SET,
        ravdess.SET,
        shrec.SET,
        qmnist.SET,
        omniglot.SET,
    ),
)
"""The known sets by name."""


def data_folder(given: Path | None) -> Path | None:
    """The folder of the recorded sets: as given, else $FEDXR_DATA."""
    if given is not None:
        return given
    return Path(os.environ["FEDXR_DATA"]) if os.environ.get("FEDXR_DATA") else None


def find(root: Path | None) -> dict[str, FoundSet]:
    """The sets that stand under ``root``, by name: the known ones, and one's own: ``root`` itself
    where a format reads it, else its sub-folders. Their tasks are registered.

    Raises DataError when ``root`` is None or no folder, and for an own set that cannot be: what
    says what it is is wrong, or another has its name, or its task another meaning.
    """
    if root is None:
        raise DataError("recorded people need a folder: give --data DIR or set $FEDXR_DATA")
    if not root.is_dir():
        raise DataError(
            f"data folder {root}: no such folder; give one that holds the sets' folders"
        )
    places = {name: root / s.folder for name, s in RECORDED.items()}
    found = {n: FoundSet(RECORDED[n], at) for n, at in places.items() if at.is_dir()}
    for own in own_sets(root):
        name = own.known.name
        other = found[name].folder if name in found else places.get(name)
        if other is not None:
            raise DataError(
                f"two sets are called {name!r}: {own.folder} and {other}; name yours otherwise"
            )
        for task in own.known.tasks:
            _register(task, own.folder)
        found[name] = own
    return found


def count_folders(root: Path) -> tuple[int, int]:
    """How many folders under ``root`` are known sets, and how many are one's own by their names and
    those of their files: nothing in them is opened, so what is wrong in one is not told."""
    known = {root / one.folder for one in RECORDED.values()}
    others = [root] if _format_of(root) else [p for p in root.iterdir() if p.is_dir()]
    own = sum(_format_of(folder) is not None for folder in others if folder not in known)
    return sum(folder.is_dir() for folder in known), own


def own_sets(root: Path) -> list[FoundSet]:
    """The sets in ``root`` that a format reads, registering nothing. Of several, one of which
    what says what it is is wrong can't be loaded, and says why; raises DataError where ``root``
    itself is that one."""
    if _format_of(root):
        return _sets_of(root)
    out = list[FoundSet]()
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        try:
            out += _sets_of(folder)
        except DataError as error:
            out.append(_unreadable(folder, str(error)))
    return out


def _sets_of(folder: Path) -> list[FoundSet]:
    """Raises DataError, whatever the format stumbled over: nobody else's set is to suffer."""
    reads = _format_of(folder)
    try:
        return [FoundSet(s, folder / s.folder) for s in reads.sets(folder)] if reads else []
    except DataError:
        raise
    except (ValueError, OSError) as error:
        raise DataError(f"{folder}: {error}") from error


def _unreadable(folder: Path, why: str) -> FoundSet:
    def load(_: Path) -> Users:
        raise DataError(why)

    name, said = f"{folder.name} (unreadable)", "unknown"
    return FoundSet(RecordedSet(name, ".", "unreadable", said, said, said, said, load), folder)


def _format_of(folder: Path) -> Format | None:
    return next((f for f in FORMATS.values() if f.reads(folder)), None)


_own: dict[str, Path] = {}
"""Where the tasks of own sets came from, by name: who edits a set's task may read it again."""


def _register(task: Task, folder: Path) -> None:
    """Add ``task`` of the set in ``folder``; raises DataError where another is called so."""
    known = TASKS.get(task.name)
    if known is not None and known != task and _own.get(task.name) != folder:
        where = f"the set in {_own[task.name]}" if task.name in _own else "fedxr or a plug-in"
        raise DataError(
            f"{folder}: a task {task.name!r} with other classes or modalities is there already, of "
            f"{where}; name yours otherwise"
        )
    if known is None or known != task:
        TASKS[task.name] = task
        _own[task.name] = folder
