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
from fedxr.scenarios.recorded.formats.folder.description import Description, Sensor
from fedxr.scenarios.recorded.formats.folder.table import Table
from fedxr.scenarios.recorded.formats.folder.times import Rows, Seconds, rate_fits, tell_gaps
from fedxr.scenarios.users import DataError

Truths = NDArray[np.bool_]


@dataclass
class Sensing:
    """One channel of the set ``set_``: ``sensor`` as described, and, once a table has been seen,
    the ``channel`` that it is; a ``*`` stands for none of the ``others``. What a conversion lacks
    is a problem of each table."""

    set_: Description
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
        starred = any("*" in column for column in self.sensor.columns if isinstance(column, str))
        wanted = (self.names if starred else None) or self.sensor.columns
        at = table.find(wanted, self._key("columns"), what, self.others)
        if not at or len(at) < len(wanted):
            return None
        if not self.names:
            self.names = [str(table.frame.columns[i]) for i in at]
        layout = layout_of(self.channel.layout)
        try:
            scale, offset = _conversion(self.sensor, layout, len(at))
        except DataError as error:
            where = self.set_.toml.named(self._key("unit" if "unit" in str(error) else "columns"))
            table.problem(f"{what}: {error}: {where}")
            return None
        before = len(table.problems)
        raw = np.stack([table.numbers(i, what)[rows] for i in at], axis=1)
        with np.errstate(all="ignore"):
            x = (raw * scale + offset).astype(np.float32).reshape(-1, *layout.shape)
        x[~np.isfinite(x)] = np.nan
        if self.sensor.handed == "left":
            x[..., list(layout.mirrored)] *= -1
        there = np.isfinite(x.reshape(len(x), -1)).any(1) & np.isfinite(t)
        if not there.any():
            table.problem(
                f"{what}: no row has numbers; correct {self.set_.toml.named(self._key('columns'))}",
                kind=f"{what}: no row has numbers",
            )
            return None
        if len(table.problems) == before:
            self._tell_empty(table, rows, at, np.isfinite(raw), there)
        rows, t, x = rows[there], t[there], x[there]
        if rate_fits(table, self.set_, self.sensor, t) and self.set_.files.time is not None:
            tell_gaps(table, self.sensor, rows, t)
        self._check_range(table, layout, x)
        return Samples(np.rint(t * 1e6).astype(np.int64), x)

    def _key(self, key: str) -> str:
        return self.set_.key(self.sensor, key)

    def _tell_empty(
        self, table: Table, rows: Rows, at: Sequence[int], full: Truths, there: Truths
    ) -> None:
        """Note rows of a recording that hold nothing of the channel, and single cells (n, columns)
        that aren't ``full`` in rows that are ``there``."""
        lost = np.flatnonzero(~there)
        if len(lost):
            table.note(
                f"{len(lost)} of {len(there)} rows hold no {self.sensor.name}, the first is row "
                f"{int(rows[lost[0]]) + table.first}"
            )
        cells = np.argwhere(~full & there[:, None])
        if len(cells):
            row, column = (int(n) for n in cells[0])
            table.note(
                f"channel {self.sensor.name!r}: {len(cells)} of {full.size} cells are empty, NaN "
                f"or infinite, the first in row {int(rows[row]) + table.first}, column "
                f"{table.name(at[column])}; they count as absent: fill them where there was a value"
            )

    def _check_range(self, table: Table, layout: Layout, x: NDArray[np.float32]) -> None:
        """Say what of ``x`` (n, *layout.shape) cannot be in the layout's unit."""
        if layout.range is None:
            return
        low, high = (np.asarray(end, np.float64) for end in (layout.range.low, layout.range.high))
        beyond = np.isfinite(x) & ((x < low) | (x > high))
        share = float(beyond.mean())
        if not share:
            return
        name = self.sensor.name
        text = (
            f"channel {name!r}: {100 * share:.3g} % of its numbers, such as {x[beyond][0]:.4g}, "
            f"are beyond what {layout.name} can be ({low.min():g} to {high.max():g} {layout.unit})"
        )
        if share > 0.5:
            where = self.set_.toml.named(self._key("unit"))
            table.problem(
                f"{text}: say in which unit they are, as unit = 'uV': {where}", kind=f"range {name}"
            )
        else:
            table.note(f"{text}, and count as absent")


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
        units: Sequence[str] = [u.strip() for u in units_each(sensor.unit, [""] * count)]
        if len(layout.shape) > 1:
            units = [sensor.unit] * count
        made = affine(layout, units)
    except SensorError as error:
        raise DataError(f"layout {layout.name}: {error}") from None
    scale, offset = zip(*made, strict=True)
    return np.array(scale), np.array(offset)
