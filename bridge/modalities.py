"""Every modality: its layouts, what a device can have of it, who reads it. Plug-ins add theirs.

This is the one registry of sensors; our own rows stand in `fedxr.bridge.sensor_table`. The bridge
takes layouts and plausible ranges from it, the agent encoders and what is standardised per user,
`fedxr sensors` units and labels; the tables of the C# and JS clients are generated from it (`python
-m fedxr.bridge.client_tables`). A plug-in adds a row:

    MODALITIES.add(Modality("radar", layouts=(Layout("radar/range", …),), encoder=RadarEncoder()))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from fedxr.bridge.layouts import ChannelError, Layout, Modality
from fedxr.bridge.sensor_table import OURS
from fedxr.plugins import Registry
from fedxr.plugins.nearest import did_you_mean


class Modalities(Registry[Modality]):
    """The registry of modalities; what was looked up in it is forgotten where it changes."""

    def add(self, entry: Modality) -> Modality:
        """As of every registry; and a modality that nobody reads may be given its encoder:
        ``MODALITIES.add(replace(MODALITIES["depth"], encoder=…))``."""
        known = self.snapshot().get(entry.name)
        if known is not None and known.encoder is None and replace(entry, encoder=None) == known:
            self[entry.name] = entry
            return entry
        found = super().add(entry)
        layout_of.cache_clear()
        return found

    def __setitem__(self, name: str, entry: Modality) -> None:
        super().__setitem__(name, entry)
        layout_of.cache_clear()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        layout_of.cache_clear()

    def restore(self, entries: Mapping[str, Modality]) -> None:
        super().restore(entries)
        layout_of.cache_clear()


class _Layouts(Mapping[str, Layout]):
    """All layouts that have a name of their own, as they stand in the registry."""

    def __getitem__(self, name: str) -> Layout:
        modality = MODALITIES[name.partition("/")[0]]
        return {layout.name: layout for layout in modality.layouts}[name]

    def __iter__(self) -> Iterator[str]:
        return (layout.name for modality in MODALITIES.values() for layout in modality.layouts)

    def __len__(self) -> int:
        return sum(len(modality.layouts) for modality in MODALITIES.values())


@lru_cache(maxsize=512)  # every frame looks; whoever says hello chooses the electrodes
def layout_of(name: str) -> Layout:
    """The layout called ``name``; ``eeg/Oz-O1-…`` and ``fnirs/F3-F4-…`` name their electrodes.

    Raises ChannelError with the known names when there is no such layout.
    """
    modality = MODALITIES.get(name.partition("/")[0])
    found = modality.layout(name) if modality else None
    if found is None:
        places = [(m.name, m.places.called) for m in MODALITIES.values() if m.places]
        *most, last = (f"{name}/<{called} joined by '-'>" for name, called in places)
        known = ", ".join([*LAYOUTS, *most])
        hint = f"{did_you_mean(name, LAYOUTS)}known are {known} and {last}"
        raise ChannelError(f"unknown layout {name!r}; {hint}")
    return found


def modality_of(layout: str) -> Modality:
    """The modality of the layout called ``layout``; raises ChannelError where there is none."""
    found = MODALITIES.get(layout.partition("/")[0])
    if found is None:
        raise ChannelError(f"layout {layout!r} is of no known modality: {', '.join(MODALITIES)}")
    return found


def columns_layout(names: Sequence[str]) -> str:
    """The layout of columns that nobody knows, called as nearly as a layout can be: ``columns/a-b``
    for "a" and "b"; numbered where their names are too long together for the wire."""
    out: list[str] = []
    for number, name in enumerate(names, 1):
        word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:24] or f"c{number}"
        out.append(f"{word}_{number}" if word in out else word)
    layout = "columns/" + "-".join(out)
    return (
        layout
        if len(layout) <= 1024
        else "columns/" + "-".join(f"c{n + 1}" for n in range(len(out)))
    )


MODALITIES = Modalities("modality", OURS)
LAYOUTS: Mapping[str, Layout] = _Layouts()
"""By name; electrodes and optodes come besides."""
