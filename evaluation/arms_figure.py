"""The figure of a result: every arm of every set with its interval, a panel for each role."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedxr.evaluation.label_figure import draw
from fedxr.evaluation.result import ARMS, Result, ResultError, Row

COLOURS = {
    "generic": "#9aa3b5",
    "last_label": "#5c6475",
    "local": "#c98a1b",
    "centralized": "#2f8f6b",
    "decentralized": "#7bb661",
    "semi-decentralized": "#1f5fbf",
    "federated": "#6ea0dc",
    "federated_personalised": "#1f5fbf",
    "pooled": "#a34fa0",
    "live": "#d1495b",
    "classical_own": "#b08968",
    "classical_pretraining": "#8a5a35",
    "classical_everyone": "#6b4226",
}


class ResultFigure(Figure):
    """A figure of no window: a notebook shows it once, where it is a cell's value; elsewhere
    ``savefig`` writes it."""

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=110)
        return out.getvalue()


def figure_of(result: Result) -> Figure:
    """Arms by set, with 95 % intervals and chance; of a cold start the curves over labels. Raises
    ResultError where the run was stopped before it had any figure."""
    if result.cold:
        return draw(result.cold, ResultFigure)[0][1]
    groups = [(n, r) for n, r in (("federation", result.rows), ("unseen", result.unseen)) if r]
    if not groups:
        raise ResultError("no figures to plot: the run ended before the first set was done")
    arms = [a for a in ARMS if any(a in row.arms for _, rows in groups for row in rows)]
    tall = sum((0.22 * len(arms) + 0.25) for _ in groups[0][1])
    figure = ResultFigure(figsize=(5.2 * len(groups), tall + 1.6), layout="constrained")
    panels = figure.subplots(1, len(groups), sharex=True, squeeze=False)[0]
    for axes, (role, rows) in zip(panels, groups, strict=True):
        _panel(axes, role, rows, arms)
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(
        lines, names, loc="outside lower center", ncols=min(4, 2 * len(groups)), frameon=False,
        fontsize=8,
    )  # fmt: skip
    return figure


def _panel(axes: Axes, role: str, rows: Sequence[Row], arms: Sequence[str]) -> None:
    step = 0.8 / len(arms)
    for number, arm in enumerate(arms):
        found = [(i, row.arms[arm]) for i, row in enumerate(rows) if arm in row.arms]
        y = [i - 0.4 + step * (number + 0.5) for i, _ in found]
        mean = [100 * s.mean for _, s in found]
        apart = [
            [100 * abs(s.mean - (s.mean if end is None else end)) for s, end in ends]
            for ends in ([(s, s.low) for _, s in found], [(s, s.high) for _, s in found])
        ]
        axes.errorbar(
            mean, y, xerr=apart, fmt="o", ms=4.5, lw=1.3, color=COLOURS[arm],
            label=ARMS[arm].split(":")[0],
        )  # fmt: skip
    for i, row in enumerate(rows):
        at = 100 * row.chance
        axes.plot([at, at], [i - 0.42, i + 0.42], ":", color="#555", lw=1, label="chance" * (not i))
        if i:
            axes.axhline(i - 0.5, color="#e4e7ee", lw=0.8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(f"{role} ({' + '.join(str(row.users) for row in rows)} users)", fontsize=10)
    axes.set_xlabel(f"{' / '.join(sorted({row.metric for row in rows}))}, %", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
