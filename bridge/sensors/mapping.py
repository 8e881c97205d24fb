"""From what a source says of itself to channels: which columns, which layout, which units.

What is recognised without being told stands in `fedxr.bridge.sensors.recognition`; a source of
which nothing is, is columns that nobody knows, as they are (``columns/…``). Where a source says too
little or something else, the user does: ``NAME[columns]=layout@unit`` (`Wish`). Nothing is guessed
silently: what was assumed, and what was left out and why, is told in notes.

Gaze points are 0..1 with y up. ``normalized`` is taken as that (so Pupil Labs), ``normalized-down``
has y down (so Tobii), ``pixels:1920x1080`` is counted from the top left corner. Coordinates that
are Unity's are mirrored by the layout's own rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import (
    LAYOUTS,
    MODALITIES,
    Channel,
    ChannelError,
    Layout,
    columns_layout,
    layout_of,
)
from fedxr.bridge.sensors.recognition import proposals, title
from fedxr.bridge.sensors.source import Floats, SensorError, Source
from fedxr.bridge.sensors.units import ANY, plain, to_si

_WISH = re.compile(
    r"(?P<name>.+?)(?:\[(?P<columns>[^\]]+)\])?=(?P<layout>[^=@]+)(?:@(?P<unit>.+))?"
)
_SCREEN = re.compile(r"pixels:([1-9]\d*)x([1-9]\d*)")


@dataclass(frozen=True)
class Wish:
    """What the user says of a source: ``columns`` (labels or numbers from 0; none: all) of the
    source ``name`` are ``layout``, in ``unit`` (none: as the source says)."""

    name: str
    layout: str
    columns: tuple[str, ...] = ()
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Wish:
        """From ``NAME=layout``, ``NAME[a,b]=layout``, ``NAME[a,b]=layout@unit``."""
        found = _WISH.fullmatch(text)
        if found is None:
            raise SensorError(
                f"channel {text!r}; allowed is NAME=layout, NAME[columns]=layout or "
                "NAME[columns]=layout@unit, such as 'Cyton=eeg/Oz-O1-O2@uV'"
            )
        columns = tuple(c.strip() for c in (found["columns"] or "").split(",") if c.strip())
        return cls(found["name"], found["layout"].strip(), columns, (found["unit"] or "").strip())


@dataclass(frozen=True)
class Mapping:
    """One channel out of a source: ``columns`` of its samples, in SI as value * scale + offset."""

    channel: Channel
    columns: tuple[int, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def convert(self, values: Floats) -> NDArray[np.float32]:
        """Samples (n, *layout.shape) of ``values`` (n, all columns), plausible or not. Where an eye
        is the source's own word for "lost" (-1) it is NaN: in SI one could not tell any more."""
        some = values[:, list(self.columns)]
        with np.errstate(all="ignore"):
            si = (some * self.scale + self.offset).astype(np.float32)
        if self.channel.layout == "gaze/pupil":
            si[some == -1.0] = np.nan
        elif self.channel.modality == "gaze":
            si[(some == -1.0).all(axis=1)] = np.nan
        return si.reshape(len(values), *layout_of(self.channel.layout).shape)

    def called(self, source: Source) -> list[str]:
        """What the source calls the columns."""
        return [title(source, n) for n in self.columns]


def map_source(source: Source, wishes: Sequence[Wish] = ()) -> tuple[list[Mapping], list[str]]:
    """The channels of ``source``, and notes on what was assumed or left out.

    Raises SensorError, saying what the source is and how to name its layout, when it has none.
    """
    told = [wish for wish in wishes if wish.name == source.name]
    if told:
        return [_as_told(source, wish) for wish in told], []
    if source.layout:
        whole = _mapping(source, layout_of(source.layout), range(len(source.columns)), "")
        named = replace(whole, channel=replace(whole.channel, name=source.name))
        return [named], list(source.notes)
    mappings, notes = _recognised(source)
    if not mappings:
        why = "; ".join(notes)
        raise SensorError(
            f"stream {source}: {why}. Recognised are EEG with electrodes as labels, gaze (ScreenX, "
            "ScreenY, Diameter) and EDA, temperature, heart rate, respiration rate, RR intervals "
            f"with units. Say --channel '{source.name}[columns]=layout@unit'; layouts are "
            f"{', '.join(rows())}"
        )
    return mappings, [*source.notes, *notes]


def _as_told(source: Source, wish: Wish) -> Mapping:
    columns = [_column(source, name) for name in wish.columns] or range(len(source.columns))
    name = wish.layout
    if name == "columns":  # called as the source does
        name = columns_layout([title(source, n) for n in columns])
    try:
        layout = layout_of(name)
    except ChannelError as error:
        raise SensorError(f"stream {source.name!r}: {error}") from None
    if not layout.is_row:
        raise SensorError(
            f"stream {source.name!r}: layout {layout.name} does not come from such sources; "
            f"allowed are {', '.join(rows())}"
        )
    return _mapping(source, layout, columns, wish.unit)


def rows() -> list[str]:
    """Layouts of which a sample is one row of numbers, those that name their places first."""
    named = [
        (m.name, m.places.called) for m in MODALITIES.values() if m.places and not m.places.each
    ]
    return [
        *(f"{name}/<{called} joined by '-'>" for name, called in named),
        *(layout.name for layout in LAYOUTS.values() if layout.is_row),
    ]


def _column(source: Source, name: str) -> int:
    labels = [column.label for column in source.columns]
    if name in labels:
        return labels.index(name)
    if name.isdigit() and int(name) < len(labels):
        return int(name)
    raise SensorError(
        f"stream {source}: no column {name!r}; give labels, or numbers 0 to {len(labels) - 1}"
    )


def _recognised(source: Source) -> tuple[list[Mapping], list[str]]:
    mappings: list[Mapping] = []
    notes: list[str] = []
    taken: set[int] = set()
    for layout, columns, unit, note in proposals(source):
        try:
            mappings.append(_mapping(source, layout_of(layout), columns, unit))
        except SensorError as error:
            notes.append(str(error))
        else:
            notes += [note] if note else []
        taken.update(columns)
    titles = [title(source, n) for n in range(len(source.columns))]
    left = [name for n, name in enumerate(titles) if n not in taken]
    if left and not taken:
        unknown = layout_of(columns_layout(titles))
        mappings.append(_mapping(source, unknown, range(len(titles)), ""))
        notes.append(
            f"nothing in it is recognised, so its columns go as they are, {unknown.name}; where "
            f"they are something, say --channel '{source.name}[columns]=layout@unit'"
        )
    elif left:
        notes.append(f"not used: {', '.join(left)}")
    return mappings, notes


def _mapping(source: Source, layout: Layout, columns: Sequence[int], unit: str) -> Mapping:
    due = math.prod(layout.shape)
    if len(columns) != due:
        raise SensorError(
            f"stream {source}: {len(columns)} columns for layout {layout.name}, which has {due}; "
            f"choose them by '{source.name}[columns]={layout.name}'"
        )
    some = [source.columns[n] for n in columns]
    units = units_each(unit, [column.unit for column in some])
    try:
        parts = affine(layout, units)
    except SensorError as error:
        titles = ", ".join(title(source, n) for n in columns)
        raise SensorError(
            f"stream {source.name!r}, {titles} as {layout.name}: {error}; "
            f"say --channel '{source.name}[columns]={layout.name}@unit'"
        ) from None
    # Named by what it senses, so that the same sensor has the same name next time.
    sense = layout.name.split("/")[1] if layout.name in LAYOUTS else layout.modality
    name = {"point2": "gaze", "ray": "gaze"}.get(sense, sense)
    scale, offset = zip(*parts, strict=True)
    if source.left_handed:
        signs = layout.signs * (due // len(layout.signs))
        scale = tuple(sign * one for sign, one in zip(signs, scale, strict=True))
    return Mapping(Channel(name, layout.name, source.rate_hz), tuple(columns), scale, offset)


def units_each(told: str, said: Sequence[str]) -> list[str]:
    """A unit per column: as told (one for all, or one each, by comma), else as the source said."""
    if not told:
        return list(said)
    parts = told.split(",")
    if len(said) == 6 and len(parts) == 2:
        parts = [parts[0]] * 3 + [parts[1]] * 3
    return parts if len(parts) == len(said) else [told] * len(said)


def affine(layout: Layout, units: Sequence[str]) -> list[tuple[float, float]]:
    if layout.name == "gaze/point2":
        return _onto_screen(units)
    if layout.unit == ANY:
        return [(1.0, 0.0)] * len(units)
    wanted = zip(units, layout.units_of_all, strict=True)
    return [to_si(unit, dimension) for unit, dimension in wanted]


def _onto_screen(units: Sequence[str]) -> list[tuple[float, float]]:
    """x right and y up, 0..1."""
    unit = plain(units[0]) if len(set(units)) == 1 else ""
    screen = _SCREEN.fullmatch(unit)
    if screen:
        return [(1 / int(screen[1]), 0.0), (-1 / int(screen[2]), 1.0)]
    if unit in ("normalized", "normalised", "1"):
        return [(1.0, 0.0), (1.0, 0.0)]
    if unit == "normalized-down":
        return [(1.0, 0.0), (-1.0, 1.0)]
    got = " and ".join(dict.fromkeys(units))
    raise SensorError(
        f"unit {got!r} where a place on the screen is due; known are normalized (y up), "
        "normalized-down, pixels:WIDTHxHEIGHT"
    )


def renamed(mapping: Mapping, taken: set[str]) -> Mapping:
    """With a channel name that is not ``taken``: eeg, eeg-2, eeg-3, …"""
    name = mapping.channel.name
    number = 2
    while name in taken:
        name, number = f"{mapping.channel.name}-{number}", number + 1
    return replace(mapping, channel=replace(mapping.channel, name=name))
