"""Each user before and after: one line from ``local`` to the headline arm, a panel a set."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import BLUE, GREY, INK, RED, key, look_of, panels, wrapped
from fedxr.evaluation.headline import base_of
from fedxr.evaluation.result import Result, Row, Score


def plots(result: Result) -> list[Plot]:
    """Of the users of the federation, and of unseen ones, where both arms are known of them."""
    out = []
    for role, title, rows in (("federation", "Each user", result.rows),
                              ("unseen", "Each unseen user", result.unseen)):  # fmt: skip
        arm = result.headline
        lines = [one for row in rows for one in _of(row, base_of([row], arm), arm)]
        if lines:
            out.append(Plot(f"users_{role}", f"{title}, before and after",
                            "A line a user, mean over seeds; solid: better, dashed: worse, dotted: "
                            "the same. The bar is the mean.", lines, draw))  # fmt: skip
    return out


def by_user(score: Score | None) -> Mapping[str, float]:
    """Each user's mean over the seeds in which they were."""
    found: dict[str, list[float]] = {}
    for users in score.by_user if score else []:
        for user, figure in users.items():
            found.setdefault(user, []).append(figure)
    return {user: fmean(figures) for user, figures in found.items()}


def _of(row: Row, base: str, headline: str) -> Numbers:
    """Percent."""
    before, after = (by_user(row.arms.get(arm)) for arm in (base, headline))
    return [
        {"set": row.name, "metric": row.metric, "user": user, "base": base,
         "before": 100 * before[user], "arm": headline, "after": 100 * after[user]}
        for user in before
        if user in after
    ]  # fmt: skip


def draw(numbers: Numbers, width: float) -> Figure:
    """Panels share their axis of percent."""
    sets = grouped(numbers, "set")
    figure, every = panels(len(sets), width, 1.75, 1.05, sharey=True)
    for axes, (name, users) in zip(every, sets.items(), strict=True):
        for one in users:
            before, after = value(one, "before"), value(one, "after")
            colour, line = (BLUE, "-") if after > before else (RED, "--")
            if after == before:
                colour, line = GREY, ":"
            axes.plot([0, 1], [before, after], line, color=colour, lw=0.9, marker="o", ms=2.6)
        means = [fmean(value(one, k) for one in users) for k in ("before", "after")]
        for x, mean in enumerate(means):
            axes.plot([x - 0.2, x + 0.2], [mean, mean], color=INK, lw=2, zorder=4)
        better = sum(value(one, "after") > value(one, "before") for one in users)
        axes.set_title(f"{wrapped(name, 14)}\n{better} of {len(users)} better", fontsize=7)
        short = ["fed. +\npers." if x == "federated_personalised" else look_of(str(x)).name
                 for x in (users[0]["base"], users[0]["arm"])]  # fmt: skip
        axes.set_xticks([0, 1], short, fontsize=6.5)
        axes.set_xlim(-0.4, 1.4)
        axes.grid(axis="y")
    for axes in every:
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel("%")
    key(figure,
        [Line2D([], [], color=c, ls=s, lw=w) for c, s, w in
         ((BLUE, "-", 1), (RED, "--", 1), (GREY, ":", 1), (INK, "-", 2))],
        ["better", "worse", "the same", "mean"], width)  # fmt: skip
    return figure
