"""All plots of a result, in the order in which the report shows them."""

from __future__ import annotations

from matplotlib.figure import Figure

from fedxr.evaluation.figures import arms, confusion, curves, labels, rounds, users
from fedxr.evaluation.figures.plot import Plot
from fedxr.evaluation.figures.style import FULL
from fedxr.evaluation.result import Result, ResultError

KINDS = (arms, users, rounds, labels, curves, confusion)


def plots_of(result: Result) -> list[Plot]:
    """Only what the run measured."""
    return [plot for kind in KINDS for plot in kind.plots(result)]


def figure_of(result: Result, name: str | None = None, width: float | None = None) -> Figure:
    """The plot ``name`` (default: the first), ``width`` inches wide. Raises ResultError where the
    run was stopped before it had any figure, or has no such plot."""
    found = {plot.name: plot for plot in plots_of(result)}
    if not found:
        raise ResultError("no figures to plot: the run ended before the first set was done")
    if name is not None and name not in found:
        raise ResultError(f"no plot {name!r}; this run has {', '.join(found)}")
    plot = found[name] if name else next(iter(found.values()))
    return plot.figure(width or FULL)
