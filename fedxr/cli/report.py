"""``fedxr report``: the report of a run drawn anew, or several runs on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional


@dataclass(frozen=True)
class Report:
    """Of one run its report and figures, drawn anew; of several a page that compares them by their
    headline arm, on the sets that all of them have."""

    runs: Positional[tuple[Path, ...]]
    """Folders of runs, or their result.json; the first is what the others are compared with."""
    out: Path | None = None
    """Folder for the page and figures/; default: of one run its own folder, of several
    runs/comparison-<time>."""
    width: Literal["column", "full"] = "column"
    """Of the figures in figures/: one column of a paper (3.35 in) or both (6.9 in)."""


def report_command(chosen: Report, console: Console) -> int:
    """Write the page and the figures, and say what came out. Raises ResultError, OSError."""
    from fedxr.evaluation.comparison import common_sets, read_runs
    from fedxr.evaluation.comparison import sentences as compared
    from fedxr.evaluation.comparison_page import write_comparison
    from fedxr.evaluation.figures.style import COLUMN, FULL
    from fedxr.evaluation.headline import sentences
    from fedxr.evaluation.report import write_report

    if not chosen.runs:
        raise ValueError("no run was named; write fedxr report RUN, or RUN RUN… to compare them")
    runs = read_runs(chosen.runs)
    width = FULL if chosen.width == "full" else COLUMN
    if len(runs) == 1:
        place = chosen.runs[0]
        folder = chosen.out or (place if place.is_dir() else place.parent)
        said = sentences(runs[0].result)
        page, *files = write_report(runs[0].result, folder / "report.html", width)
    else:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        folder = chosen.out or Path("runs") / f"comparison-{now}"
        said = compared(runs, common_sets(runs))
        page, *files = write_comparison(runs, folder / "comparison.html", width)
    for sentence in said:
        console.print(sentence, highlight=False, markup=False)
    line = f"wrote {page} and {len(files)} files in {folder / 'figures'}"
    console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0
