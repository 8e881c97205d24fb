"""``report.html``: a result as one page that needs nothing else, and ``figures/`` beside it: every
plot as PDF, SVG and CSV, every table as LaTeX and CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from fedxr.evaluation import sheets
from fedxr.evaluation.baselines import OPTIMISTIC
from fedxr.evaluation.compared import HOW, delay
from fedxr.evaluation.headline import sentences
from fedxr.evaluation.label_curves import MEAN
from fedxr.evaluation.page import Section, folded, page, paragraphs, shown, words
from fedxr.evaluation.result import Result, Row, check
from fedxr.evaluation.sheets import Sheet, plain
from fedxr.evaluation.tables import SHORT, arms_of

if TYPE_CHECKING:
    from fedxr.evaluation.figures.plot import Plot

COLUMN = 3.35
"""Inches: a column of a paper."""


class Parts:
    """The plots and tables of one report, by name; what is shown is written, too."""

    def __init__(self, plots: Sequence[Plot]) -> None:
        self.plots = {plot.name: plot for plot in plots}
        self.sheets: list[Sheet] = []

    def figures(self, *starts: str) -> str:
        """The plots whose names begin so, side by side where there is room."""
        some = [p for start in starts for p in self.plots.values() if p.name.startswith(start)]
        return f'<div class="figures">{"".join(map(_figure, some))}</div>' if some else ""

    def table(self, sheet: Sheet | None) -> str:
        """A table below its caption."""
        if sheet is not None:
            self.sheets.append(sheet)
        return shown(sheet)

    def write(self, folder: Path, width: float) -> list[Path]:
        """All files; nothing where there is nothing. Raises OSError."""
        if not self.plots and not self.sheets:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        out = [path for plot in self.plots.values() for path in plot.write(folder, width)]
        return out + [path for sheet in self.sheets for path in sheet.write(folder)]


def _figure(plot: Plot) -> str:
    files = " · ".join(
        f'<a href="figures/{plot.name}.{kind}" aria-label="{escape(plot.title)} as {kind.upper()}">'
        f"{kind.upper()}</a>"
        for kind in ("pdf", "svg", "csv")
    )
    return (
        f"<figure><h3>{escape(plot.title)}</h3>{plot.inline()}"
        f"<figcaption>{escape(plot.caption)} {files}</figcaption></figure>"
    )


def write_report(result: Result, path: Path, width: float = COLUMN) -> list[Path]:
    """Write ``result`` as the page ``path``, and ``figures/`` beside it, plots ``width`` inches
    wide; returns the files. Raises ResultError, OSError."""
    from fedxr.evaluation.figures.all_plots import plots_of
    from fedxr.evaluation.figures.plot import variables

    check(result)
    parts = Parts(plots_of(result))
    cut = ["Interrupted. This is what was done until then."] if result.interrupted else []
    text = page(
        title_of(result),
        result.started,
        sentences(result),
        paragraphs(cut),
        _sections(result, parts),
        (variables(dark=False), variables(dark=True)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [path, *parts.write(path.parent / "figures", width)]


def title_of(result: Result) -> str:
    """What was run, in a line."""
    every = [row.name for row in result.rows] + [one.name for one in result.cold]
    names = list(dict.fromkeys(name.split("/")[0] for name in every if name != MEAN))
    config = result.config
    if result.compared:
        arms = result.compared[0].arms.values()  # none, where it ended before the headsets came
        users = max((score.users for score in arms), default=0)
        return f"Live demo of {users:.0f} headsets"
    if result.cold:
        return f"Cold start: {', '.join(names)}"
    if not names:
        return "A run without figures"
    how = f"{config.get('coordination', '')} federation".strip()
    return f"{how[:1].upper()}{how[1:]}: {', '.join(names)}"


def _sections(result: Result, parts: Parts) -> list[Section]:
    demo = bool(result.compared)
    return [
        Section("Requirements", _requirements(result)),
        Section("Beside replays", _compared(result, parts)),
        Section("By task" if demo else "Federation",
                _quality(result, "federation", result.rows, parts)),
        Section("Unseen users", _quality(result, "unseen", result.unseen, parts)),
        Section("Seeds", parts.table(sheets.seeds(result))),
        Section("Rounds and cost", parts.figures("rounds", "bytes", "joules")),
        Section("Cold start", _cold(result, parts)),
        Section("Learning curves", parts.figures("learning")),
        Section("Confusions", folded("Matrices of every set", parts.figures("confusion"))),
        Section("Latency", _latency(result, parts)),
        Section("The run", _run(result, parts)),
        Section("Setting", _setting(result)),
    ]  # fmt: skip


def _compared(result: Result, parts: Parts) -> str:
    """A demo beside its replays."""
    if not result.compared:
        return ""
    few, every = (parts.table(sheet) for sheet in sheets.demo(result))
    return paragraphs([HOW]) + few + folded("All windows and states, with counts", every)


def _quality(result: Result, role: str, rows: Sequence[Row], parts: Parts) -> str:
    if not rows or not arms_of(rows):
        return ""
    out = parts.figures(f"arms_{role}", f"users_{role}")
    out += parts.table(sheets.quality(result, role, rows))
    if not result.compared:
        out += parts.table(sheets.gains(result, role, rows))
    kinds = [(row.name, f"{SHORT[arm]}: {kind}") for row in rows
             for arm, kind in row.classical.items() if arm in SHORT]  # fmt: skip
    if kinds:
        out += folded(f"Classical models: {OPTIMISTIC}", words(kinds, "Classical models"))
    halves = [(row.name, row.halves) for row in rows if row.halves]
    if halves:
        out += folded("How each user's time is halved", words(halves, "Halves"))
    return out


def _cold(result: Result, parts: Parts) -> str:
    """The mean over sets open, the tables of each set folded."""
    if not result.cold:
        return ""
    out = [parts.figures("labels")]
    each = [[parts.table(sheet) for sheet in sheets.labels(one, number)]
            for number, one in enumerate(result.cold)]  # fmt: skip
    out += each[-1]
    out.append(folded("Each set", "".join(text for one in each[:-1] for text in one)))
    halves = [(one.name, one.halves) for one in result.cold if one.halves]
    if halves:
        out.append(folded("How each user's time is halved", words(halves, "Halves")))
    return "".join(out)


def _latency(result: Result, parts: Parts) -> str:
    found = parts.table(sheets.latency(result))
    if found and result.compared:
        found += paragraphs([delay(result.labels, result.labels_in_rounds)])
    return found


def _run(result: Result, parts: Parts) -> str:
    """Sums and notes; rounds folded."""
    source = [f"Energy: {result.energy_source}"] if result.energy_source else []
    out = parts.table(sheets.whole(result)) + paragraphs([*source, *result.notes])
    return out + _rounds(result, parts)


def _rounds(result: Result, parts: Parts) -> str:
    if not result.rounds:
        return ""
    lines = [
        [
            f"{r.number}{f', {r.row}' if r.row else ''}",
            f"{r.seconds:.2f}",
            " ".join(c.representative or "none" for c in r.clusters),
            " ".join(str(c.gamma) for c in r.clusters),
            " ".join(f"{c.lambda2:.2f}" for c in r.clusters),
            str(r.absent),
            str(r.late),
            "–" if r.accuracy is None else f"{100 * r.accuracy:.1f}",
        ]
        for r in result.rounds
    ]
    head = ["round", "s", "representatives", "Γ", "λ", "absent", "late", "accuracy %"]
    caption = "Every round: representatives, consensus steps Γ, spectral norms λ"
    table = parts.table(plain("table_rounds", caption, head, lines))
    return folded(f"{len(lines)} rounds", table)


def _requirements(result: Result) -> str:
    items = []
    for r in result.requirements:
        word = "held" if r.passed else "failed"
        value = r.reason if r.value is None else f"is {r.value:.4g}"
        items.append(f'<li class="{word}">{escape(f"{r.expression}: {word}, {value}")}</li>')
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _setting(result: Result) -> str:
    """How the run can be repeated: command, protocol, config, versions and machine."""
    config = json.dumps(result.config, indent=2, ensure_ascii=False, sort_keys=True)
    known = [*result.machine.items(), *result.versions.items()]
    return (
        f"<pre>{escape(' '.join(result.command))}</pre>"
        f"<p>Seeds {escape(', '.join(map(str, result.seeds)))}.</p>"
        f"<h3>Protocol</h3>{paragraphs([result.protocol])}"
        + folded("Config", f"<pre>{escape(config)}</pre>")
        + folded("Machine and versions", words(known, "Machine and versions"))
    )
