"""How much a run's figures depend on its seed: the headline arm and its gain over generic."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rich.table import Table

from fedxr.evaluation.intervals import over_seeds
from fedxr.evaluation.result import Result, Row


def seeds_table(result: Result) -> Table:
    """A line a set; means over the seeds with their 95 % intervals."""
    table = Table(
        title=f"Over {len(result.seeds)} seeds",
        title_justify="left",
        caption="percent [95 % interval over seeds, Student's t]; requirements judge the means",
        caption_justify="left",
    )
    for head, justify in (("set", "left"), (result.headline.replace("_", "\n"), "right"),
                          ("generic", "right"), ("gain", "right")):  # fmt: skip
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    found = [
        (row.name, _seeds(row, result.headline), _seeds(row, "generic")) for row in result.rows
    ]
    for name, ours, generic in found:
        table.add_row(name, *_cells(ours, generic))
    whole = [(ours, generic) for _, ours, generic in found if len(ours) == len(result.seeds)]
    if len(whole) > 1:
        means = [
            [fmean(some) for some in zip(*arm, strict=True)] for arm in zip(*whole, strict=True)
        ]
        table.add_section()
        table.add_row("mean over sets", *_cells(means[0], means[1]))
    return table


def _seeds(row: Row, arm: str) -> list[float]:
    return row.arms[arm].per_seed if arm in row.arms else []


def _cells(ours: Sequence[float], generic: Sequence[float]) -> list[str]:
    gain = [a - b for a, b in zip(ours, generic, strict=False)]
    return [_cell(ours), _cell(generic), _cell(gain, "+")]


def _cell(means: Sequence[float], sign: str = "") -> str:
    """``85.0 [80, 90]``, in percent."""
    if not means:
        return "–"
    text, sure = f"{100 * fmean(means):{sign}.1f}", over_seeds(means)
    return (
        text if sure is None else f"{text} [{100 * sure[0]:{sign}.0f}, {100 * sure[1]:{sign}.0f}]"
    )
