"""Tables on narrow terminals: what does not fit is stacked, a line a cell; no word is ever cut."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text


def print_fitting(table: Table, out: Console) -> None:
    """``table`` where every word of it has room in the width of ``out``, else row by row."""
    out.print(fitting(table, out), highlight=False)


def fitting(table: Table, out: Console) -> RenderableType:
    """``table``, or its rows one below the other: the first cell, then ``head: cell`` for each
    other that says something."""
    for column in table.columns:
        column.overflow = "ellipsis"  # which shows where a word was cut
    drawing = io.StringIO()
    Console(file=drawing, width=out.width, color_system=None).print(table)
    return _stacked(table) if "…" in drawing.getvalue() else table


def _stacked(table: Table) -> Group:
    lines: list[RenderableType] = [Text(str(table.title), style="italic")] if table.title else []
    heads = [_text(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = map(_text, row)
        lines.append(first if first.style else Text.assemble((first.plain, "bold")))
        for head, cell in zip(heads[1:], others, strict=True):
            if cell.plain:
                said = " ".join(cell.plain.split())
                lines.append(Text.assemble(f"  {head.plain}: ", (said, cell.style)))
    if table.caption:
        lines.append(Text(str(table.caption), style="dim italic"))
    return Group(*lines)


def _text(cell: RenderableType) -> Text:
    return Text.from_markup(cell) if isinstance(cell, str) else Text(str(cell))
