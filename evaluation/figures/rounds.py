"""Accuracy over the rounds, and against the bytes and joules that they took; a panel a set.

Round 0 is the headset's own learning before anybody has met, as near as it is known: the checkpoint
as it came. What rounds cost is counted from there, a headset, all links together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import key, look_of, panels, wrapped
from fedxr.evaluation.result import Cost, Result, Row, Score

BESIDE = ("local", "pooled")
"""Arms that are one figure each, drawn beside the curve of rounds."""


def plots(result: Result) -> list[Plot]:
    """Over rounds, bytes and joules, where accuracy was measured after the rounds."""
    found = [one for row in result.rows for one in numbers(row, result)]
    if not found:
        return []
    said = (
        "Of the headline arm, on at most 48 test questions a user; round 0: the checkpoint as it "
        "came, on all; band: 95 % interval over users. Lines: what the other arms reach at the end."
    )
    over = Plot(
        "rounds", "Accuracy over the rounds", said, found, partial(draw, x="round", label="round")
    )
    if not any(value(one, "bytes") for one in found if one["kind"] == "round"):
        return [over]
    cost = "Of the headline arm after each round, summed over all links and divided by headsets; "
    return [
        over,
        Plot("bytes", "Accuracy against bytes",
             cost + "local costs nothing; pooled sends the samples themselves.", found,
             partial(draw, x="bytes", label="kB a headset")),
        Plot("joules", "Accuracy against energy", cost + "local sends nothing.", found,
             partial(draw, x="joules", label="mJ a headset")),
    ]  # fmt: skip


def numbers(row: Row, result: Result) -> Numbers:
    """Percent, kB and mJ a headset: a line a round, and one for each arm beside."""
    mine = [r for r in result.rounds if r.row == row.name and r.accuracy is not None]
    if not mine:
        return []
    generic, nothing = row.arms.get("generic"), Cost()
    start = _level(generic) if generic else (None, None, None)
    out = [_point(row, "round", result.headline, 0, start, nothing)]
    sent, spent = 0, 0.0
    for i, one in enumerate(mine):
        sent, spent = sent + one.bytes, spent + one.joules
        level, cost = (one.accuracy, one.low, one.high), Cost(bytes=sent, joules=spent)
        out.append(_point(row, "round", result.headline, i + 1, level, cost))
    for arm in BESIDE:
        if arm in row.arms:
            level = _level(row.arms[arm])
            out.append(_point(row, "end", arm, len(mine), level, row.costs.get(arm)))
    return out


Level = tuple[float | None, float | None, float | None]
"""Mean, and the ends of its interval."""


def _level(score: Score) -> Level:
    return score.mean, score.low, score.high


def _point(
    row: Row, kind: str, arm: str, number: int, level: Level, cost: Cost | None
) -> Mapping[str, object]:
    mean, low, high = (None if x is None else 100 * x for x in level)
    users = max(1, row.users)
    return {
        "set": row.name, "metric": row.metric, "kind": kind, "arm": arm, "round": number,
        "mean": mean, "low": low, "high": high,
        "bytes": None if cost is None else cost.bytes / 1e3 / users,
        "joules": None if cost is None else 1e3 * cost.joules / users,
    }  # fmt: skip


def draw(numbers: Numbers, width: float, x: str, label: str) -> Figure:
    """``x`` is the column along the axis, which is called ``label``."""
    sets = grouped(numbers, "set")
    figure, every = panels(len(sets), width, 1.45, 1.5, sharey=True)
    for axes, (name, lines) in zip(every, sets.items(), strict=True):
        _curve(axes, [one for one in lines if one["kind"] == "round"], x)
        _beside(axes, [one for one in lines if one["kind"] == "end"], x)
        axes.set_title(wrapped(name, 18))
        axes.grid(axis="y")
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel("%")
    for axes in every[-_across(every) :]:
        axes.set_xlabel(label)
    looks = [look_of(arm) for arm in grouped(numbers, "arm")]
    key(figure, [Line2D([], [], color=k.colour, ls=k.line, marker=k.marker) for k in looks],
        [k.name for k in looks], width)  # fmt: skip
    return figure


def _across(every: Sequence[Axes]) -> int:
    """Panels of a line: the lowest of each column are the last so many."""
    return sum(axes.get_subplotspec().is_first_row() for axes in every)  # type: ignore[union-attr]


def _curve(axes: Axes, lines: Numbers, x: str) -> None:
    """What costs is drawn on a logarithm, linear up to what the first round costs."""
    look = look_of(str(lines[0]["arm"]))
    at, mean, low, high = ([value(one, k) for one in lines] for k in (x, "mean", "low", "high"))
    axes.fill_between(at, low, high, color=look.colour, alpha=0.18, lw=0)
    axes.plot(at, mean, look.line, color=look.colour, marker=look.marker, ms=2.6)
    if x == "round":
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    elif first := next((x for x in at if x > 0), 0.0):  # nobody sends where one is alone
        axes.set_xscale("symlog", linthresh=first, linscale=0.5)
        tens = [10.0**k for k in range(-6, 10) if first <= 10.0**k]
        axes.xaxis.set_major_locator(FixedLocator([0, *tens]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _beside(axes: Axes, lines: Numbers, x: str) -> None:
    """As a level over rounds, as a point against a cost, where that is known."""
    for one in lines:
        look, mean = look_of(str(one["arm"])), value(one, "mean")
        if x == "round":
            axes.axhline(mean, color=look.colour, ls=look.line, lw=1)
        else:
            low, high, at = (value(one, k) for k in ("low", "high", x))
            axes.plot([at, at], [low, high], color=look.colour, lw=0.8, clip_on=False)
            axes.plot(at, mean, look.marker, color=look.colour, clip_on=False, zorder=5)
