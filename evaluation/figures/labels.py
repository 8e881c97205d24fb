"""Cold start: quality over labels a class, for members of a federation and for strangers to it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import key, look_of, panels, wrapped
from fedxr.evaluation.label_curves import MEAN, ticks
from fedxr.evaluation.result import LabelCurves, Result

DRAWN = (
    "generic", "local", "federated", "federated_personalised", "fedavg", "classical_own",
    "classical_everyone",
)  # fmt: skip
"""Pooled ridge lies on ``federated``."""
BANDS = ("local", "federated_personalised")


def plots(result: Result) -> list[Plot]:
    """Of the mean where there is one; then of all sets."""
    sets = [one for one in result.cold if one.name != MEAN]
    means = [one for one in result.cold if one.name == MEAN]
    caption = (
        "Over labels a class, mean over users and draws; bands: 95 % interval over users. Pooled "
        "ridge lies on federated."
    )
    out = []
    for name, title, some in (("labels_mean", "Cold start, mean over sets", means),
                              ("labels_sets", "Cold start, each set", sets)):  # fmt: skip
        if some:
            out.append(Plot(name, title, caption, numbers(some), draw))
    return out


def numbers(every: Sequence[LabelCurves]) -> Numbers:
    """Percent; a line a point."""
    return [
        {
            "set": one.name, "metric": one.metric, "role": role, "arm": arm, "labels": tick,
            "mean": 100 * p.mean, "low": 100 * p.low, "high": 100 * p.high, "users": p.users,
            "draws": p.draws,
        }
        for one in every
        for role, found in one.roles.items()
        for arm, points in found.arms.items()
        if arm in DRAWN
        for tick, p in zip(ticks(points), points, strict=True)
    ]  # fmt: skip


def draw(numbers: Numbers, width: float) -> Figure:
    """Members left, strangers right; a line of panels a set."""
    groups = [
        (name, role, lines)
        for name, some in grouped(numbers, "set").items()
        for role, lines in grouped(some, "role").items()
    ]
    figure, every = panels(len(groups), width, 1.55, width / 2, sharey=False)
    for axes, (name, role, lines) in zip(every, groups, strict=True):
        _panel(axes, lines)
        axes.set_title(f"{wrapped(name, 20)}, {role}", fontsize=7)
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel("%")
        if axes.get_subplotspec().is_last_row():  # type: ignore[union-attr]
            axes.set_xlabel("labels a class")
    for left, right in zip(every[::2], every[1::2], strict=False):
        left.sharey(right)
        left.autoscale()
    arms = [arm for arm in DRAWN if arm in grouped(numbers, "arm")]
    looks = [look_of(arm) for arm in arms]
    key(figure,
        [Line2D([], [], color=_colour(arm), ls=k.line, marker=k.marker, ms=3)
         for arm, k in zip(arms, looks, strict=True)],
        [k.name for k in looks], width)  # fmt: skip
    return figure


def _colour(arm: str) -> str:
    """White is no line."""
    return "#6b7385" if arm.startswith("classical") else look_of(arm).colour


def _panel(axes: Axes, lines: Numbers) -> None:
    arms = grouped(lines, "arm")
    known = [str(one["labels"]) for one in arms["generic"]]
    for arm, points in arms.items():
        x = [known.index(str(one["labels"])) for one in points]
        mean, low, high = ([value(one, k) for one in points] for k in ("mean", "low", "high"))
        look = look_of(arm)
        if arm in BANDS:
            axes.fill_between(x, low, high, color=look.colour, alpha=0.18, lw=0)
        axes.plot(x, mean, ls=look.line, color=_colour(arm), marker=look.marker, ms=2.6,
                  lw=1.6 if arm in BANDS else 0.9)  # fmt: skip
    axes.set_xticks(range(len(known)), known)
    axes.grid(axis="y")
