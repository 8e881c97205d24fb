"""One picture a user of what was understood: channels over time, labels coloured, halves below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fedxr.bridge.channels import Samples, layout_of
from fedxr.scenarios.recorded.formats.folder.description import Description
from fedxr.scenarios.recorded.formats.folder.person import Person
from fedxr.scenarios.recorded.stretches import halved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PIXELS = 1600
_GAP = 0.02
"""Between two recordings, as a share of all."""
_LINES = 8
"""Columns of a channel that are drawn, at most."""


def draw(set_: Description, person: Person, path: Path) -> None:
    """Write the picture of ``person`` to ``path`` (PNG)."""
    from matplotlib.figure import Figure

    recordings = [r for r in person.recordings if r.samples]
    names = [s.name for s in set_.channels if any(s.name in r.samples for r in recordings)]
    spans = [_span(r.samples.values()) for r in recordings]
    gap = _GAP * sum(b - a for a, b in spans) if len(spans) > 1 else 0.0
    starts = np.cumsum([0.0, *(b - a + gap for a, b in spans)])[:-1]
    figure = Figure(figsize=(11, 1.4 + 1.7 * len(names)), layout="constrained")
    ratios = [*[1.0] * len(names), 0.12]
    axes = figure.subplots(len(names) + 1, 1, sharex=True, squeeze=False, height_ratios=ratios)
    rows, halves = axes[:-1, 0], axes[-1, 0]
    for axis, name in zip(rows, names, strict=True):
        _channel(axis, name, recordings, spans, starts, set_)
    colours = _colours(len(set_.task.names()))
    offset = {id(r): (at, span[0]) for r, span, at in zip(recordings, spans, starts, strict=True)}
    for adapt, recording, stretch in halved(recordings, set_.halves):
        at, first = offset[id(recording)]
        a, b = (at + t / 1e6 - first for t in (stretch.start_us, stretch.end_us))
        for axis in rows:
            axis.axvspan(a, b, color=colours[stretch.label], alpha=0.3, linewidth=0)
        halves.axvspan(a, b, color="0.25" if adapt else "0.75", linewidth=0)
    for at in starts[1:]:
        for axis in rows:
            axis.axvline(at - gap / 2, color="0.6", linewidth=0.6, linestyle=":")
    halves.set_yticks([])
    halves.set_xlabel(
        "time (s)" + (f"; {len(recordings)} recordings, one after the other" if gap else "")
        + "; below: dark to learn from, light to be tested on"
    )  # fmt: skip
    _legend(figure, set_, person, colours)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _span(samples: Any) -> tuple[float, float]:
    """First and last time in s."""
    some = list(samples)
    return min(s.t_us[0] for s in some) / 1e6, max(s.t_us[-1] for s in some) / 1e6


def _channel(
    axis: Any, name: str, recordings: Sequence[Any], spans: Any, starts: Any, set_: Description
) -> None:
    sensor = next(s for s in set_.channels if s.name == name)
    for recording, (first, _), at in zip(recordings, spans, starts, strict=True):
        if name in recording.samples:
            t, x = _thinned(recording.samples[name], _PIXELS // len(recordings))
            for k in range(min(x.shape[1], _LINES)):
                axis.plot(at + t - first, x[:, k], color=f"C{k}", linewidth=0.6)
    columns = [str(c) for c in sensor.columns]
    shown = ", ".join(columns[:_LINES]) + (", …" if len(columns) > _LINES else "")
    unit = layout_of(sensor.layout).unit if sensor.layout else ""
    axis.set_title(
        f"{name}: {shown}" + (f" ({unit})" if unit else ""), fontsize=8, loc="left", pad=3
    )
    axis.tick_params(labelsize=7)
    axis.margins(x=0)


def _thinned(samples: Samples, most: int) -> tuple[Any, Any]:
    """Times (s) and rows (n, K) of which lowest and highest of each of ``most`` pieces are kept."""
    x = samples.values.reshape(len(samples), -1)
    if len(x) <= 4 * most:
        return samples.t_us / 1e6, x
    size = len(x) // most
    count = len(x) // size
    pieces = x[: count * size].reshape(count, size, -1)
    both = np.stack((np.nanmin(pieces, 1), np.nanmax(pieces, 1)), 1).reshape(2 * count, -1)
    t = samples.t_us[: count * size : size] / 1e6
    return np.repeat(t, 2), both


def _colours(count: int) -> list[Any]:
    from matplotlib import colormaps

    few = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]
    return (
        few[:count] if count <= len(few) else [colormaps["turbo"](i / count) for i in range(count)]
    )


def _legend(figure: Figure, set_: Description, person: Person, colours: Sequence[Any]) -> None:
    from matplotlib.patches import Patch

    names = set_.task.names()
    handles = [
        Patch(color=colours[i], alpha=0.5, label=f"{name} ({person.seen[name]})")
        for i, name in enumerate(names)
        if person.seen[name]
    ]
    figure.suptitle(f"{set_.name}, {person.name}: {set_.task.name}", fontsize=11, x=0.01, ha="left")
    if handles:
        figure.legend(
            handles=handles, loc="outside upper right", ncols=min(len(handles), 7), fontsize=7,
            frameon=False, handlelength=1,
        )  # fmt: skip
