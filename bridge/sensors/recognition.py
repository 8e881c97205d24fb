"""What the columns of a source are, by what it says of them itself.

Recognised are EEG columns whose labels are electrodes; gaze on a screen and pupil diameters (XDF's
gaze metadata, as Pupil Labs' relays send it); skin conductance and temperature, heart and breathing
rate, beat intervals, and what plug-ins give labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fedxr.bridge.channels import LAYOUTS
from fedxr.bridge.sensors.electrodes import electrode
from fedxr.bridge.sensors.source import Column, Source
from fedxr.bridge.sensors.units import convertible

Proposal = tuple[str, tuple[int, ...], str, str]
"""(layout, columns, unit that overrides the columns', note)"""


def _eeg(source: Source) -> list[Proposal]:
    """The columns that are EEG and whose labels are electrodes."""
    found: dict[str, int] = {}
    for n, column in enumerate(source.columns):
        name = electrode(column.label)
        if _kind(source, column) == "eeg" and name is not None:
            found.setdefault(name, n)
    if not found:
        return []
    columns = tuple(found.values())
    unit, note = "", ""
    if not any(source.columns[n].unit for n in columns):
        unit, note = "uV", "EEG without a unit is taken as microvolts"
    return [("eeg/" + "-".join(found), columns, unit, note)]


def _gaze(source: Source) -> list[Proposal]:
    """Where on the screen both eyes look."""
    at = {_kind(source, c): n for n, c in enumerate(source.columns) if c.eye in ("", "both")}
    if "screenx" not in at or "screeny" not in at:
        return []
    return [("gaze/point2", (at["screenx"], at["screeny"]), "", "")]


def _pupils(source: Source) -> list[Proposal]:
    """Diameters of left and right pupil, where they are in a unit of length."""
    at = {
        column.eye: n
        for n, column in enumerate(source.columns)
        if _kind(source, column) == "diameter" and convertible(column.unit, "m")
    }
    if "left" not in at or "right" not in at:
        return []
    return [("gaze/pupil", (at["left"], at["right"]), "", "")]


def _singles(source: Source) -> list[Proposal]:
    """Signals of one number: by label, by the column's type, else by the stream's."""
    known = {label: layout.name for layout in LAYOUTS.values() for label in layout.labels}
    out: list[Proposal] = []
    seen = set()
    for n, column in enumerate(source.columns):
        words = [column.label, column.kind]
        if len(source.columns) == 1:
            words += [source.kind, source.name]
        layout = next((known[w] for w in map(_word, words) if w in known), None)
        if layout is not None and layout not in seen:
            seen.add(layout)
            out.append((layout, (n,), "", ""))
    return out


def proposals(source: Source) -> Iterator[Proposal]:
    """Layouts that columns of ``source`` seem to be; their units may yet be wrong."""
    for recognise in (_eeg, _gaze, _pupils, _singles):
        yield from recognise(source)


def title(source: Source, n: int) -> str:
    """What the source calls its column ``n``."""
    return source.columns[n].label or f"#{n}"


def _kind(source: Source, column: Column) -> str:
    return _word(column.kind or source.kind)


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
