"""A plot: a name, the numbers that it shows and how they are drawn; its files and its inline form.

``draw`` sees the numbers and the width alone, so the CSV beside a figure is all that is in it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from fedxr.evaluation.csv_file import write_csv
from fedxr.evaluation.figures.style import COLUMN, DARK, house

Numbers = Sequence[Mapping[str, object]]
"""A mapping of the same columns for each line of the CSV."""


@dataclass(frozen=True)
class Plot:
    """``name`` is that of its files, ``title`` says what it shows in a few words, ``caption`` all
    that a reader needs beside it."""

    name: str
    title: str
    caption: str
    numbers: Numbers
    draw: Callable[[Numbers, float], Figure]

    def figure(self, width: float = COLUMN) -> Figure:
        """Drawn ``width`` inches wide."""
        with house():
            figure = self.draw(self.numbers, width)
            figure.draw_without_rendering()  # laid out once, not anew for each file
            figure.set_layout_engine("none")
        return figure

    @cached_property
    def _column(self) -> tuple[Figure, str]:
        """For the page and for the files, drawn once."""
        return _drawn(self.figure())

    def write(self, folder: Path, width: float = COLUMN) -> list[Path]:
        """``name`` as PDF, SVG and CSV in ``folder``."""
        figure, svg = self._column if width == COLUMN else _drawn(self.figure(width))
        paths = [folder / f"{self.name}.{kind}" for kind in ("pdf", "svg", "csv")]
        with house():
            figure.savefig(paths[0], metadata={"CreationDate": None})
        paths[1].write_text(svg, encoding="utf-8")
        write_csv(self.numbers, paths[2])
        return paths

    def inline(self) -> str:
        """As SVG of column width for a page whose style sheet has :func:`variables`."""
        text = self._column[1]
        text = text[text.index("<svg") :]
        for colour in DARK:
            text = text.replace(colour, f"var({_variable(colour)})")
        # names are unique in the page, not just in the drawing
        text = re.sub(r'\bid="', f'id="{self.name}-', text)
        text = re.sub(r'(url\(|href=")#', rf"\1#{self.name}-", text)
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        label = escape(f"{self.title}. The numbers are in figures/{self.name}.csv.")
        return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _drawn(figure: Figure) -> tuple[Figure, str]:
    """``figure`` and its SVG: text is text, and the same figure gives the same file."""
    out = io.StringIO()
    with house():
        figure.savefig(out, format="svg", metadata={"Date": None})
    return figure, out.getvalue()


def variables(dark: bool) -> str:
    """The colours as variables of a style sheet."""
    return " ".join(f"{_variable(a)}: {b if dark else a};" for a, b in DARK.items())


def _variable(colour: str) -> str:
    return f"--c-{colour[1:]}"


def value(one: Mapping[str, object], name: str) -> float:
    """The number ``name``; not-a-number, which is not drawn, where it was not measured."""
    found = one[name]
    return float(found) if isinstance(found, int | float) else float("nan")


def grouped(numbers: Numbers, name: str) -> dict[str, list[Mapping[str, object]]]:
    """The lines by what they have in the column ``name``, in the order in which it comes."""
    out: dict[str, list[Mapping[str, object]]] = {}
    for one in numbers:
        out.setdefault(str(one[name]), []).append(one)
    return out
