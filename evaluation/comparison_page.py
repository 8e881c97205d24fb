"""``comparison.html``: several runs on one page, and ``figures/`` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fedxr.evaluation.comparison import (
    Run,
    common_sets,
    cost_sheet,
    label_numbers,
    left_out,
    level_numbers,
    levels_sheet,
    round_numbers,
    sentences,
    settings,
)
from fedxr.evaluation.page import Section, page, paragraphs, words
from fedxr.evaluation.report import COLUMN, Parts
from fedxr.evaluation.sheets import plain


def write_comparison(runs: Sequence[Run], path: Path, width: float = COLUMN) -> list[Path]:
    """Write the page ``path`` and ``figures/`` beside it, plots ``width`` inches wide; returns the
    files. Raises ResultError where the runs cannot be compared, with why; OSError."""
    from fedxr.evaluation.figures import runs as figures
    from fedxr.evaluation.figures.plot import Plot, variables

    names = common_sets(runs)
    plots: list[Plot] = []
    for role, title in (("federation", "Users of the federation"), ("unseen", "Unseen users")):
        if numbers := level_numbers(runs, names, role):
            plots.append(figures.levels(f"runs_{role}", title, numbers))
    if numbers := round_numbers(runs, names):
        plots.append(figures.curves("runs_rounds", "Over the rounds", numbers))
    if numbers := label_numbers(runs, names):
        plots.append(figures.curves("runs_labels", "Over labels a class", numbers))
    parts = Parts(plots)
    unlike = settings(runs)
    heads = [run.name for run in runs]
    sections = [
        Section("Figures", parts.figures("runs")),
        Section("Federation", parts.table(levels_sheet(runs, names, "federation"))),
        Section("Unseen users", parts.table(levels_sheet(runs, names, "unseen"))),
        Section("Cost", parts.table(cost_sheet(runs))),
        Section("What differs", parts.table(plain(
            "table_runs_settings", "Settings and versions in which the runs differ",
            ["setting", *heads], [[key, *values] for key, values in unlike],
        )) if unlike else paragraphs(["The runs have the same settings and versions."])),
        Section("Runs", words([(run.name, f"{run.result.started}: {' '.join(run.result.command)}")
                               for run in runs], "Runs")),
    ]  # fmt: skip
    now = datetime.now(UTC).isoformat(timespec="minutes")
    text = page(
        f"Comparison: {', '.join(heads)}", now, sentences(runs, names),
        paragraphs(left_out(runs, names)), sections, (variables(dark=False), variables(dark=True)),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [path, *parts.write(path.parent / "figures", width)]
