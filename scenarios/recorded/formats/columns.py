"""Named columns of numbers become channels: those that are recognised in their own layout and in SI
units, as `fedxr sensors` does it (`fedxr.bridge.sensors.mapping`); all others together as columns
that nobody knows, read by an encoder of signal statistics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Channel, Samples, columns_layout
from fedxr.bridge.sensors.mapping import Mapping, map_source, renamed
from fedxr.bridge.sensors.source import Floats, SensorError, Source

MOST = 64
"""Columns of one channel that nobody knows; more are several channels."""


def mapped(source: Source, taken: set[str]) -> tuple[list[Mapping], list[str]]:
    """The channels of ``source``, none called as one that is ``taken``, and what was assumed. Here
    columns that nobody knows are used beside those that are recognised, too."""
    try:
        found, notes = map_source(source)
    except SensorError:  # what is recognised is in no unit that is known
        found, notes = [], []
    found = [mapping for mapping in found if mapping.channel.modality != "columns"]
    used = {n for mapping in found for n in mapping.columns}
    rest = [n for n in range(len(source.columns)) if n not in used]
    for start in range(0, len(rest), MOST):
        some = rest[start : start + MOST]
        labels = [source.columns[n].label or f"c{n + 1}" for n in some]
        channel = Channel(source.name[:60] or "columns", columns_layout(labels), source.rate_hz)
        found.append(Mapping(channel, tuple(some), (1.0,) * len(some), (0.0,) * len(some)))
    out = []
    for mapping in found:
        out.append(renamed(mapping, taken))
        taken.add(out[-1].channel.name)
    assumed = [note for note in notes if not note.startswith(("not used", "nothing in it"))]
    return out, [f"stream {source.name}: {note}" for note in assumed]


def converted(mapping: Mapping, t_us: NDArray[np.int64], values: Floats) -> Samples:
    """Samples of ``values`` (n, columns) at ``t_us`` (n,), in the order of time."""
    order = np.argsort(t_us, kind="stable")
    return Samples(t_us[order], mapping.convert(values[order]))
