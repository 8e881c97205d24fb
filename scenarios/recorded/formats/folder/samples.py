"""From the rows of one table to the samples of its channels, and what of them cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Channel, Layout, Samples, columns_layout, layout_of
from fedxr.bridge.sensors.mapping import affine, units_each
from fedxr.bridge.sensors.source import SensorError
from fedxr.scenarios.recorded.formats.folder.description import UNITS_S, Files, Sensor
from fedxr.scenarios.recorded.formats.folder.table import Table
from fedxr.scenarios.recorded.reading import LONGEST_S
from fedxr.scenarios.users import DataError

Rows = NDArray[np.intp]
Seconds = NDArray[np.float64]
OFF = 1.25
"""By how much a rate may differ from that of the times."""


@dataclass
class Sensing:
    """One channel of a set: ``sensor`` as described, and, once a table has been seen, the
    ``channel`` that it is; a ``*`` stands for none of the ``others``. What a conversion lacks is a
    problem of each table."""

    sensor: Sensor
    others: tuple[str | int, ...] = ()
    names: list[str] = field(default_factory=list)

    @property
    def channel(self) -> Channel:
        sensor = self.sensor
        return Channel(sensor.name, sensor.layout or columns_layout(self.names), sensor.rate)

    def read(self, table: Table, rows: Rows, t: Seconds) -> Samples | None:
        """The samples of ``rows`` (n,) at ``t`` (n,) s; rows without any number are left out. None
        where something is wrong: it is among the table's problems."""
        what = f"channel {self.sensor.name!r}"
        at = table.find(self.names or self.sensor.columns, what, self.others)
        if not at or len(at) < len(self.names or self.sensor.columns):
            return None
        if not self.names:
            self.names = [str(table.frame.columns[i]) for i in at]
        layout = layout_of(self.channel.layout)
        try:
            scale, offset = _conversion(self.sensor, layout, len(at))
        except DataError as error:
            _wrong(table, f"channel {self.sensor.name!r}: {error}")
            return None
        raw = np.stack(
            [table.numbers(i, f"channel {self.sensor.name!r}")[rows] for i in at], axis=1
        )
        with np.errstate(all="ignore"):
            x = (raw * scale + offset).astype(np.float32).reshape(-1, *layout.shape)
        if self.sensor.handed == "left":
            x[..., list(layout.mirrored)] *= -1
        there = np.isfinite(x.reshape(len(x), -1)).any(1) & np.isfinite(t)
        if not there.any():
            _wrong(table, f"channel {self.sensor.name!r}: no row has numbers; check columns")
            return None
        if lost := int((~there).sum()):
            table.notes.append(
                f"{table.path.name}: {lost} of {len(x)} rows hold no {self.sensor.name}"
            )
        self._check_rate(table, t[there])
        _check_range(table, self.sensor, layout, x[there])
        return Samples(np.rint(t[there] * 1e6).astype(np.int64), x[there])

    def _check_rate(self, table: Table, t: Seconds) -> None:
        """Both rates, where that of the times is another than was said."""
        told, found = self.sensor.rate, rate_of(t)
        if not told or not found or 1 / OFF <= found / told <= OFF:
            return
        hint = f"write rate = {found:.3g}"
        for unit, size in UNITS_S.items():
            for was, was_size in UNITS_S.items():
                if 1 / OFF <= found * was_size / size / told <= OFF and unit != was:
                    hint = f"the times look {_times(size / was_size)} as long: see time_unit"
        _wrong(
            table,
            f"channel {self.sensor.name!r}: {found:.4g} Hz by its times, {told:g} Hz by set.toml; "
            f"{hint}",
        )


def _times(ratio: float) -> str:
    return f"{ratio:g} times" if ratio >= 1 else f"1/{1 / ratio:g}"


def rate_of(t: Seconds) -> float:
    """Samples a second of ``t`` (n,): by the median step, or where most stamps come in bursts by
    their number; 0 where there are too few."""
    if len(t) < 3 or t[-1] <= t[0]:
        return 0.0
    step = float(np.median(np.diff(t)))
    mean = (len(t) - 1) / float(t[-1] - t[0])
    return 1 / step if step > 0 and 1 / step < 5 * mean else mean


def _wrong(table: Table, text: str) -> None:
    table.problems.append(f"{table.path}: {text}")


def _conversion(sensor: Sensor, layout: Layout, count: int) -> tuple[Seconds, Seconds]:
    """(K,) scales and offsets that make of the columns what ``layout`` holds."""
    due = math.prod(layout.shape)
    if count != due:
        raise DataError(
            f"{count} columns for layout {layout.name}, which has {due} ({layout.meaning}); list "
            "as many, in that order"
        )
    if layout.unit == "any" or not sensor.unit:
        return np.ones(count), np.zeros(count)
    try:
        units: Sequence[str] = units_each(sensor.unit, [""] * count)
        if len(layout.shape) > 1:
            units = [sensor.unit] * count
        made = affine(layout, units)
    except SensorError as error:
        raise DataError(f"layout {layout.name}: {error}") from None
    scale, offset = zip(*made, strict=True)
    return np.array(scale), np.array(offset)


def _check_range(table: Table, sensor: Sensor, layout: Layout, x: NDArray[np.float32]) -> None:
    if layout.range is None:
        return
    low, high = (np.asarray(end, np.float64) for end in (layout.range.low, layout.range.high))
    beyond = np.isfinite(x) & ((x < low) | (x > high))
    share = float(beyond.mean())
    if not share:
        return
    text = (
        f"channel {sensor.name!r}: {100 * share:.3g} % of its numbers, such as {x[beyond][0]:.4g}, "
        f"are beyond what {layout.name} can be ({low.min():g} to {high.max():g} {layout.unit})"
    )
    if share > 0.5:
        _wrong(table, f"{text}: say in which unit they are, as unit = 'uV'")
    else:
        table.notes.append(f"{table.path.name}: {text}, and count as absent")


def times_of(table: Table, rows: Rows, how: Files, rate_hz: float) -> tuple[Rows, Seconds]:
    """``rows`` in the order of their times, and these (n,) in s; rows without a time are left out.
    Without a time column they follow each other at ``rate_hz``."""
    if how.time is None:
        return rows, np.arange(len(rows)) / (rate_hz or 1.0)
    at = table.find([how.time], "time")
    if not at:
        return rows[:0], np.empty(0)
    t = table.seconds(at[0], how.time_unit, "time")[rows]
    there = np.isfinite(t)
    rows, t = rows[there], t[there]
    back = np.flatnonzero(np.diff(t) < 0)
    if len(back):
        row, fall = int(rows[back[0] + 1]) + table.first, float(-np.diff(t).min())
        if len(back) < len(t) / 100 and fall > 1.0:
            _wrong(
                table,
                f"row {row}: the time goes back by {t[back[0]] - t[back[0] + 1]:.4g} s, "
                f"{len(back)} time{'s' * (len(back) > 1)} in all: are these several recordings? "
                "Name the column that says which (files.recording), or write a file each",
            )
        else:
            table.notes.append(
                f"{table.path.name}: {len(back)} rows are not in the order of time, the first in "
                f"row {row}; they were sorted"
            )
        order = np.argsort(t, kind="stable")
        rows, t = rows[order], t[order]
    if len(t) and t[-1] - t[0] > LONGEST_S:
        _wrong(
            table,
            f"lasts {t[-1] - t[0]:.4g} s; at most {LONGEST_S:g} s are read: see time_unit, or cut "
            "it into recordings",
        )
    return rows, t
