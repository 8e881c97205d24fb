"""Learning curves of a live run: accuracy up to then, of the checkpoint and of the answers."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import BLUE, GREY, key, panels, wrapped
from fedxr.evaluation.intervals import wilson
from fedxr.evaluation.result import Result


def plots(result: Result) -> list[Plot]:
    """One, a panel a task."""
    found: Numbers = [
        {
            "task": task, "seconds": p.t, "questions": p.questions,
            "generic": None if p.generic is None else 100 * p.generic,
            "adapted": None if p.adapted is None else 100 * p.adapted,
            "low": 100 * ends[0] if ends else None,
            "high": 100 * ends[1] if ends else None,
        }
        for task, points in result.curves.items()
        for p in points
        if p.generic is not None or p.adapted is not None
        for ends in (wilson(p.adapted, p.questions)
                     if p.adapted is not None and p.questions else None,)
    ]  # fmt: skip
    caption = (
        "Percent right of all questions up to then, all headsets; band: Wilson's 95 % interval of "
        "the adapted answers, where their number n is known."
    )
    return [Plot("learning", "Learning curves", caption, found, draw)] if found else []


def draw(numbers: Numbers, width: float) -> Figure:
    """Panels share both axes."""
    tasks = grouped(numbers, "task")
    figure, every = panels(len(tasks), width, 1.4, 1.5, sharex=True, sharey=True)
    for axes, (task, lines) in zip(every, tasks.items(), strict=True):
        t, low, high = ([value(one, k) for one in lines] for k in ("seconds", "low", "high"))
        axes.fill_between(t, low, high, color=BLUE, alpha=0.18, lw=0)
        for name, colour, line in (("generic", GREY, ":"), ("adapted", BLUE, "-")):
            axes.plot(t, [value(one, name) for one in lines], line, color=colour,
                      marker="o" if len(t) < 3 else "")  # fmt: skip
        asked = next((one["questions"] for one in reversed(lines) if one["questions"]), None)
        axes.set_title(wrapped(task, 16) if asked is None else f"{wrapped(task, 16)}, n {asked}")
        axes.set(ylim=(0, 102), xlabel="s")
        axes.grid(axis="y")
        if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
            axes.set_ylabel("% right")
    key(figure, [Line2D([], [], color=GREY, ls=":"), Line2D([], [], color=BLUE)],
        ["generic", "adapted"], width)  # fmt: skip
    return figure
