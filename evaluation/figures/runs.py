"""Several runs beside each other: by set, over rounds, and over labels a class."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import FULL, INK, MARKERS, SERIES, key, panels, wrapped

LINES = ("-", "--", "-.", ":")
"""With the markers and colours, so that a run is known in grey."""


def levels(name: str, title: str, numbers: Numbers) -> Plot:
    """``numbers``: set, metric, run, mean, low, high, in percent."""
    caption = "Headline arm of each run: mean over users and its 95 % interval."
    return Plot(name, title, caption, numbers, _draw_levels)


def curves(name: str, title: str, numbers: Numbers) -> Plot:
    """``numbers``: panel, run, ``round`` or ``labels``, mean, low, high, in percent."""
    caption = "Headline arm of each run; bands: 95 % interval over users."
    return Plot(name, title, caption, numbers, _draw_curves)


def _looks(numbers: Numbers) -> dict[str, tuple[str, str, str]]:
    """Colour, marker and line of each run, in the order of the runs."""
    return {
        run: (SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, run in enumerate(grouped(numbers, "run"))
    }


def _key(figure: Figure, looks: Mapping[str, tuple[str, str, str]], width: float) -> None:
    marks = [Line2D([], [], color=c, marker=m, ls=line) for c, m, line in looks.values()]
    key(figure, marks, list(looks), width)


def _draw_levels(numbers: Numbers, width: float) -> Figure:
    """A group of dots a set."""
    sets, looks = grouped(numbers, "set"), _looks(numbers)
    tall = len(sets) * (0.13 * len(looks) + 0.12) + 0.45
    figure, (axes,) = panels(1, width, tall, min(width, FULL))
    step = 0.8 / len(looks)
    for at, (_, lines) in enumerate(sets.items()):
        for one in lines:
            place = list(looks).index(str(one["run"]))
            colour, marker, _ = looks[str(one["run"])]
            y = at - 0.4 + step * (place + 0.5)
            axes.plot([value(one, "low"), value(one, "high")], [y, y], color=INK, lw=0.8)
            axes.plot(value(one, "mean"), y, marker, color=colour, ms=4, mec=INK, mew=0.4)
        if at:
            axes.axhline(at - 0.5, color="#d5d9e2", lw=0.5)
    axes.set_yticks(range(len(sets)), [wrapped(name, 14) for name in sets])
    axes.set_ylim(len(sets) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"{' / '.join(sorted({str(one['metric']) for one in numbers}))}, %")
    axes.grid(axis="x")
    _key(figure, looks, width)
    return figure


def _draw_curves(numbers: Numbers, width: float) -> Figure:
    """A panel a set or role, a line a run; what is along the axis is told by place, not size."""
    found, looks = grouped(numbers, "panel"), _looks(numbers)
    along = next(name for name in numbers[0] if name in ("round", "labels"))
    ticks = list(grouped(numbers, along))
    figure, every = panels(len(found), width, 1.5, 1.5, sharey=True)
    for axes, (name, lines) in zip(every, found.items(), strict=True):
        for run, points in grouped(lines, "run").items():
            colour, marker, line = looks[run]
            x = [ticks.index(str(one[along])) for one in points]
            mean, low, high = ([value(one, k) for one in points] for k in ("mean", "low", "high"))
            axes.fill_between(x, low, high, color=colour, alpha=0.12, lw=0)
            axes.plot(x, mean, line, color=colour, marker=marker, ms=2.6)
        shown = range(0, len(ticks), max(1, -(-len(ticks) // 6)))
        axes.set_xticks(list(shown), [ticks[i] for i in shown])
        axes.set_title(wrapped(name, 18))
        axes.set_xlabel("labels a class" if along == "labels" else along)
        axes.grid(axis="y")
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel("%")
    _key(figure, looks, width)
    return figure
