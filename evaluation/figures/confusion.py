"""What was answered to what was true: a matrix for the checkpoint as it came and one for the
headline arm, of every set."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedxr.evaluation.figures.plot import Numbers, Plot, grouped, value
from fedxr.evaluation.figures.style import BLUE, FAINT, INK, PAPER, SMALL, look_of, panels
from fedxr.evaluation.result import Result, Row

BIG = 20
"""Classes above which lines and columns have no names."""


def plots(result: Result) -> list[Plot]:
    """One a set of which answers were counted."""
    return [
        Plot(f"confusion_{_file(row.name)}", f"Answers to {row.name}",
             "Lines: the truth; columns: what was answered; percent of the line, users of the "
             "federation.", found, draw)
        for row in result.rows
        if (found := numbers(row, result.headline))
    ]  # fmt: skip


def _file(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def numbers(row: Row, headline: str) -> Numbers:
    """Counts, and percent of what was true; a line a cell. A class that never was true is empty."""
    out: list[Mapping[str, object]] = []
    for arm in ("generic", headline):
        for truth, line in zip(row.classes, row.confusion.get(arm, []), strict=False):
            for answer, count in zip(row.classes, line, strict=True):
                share = 100 * count / sum(line) if sum(line) else None
                out.append({"arm": arm, "truth": truth, "answer": answer, "count": count,
                            "percent": share})  # fmt: skip
    return out


def draw(numbers: Numbers, width: float) -> Figure:
    """Side by side where the classes are few, else below each other."""
    arms = grouped(numbers, "arm")
    classes = list(grouped(numbers, "truth"))
    few = len(classes) <= 6
    room = 1.5 if few else min(width, 3.3)
    figure, every = panels(len(arms), width, room + 0.35, room)
    for i, (axes, (arm, cells)) in enumerate(zip(every, arms.items(), strict=True)):
        _matrix(axes, cells, classes, numbers_in=len(classes) <= 10)
        axes.set_title(look_of(arm).name)
        if few and i:
            axes.set_yticks([])
        else:
            axes.set_ylabel("truth")
        axes.set_xlabel("answered")
    return figure


def _matrix(axes: Axes, cells: Numbers, classes: list[str], numbers_in: bool) -> None:
    for i, one in enumerate(cells):
        y, x = divmod(i, len(classes))
        share = value(one, "percent")
        if not share >= 0:
            continue
        axes.fill([x - 0.5, x + 0.5, x + 0.5, x - 0.5], [y - 0.5, y - 0.5, y + 0.5, y + 0.5],
                  color=BLUE, alpha=share / 100, lw=0)  # fmt: skip
        if numbers_in and share >= 0.5:
            axes.text(x, y, f"{share:.0f}", ha="center", va="center", fontsize=SMALL,
                      color=PAPER if share > 55 else INK)  # fmt: skip
    ends = (-0.5, len(classes) - 0.5)
    for at in range(len(classes) + 1):
        axes.plot(ends, [at - 0.5] * 2, color=FAINT, lw=0.3, zorder=0)
        axes.plot([at - 0.5] * 2, ends, color=FAINT, lw=0.3, zorder=0)
    axes.set(xlim=ends, ylim=ends[::-1], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(classes) <= BIG:
        short = [name if len(name) <= 12 else f"{name[:11]}…" for name in classes]
        axes.set_xticks(range(len(classes)), short, rotation=90, fontsize=SMALL)
        axes.set_yticks(range(len(classes)), short, fontsize=SMALL)
    else:
        axes.set(xticks=[], yticks=[])
