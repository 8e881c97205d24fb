"""A folder of tables with a ``set.toml`` that says what they are: docs/own_data.md."""

from __future__ import annotations

from pathlib import Path

from fedxr.scenarios.recorded.formats.folder.described import described
from fedxr.scenarios.recorded.formats.set_toml import FILE
from fedxr.scenarios.recorded.stretches import HALVES
from fedxr.scenarios.users import DataError, RecordedSet, Users


def sets(folder: Path) -> list[RecordedSet]:
    """The one set in ``folder``; raises DataError that says all that is wrong in its set.toml."""
    set_ = described(folder)
    try:
        known = RecordedSet(
            name=set_.name,
            folder=".",
            use_case=set_.use_case,
            task=set_.task.name,
            licence=set_.licence,
            source=set_.source,
            halves=HALVES[set_.halves],
            load=_load,
            ordered=set_.halves != "stretches" and not set_.filed_by_class(),
            tasks=(set_.as_task(),),
        )
    except ValueError as error:
        raise DataError(f"{folder / FILE}: {error}") from None
    return [known]


def _load(folder: Path) -> Users:
    from fedxr.scenarios.recorded.formats.folder.people import load  # pandas takes its time

    return load(folder)
