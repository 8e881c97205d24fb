"""When the rows of a table were: their times in order, the rate that these have, and their gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.formats.folder.description import UNITS_S, Description, Sensor
from fedxr.scenarios.recorded.formats.folder.table import Table
from fedxr.scenarios.recorded.reading import LONGEST_S

Rows = NDArray[np.intp]
Seconds = NDArray[np.float64]
SLIGHT, OFF = 0.02, 0.05
"""By which share a rate may differ from that of the times without a word, and at all."""
FEW, OFF_OF_FEW = 20, 0.25
"""Of fewer steps a rate is a guess, and may differ by so much."""
BACK = "time goes back"
"""Kind of problem after which a rate says nothing."""
GAP_PERIODS, GAP_S = 5.0, 0.25
"""What is longer than both, between two samples, is a gap: periods of the channel, and seconds."""


def times_of(table: Table, rows: Rows, set_: Description, rate_hz: float) -> tuple[Rows, Seconds]:
    """``rows`` in the order of their times, and these (n,) in s; rows without a time are left out.
    Without a time column they follow each other at ``rate_hz``."""
    how = set_.files
    if how.time is None:
        return rows, np.arange(len(rows)) / (rate_hz or 1.0)
    at = table.find([how.time], "files.time", "time")
    if not at:
        return rows[:0], np.empty(0)
    before = len(table.problems)
    t = table.seconds(at[0], how.time_unit, "time", "files.time_unit")[rows]
    there = np.isfinite(t)
    if not there.all() and there.any() and len(table.problems) == before:
        lost = np.flatnonzero(~there)
        table.note(
            f"{len(lost)} of {len(t)} rows have no time in column {table.name(at[0])}, the first "
            f"is row {int(rows[lost[0]]) + table.first}; they are left out: fill it, or remove them"
        )
    rows, t = rows[there], t[there]
    back = np.flatnonzero(np.diff(t) < 0)
    if len(back):
        _tell_back(table, rows, t, back, set_)
        order = np.argsort(t, kind="stable")
        rows, t = rows[order], t[order]
    if len(t) and t[-1] - t[0] > LONGEST_S:
        table.problem(
            f"lasts {t[-1] - t[0]:.4g} s; at most {LONGEST_S:g} s are read: see "
            f"{set_.toml.named('files.time_unit')}, or cut it into recordings"
        )
    return rows, t


def _tell_back(table: Table, rows: Rows, t: Seconds, back: Rows, set_: Description) -> None:
    """Rows are out of order, or several recordings are in one file."""
    row, fall = int(rows[back[0] + 1]) + table.first, float(-np.diff(t).min())
    if len(back) < len(t) / 100 and fall > 1.0:
        table.problem(
            f"the time goes back by {t[back[0]] - t[back[0] + 1]:.4g} s, "
            f"{len(back)} time{'s' * (len(back) > 1)} in all: are these several recordings? "
            f"Name the column that says which, {set_.toml.named('files.recording')}, or write a "
            "file each",
            row=row,
            kind=BACK,
        )
    else:
        table.note(
            f"{len(back)} rows are not in the order of time, the first in row {row}; they were "
            "sorted"
        )


def rates_of(t: Seconds) -> tuple[float, float, float]:
    """Samples a second of ``t`` (n,): between gaps, by the median step, and by their number over
    all the time; zeros where there are too few. Where stamps jitter, or single samples are lost,
    the first two differ; where most stamps come in bursts the last is the only one that counts."""
    if len(t) < 3 or t[-1] <= t[0]:
        return 0.0, 0.0, 0.0
    steps = np.diff(t)
    median, mean = float(np.median(steps)), len(steps) / float(t[-1] - t[0])
    if median <= 0 or 1 / median >= 5 * mean:
        return mean, mean, mean
    usual = steps[steps < 3 * median]
    return len(usual) / float(usual.sum()), 1 / median, mean


def _off(told: float, t: Seconds) -> float:
    """By which share ``told`` lies beyond what may be called the rate of ``t`` (n,)."""
    between, median, mean = rates_of(t)
    low, high = sorted((between, median))
    return min(max(low / told - 1, 1 - high / told, 0.0), abs(mean / told - 1))


def rate_fits(table: Table, set_: Description, sensor: Sensor, t: Seconds) -> bool:
    """Whether the times ``t`` (n,) s have the sensor's rate, counted in any way; where they haven't
    both rates are a problem, where they differ slightly a note."""
    told, found = sensor.rate, rates_of(t)[0]
    if not told or not found or any(one.kind == BACK for one in table.problems):
        return True
    off = _off(told, t)
    allowed = OFF if len(t) > FEW else OFF_OF_FEW
    if off <= SLIGHT or (off <= allowed and len(t) <= FEW):
        return True
    at = set_.toml.named(set_.key(sensor, "rate"))
    text = (
        f"channel {sensor.name!r}: {found:.4g} Hz by its times, {told:g} Hz by set.toml "
        f"({100 * off:.2g} % off; {100 * allowed:g} % are allowed); {_remedy(found, told)}"
    )
    kind = f"rate {sensor.name} {found:.2g}"
    if off <= allowed:
        table.note(f"{text}: {at}", kind=f"{kind} slightly")
        return True
    where = at if "time_unit" not in text else set_.toml.named("files.time_unit")
    table.problem(f"{text}: {where}", kind=kind)
    return False


def _remedy(found: float, told: float) -> str:
    """The measured rate; where it is off as a unit of time is from another, that."""
    for unit, size in UNITS_S.items():
        for was, was_size in UNITS_S.items():
            ratio = size / was_size
            if unit != was and abs(found / ratio / told - 1) <= OFF_OF_FEW:
                much = f"{ratio:g} times" if ratio >= 1 else f"1/{1 / ratio:g}"
                return f"the times look {much} as long, see time_unit"
    whole = round(found)
    near = whole and abs(found / whole - 1) < 0.005
    return f"write rate = {whole if near else f'{found:.4g}'}, or 0 where samples come irregularly"


def tell_gaps(table: Table, sensor: Sensor, rows: Rows, t: Seconds) -> None:
    """Note where nothing was sampled at times ``t`` (n,) s of ``rows``, in their order."""
    if not sensor.rate or len(t) < 2:
        return
    steps = np.diff(t)
    gaps = np.flatnonzero(steps > max(GAP_PERIODS / sensor.rate, GAP_S))
    if not len(gaps):
        return
    longest = int(gaps[np.argmax(steps[gaps])])
    row = int(rows[longest]) + table.first
    many = f"{len(gaps)} gaps of {steps[gaps].sum():.4g} s in all, the longest"
    table.note(
        f"channel {sensor.name!r}: {many if len(gaps) > 1 else 'a gap'} of {steps[longest]:.4g} s "
        f"after row {row}; where every channel lacks half of its samples nothing is asked: if the "
        "recording was paused this is right, else see what was lost",
        kind=f"gaps {table.path} {len(gaps)} {row}",
    )
