"""The house style of all figures: sizes of a two-column paper, colours, hatches, markers.

Column width 3.35 in, full width 6.9 in, 8 pt, nothing below 6.5 pt, thin axes on two sides only.
Colours are those of Okabe and Ito (Color Universal Design, 2008), which the colour-blind tell
apart; each arm has a hatch, a marker and a line of its own as well, so that it is known in grey.
What shows on paper has a counterpart for a dark page (:data:`DARK`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN, FULL = 3.35, 6.9
"""Inches: one column of a paper, and both."""

INK, GREY, FAINT, PAPER = "#1d2230", "#6b7385", "#d5d9e2", "#ffffff"
ORANGE, SKY, GREEN, BLUE, RED, PURPLE = (
    "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7",
)  # fmt: skip
DARK = {
    INK: "#e6e9f2", GREY: "#a3abbd", FAINT: "#3a4152", PAPER: "#14171f", ORANGE: "#f0b340",
    SKY: "#7cc4f0", GREEN: "#2fbf94", BLUE: "#4aa5e6", RED: "#ff8440", PURPLE: "#dd97bd",
}  # fmt: skip
"""Colour on paper -> colour on a dark page."""


@dataclass(frozen=True)
class Look:
    """How one arm is drawn, and its name where there is little room."""

    name: str
    colour: str
    hatch: str = ""
    marker: str = "o"
    line: str = "-"


LOOKS = {
    "generic": Look("generic", GREY, "", "o", ":"),
    "last_label": Look("last label", FAINT, "....", "x", ":"),
    "local": Look("local", ORANGE, "////", "s", "--"),
    "centralized": Look("centralized", GREEN, "\\\\\\\\", "^"),
    "decentralized": Look("decentralized", SKY, "----", "v"),
    "semi-decentralized": Look("semi-decentralized", BLUE, "", "D"),
    "federated": Look("federated", SKY, "\\\\\\\\", "v", "-."),
    "federated_personalised": Look("fed. + personal", BLUE, "", "D"),
    "pooled": Look("pooled", PURPLE, "xxxx", "P", "-."),
    "live": Look("live", RED, "", "*"),
    "fedavg": Look("softmax FedAvg", GREEN, "----", "^", "--"),
    "pooled_softmax": Look("softmax pooled", PURPLE, "....", "x", ":"),
    "classical_own": Look("classical: own", PAPER, "", "<", "--"),
    "classical_pretraining": Look("classical: + pretr.", PAPER, "////", ">", "--"),
    "classical_everyone": Look("classical: everyone", PAPER, "xxxx", "h", "-."),
}
"""Arm -> look. Classical models are white, so that ours and theirs are two families."""

SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, GREY, INK)
MARKERS = ("o", "s", "D", "^", "v", "P", "<", "h")
"""For what has no look of its own, as the runs of a comparison."""

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica"],
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "axes.titlecolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
    "ytick.major.size": 2.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.5,
    "lines.linewidth": 1.2, "lines.markersize": 3.5, "hatch.linewidth": 0.5,
    "legend.frameon": False, "legend.handlelength": 1.8, "legend.columnspacing": 1.2,
    "text.parse_math": False,  # names of sets and runs may hold a $
    "legend.borderaxespad": 0.2, "figure.facecolor": PAPER, "axes.facecolor": "none",
    "savefig.facecolor": PAPER, "figure.dpi": 150,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "fedxr",
}  # fmt: skip
SMALL = 6.5
"""Points; on a phone of 390 px, where a column is shown 350 px wide, that is 9.4 px."""


@contextmanager
def house() -> Iterator[None]:
    """Everything that is drawn or saved inside has the house style."""
    with rc_context(_RC):
        yield


class ShownFigure(Figure):
    """A figure of no window: a notebook shows it once, where it is a cell's value; elsewhere
    ``savefig`` writes it."""

    def _repr_png_(self) -> bytes:
        out = BytesIO()
        with house():
            self.savefig(out, format="png", dpi=200)
        return out.getvalue()


def panels(
    count: int,
    width: float,
    tall: float,
    narrowest: float,
    sharex: bool = False,
    sharey: bool = False,
) -> tuple[Figure, list[Axes]]:
    """A figure ``width`` inches wide of ``count`` panels ``tall`` inches high, as many side by side
    as are at least ``narrowest`` inches wide; read from left to right."""
    across = max(1, min(count, int(width / narrowest)))
    down = -(-count // across)
    figure = ShownFigure(figsize=(width, tall * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharex=sharex, sharey=sharey)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])


def look_of(arm: str) -> Look:
    """As the arm is called where it has no look of its own."""
    return LOOKS.get(arm, Look(arm, GREY))


def key(figure: Figure, handles: Sequence[Artist], names: Sequence[str], width: float) -> None:
    """The key below the panels, in as many columns as there is room for."""
    longest = max((len(name) for name in names), default=1)
    across = max(1, min(len(names), int(width / (0.05 * longest + 0.42))))
    tall = 0.16 * -(-len(names) // across)
    high, wide = figure.get_figheight() + tall, figure.get_figwidth()
    figure.set_size_inches(wide, high)
    figure.legend(handles, names, loc="outside lower center", ncols=across)


def wrapped(text: str, most: int) -> str:
    """``text`` in lines of about so many characters, broken at blanks, slashes and commas."""
    lines, line = [], ""
    for word in text.replace("/", "/ ").split(" "):
        joined = f"{line}{'' if line.endswith('/') or not line else ' '}{word}"
        if line and len(joined) > most:
            lines.append(line)
            line = word
        else:
            line = joined
    return "\n".join([*lines, line])
