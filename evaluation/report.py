"""``report.html``: a result as one plain page that needs nothing else, not even a network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedxr.evaluation.baselines import OPTIMISTIC
from fedxr.evaluation.compared import HOW, delay, figure, full, lines
from fedxr.evaluation.intervals import wilson
from fedxr.evaluation.label_curves import ticks
from fedxr.evaluation.label_figure import draw
from fedxr.evaluation.result import (
    ARMS,
    COLD_ARMS,
    CurvePoint,
    LabelRole,
    Result,
    Row,
    Score,
    check,
)
from fedxr.evaluation.tables import SHORT, UNCERTAIN, arms_of, mean_percent, percent, totals

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2230; background: #fff;
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid #d5d9e2; text-align: right; }
th:first-child, td:first-child, .text { text-align: left; }
td, th { white-space: nowrap; } details td { white-space: normal; }
.headline { font-weight: 600; background: #eef3fb; }
.failed { color: #a3121f; font-weight: 600; } .held { color: #15693b; }
pre { background: #f4f5f8; padding: .8rem; overflow-x: auto; white-space: pre-wrap; }
svg { max-width: 100%; height: auto; }
"""
_COLOURS = {
    "generic": "#9aa3b5",
    "last_label": "#d8c7e8",
    "local": "#c98a1b",
    "centralized": "#2f8f6b",
    "decentralized": "#7fbf9f",
    "semi-decentralized": "#6ea0dc",
    "federated": "#6ea0dc",
    "federated_personalised": "#1f5fbf",
    "pooled": "#2f8f6b",
    "live": "#1f5fbf",
    "classical_own": "#d7b4a0",
    "classical_pretraining": "#bb7f5f",
    "classical_everyone": "#8a4f33",
}


def _svg(figure: Figure, label: str) -> str:
    """``figure`` as inline SVG with ``label`` for those who cannot see it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    return drawing.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], strong: int = -1) -> str:
    """An HTML table; column ``strong`` is set off. All cells are escaped."""

    def line(cells: Sequence[str], tag: str) -> str:
        marks = (' class="headline"' if i == strong else "" for i in range(len(cells)))
        return "".join(f"<{tag}{m}>{escape(c)}</{tag}>" for m, c in zip(marks, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{line(head, "th")}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _quality_table(rows: Sequence[Row], headline: str, demo: bool = False) -> str:
    """Of a ``demo`` without spreads, which one run has none of, and without the mean over sets,
    which hides how few questions some have."""
    arms = arms_of(rows)
    lines = [
        [row.name, row.metric, str(row.test_windows), str(row.users), f"{100 * row.chance:.1f}"]
        + [(figure if demo else percent)(row.arms.get(arm)) for arm in arms]
        for row in rows
    ]
    if not demo and len(rows) > 1:
        windows = str(sum(row.test_windows for row in rows))
        means = [mean_percent(rows, arm) for arm in arms]
        lines.append(["mean over sets", "", windows, "", "", *means])
    head = ["set", "metric", "test windows", "users", "chance", *(SHORT[arm] for arm in arms)]
    return _table(head, lines, 5 + arms.index(headline) if headline in arms else -1)


def _quality_plot(rows: Sequence[Row]) -> str:
    """Grouped bars: a group per set, a bar per arm; whiskers are 95 % intervals."""
    arms = arms_of(rows)
    figure = Figure(figsize=(9, 0.6 + 0.18 * (len(arms) + 1.5) * len(rows)))
    axes = figure.subplots()
    for place, arm in enumerate(arms):
        shown = [(i, row.arms[arm]) for i, row in enumerate(rows) if arm in row.arms]
        axes.barh(
            [i + (place - len(arms) / 2 + 0.5) * 0.8 / len(arms) for i, _ in shown],
            [100 * score.mean for _, score in shown],
            height=0.8 / len(arms),
            xerr=np.transpose([_whiskers(score) for _, score in shown]),
            error_kw={"elinewidth": 0.7, "ecolor": "#444"},
            color=_COLOURS[arm],
            label=ARMS[arm],
        )
    for i, row in enumerate(rows):
        axes.plot([100 * row.chance] * 2, [i - 0.45, i + 0.45], color="#a3121f", lw=1, ls=":")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 105)
    axes.set_xlabel("percent; whiskers: 95 % interval; dotted: chance")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, frameon=False)
    return _svg(figure, "Quality of every set with every arm; the same numbers are in the table")


def _whiskers(score: Score) -> tuple[float, float]:
    """In percent, to the left and to the right of the mean."""
    low, high = score.low, score.high
    if low is None or high is None:
        return 0.0, 0.0
    return 100 * max(0.0, score.mean - low), 100 * max(0.0, high - score.mean)


def _compared(result: Result) -> str:
    """A demo beside its replays."""
    if not result.compared:
        return ""
    return (
        f"<h2>Live beside its replays</h2><p>{escape(HOW)}</p>{_table(*lines(result.compared))}"
        f"<details><summary>All windows and states, with counts</summary>{_table(*full(result))}"
        "</details>"
    )


def _quality(result: Result) -> str:
    parts = []
    demo = bool(result.compared)
    seen = "By task" if demo else "Users of the federation"
    for title, rows in ((seen, result.rows), ("Unseen users", result.unseen)):
        if rows and arms_of(rows):
            parts += [f"<h2>{title}</h2>", _quality_plot(rows)]
            parts.append(f"<p>{'Percent [95 % interval]' if demo else UNCERTAIN.capitalize()}.</p>")
            parts.append(_quality_table(rows, result.headline, demo))
            chosen = [
                [row.name, SHORT[arm], kind]
                for row in rows
                for arm, kind in row.classical.items()
                if arm in SHORT
            ]
            if chosen:
                parts.append(f"<details><summary>Classical models: {OPTIMISTIC}</summary>")
                parts += [_table(["set", "trained on", "model"], chosen), "</details>"]
            halves = [[row.name, row.halves] for row in rows if row.halves]
            if halves:
                parts.append("<details><summary>How each user's time is halved</summary>")
                parts += [_table(["set", "rule"], halves), "</details>"]
    return "".join(parts)


def _cold(result: Result) -> str:
    """The cold start: the figure, and for each set the numbers of it."""
    if not result.cold:
        return ""
    parts = ["<h2>Cold start: quality over labels a class</h2>"]
    parts += [_svg(figure, title) for title, figure in draw(result.cold)]
    for one in reversed(result.cold):
        for role, found in one.roles.items():
            parts.append(f"<h3>{escape(f'{one.name}, {role}: {found.users} users')}</h3>")
            parts.append(_label_table(found))
    halves = [[one.name, one.halves] for one in result.cold if one.halves]
    parts.append("<details><summary>How each user's time is halved</summary>")
    return "".join([*parts, _table(["set", "rule"], halves), "</details>"])


def _label_table(role: LabelRole) -> str:
    """Percent with the 95 % interval, a line an arm and a difference, a column a number of
    labels."""
    head = ticks(role.arms["generic"])
    lines = []
    for names, curves, sign in ((COLD_ARMS, role.arms, ""), ({}, role.gains, "+")):
        for name, points in curves.items():
            by = dict(zip(ticks(points), points, strict=True))
            cells = [
                f"{100 * by[t].mean:{sign}.1f} [{100 * by[t].low:{sign}.1f}, "
                f"{100 * by[t].high:{sign}.1f}]" if t in by else "–"
                for t in head
            ]  # fmt: skip
            lines.append([names.get(name, name.replace("_", " ")), *cells])
    return _table(["labels a class", *head], lines)


def _latency(result: Result) -> str:
    if not result.latency:
        return ""
    lines = []
    for row in result.latency:
        p50, p99 = ("–" if v is None else f"{v:.1f}" for v in (row.p50_ms, row.p99_ms))
        lines.append([row.task, f"{row.deadline_ms:g}", p50, p99, str(row.replies), str(row.late)])
    head = ["task", "deadline ms", "p50 ms", "p99 ms", "replies", "late"]
    labels = delay(result.labels, result.labels_in_rounds) if result.compared else ""
    return f"<h2>Capture to reply</h2>{_table(head, lines)}<p>{escape(labels)}</p>"


def _curves(result: Result) -> str:
    """One small plot per task: accuracy up to then, of the generic and of the adapted model."""
    if not result.curves:
        return ""
    columns = min(3, len(result.curves))
    lines = -(-len(result.curves) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.3 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat[len(result.curves) :]:
        axes.set_axis_off()
    for axes, (task, points) in zip(grid.flat, result.curves.items(), strict=False):
        times = [point.t for point in points]
        for name, colour in (("generic", "#9aa3b5"), ("adapted", "#1f5fbf")):
            heights = [getattr(point, name) for point in points]
            shown = [float("nan") if h is None else 100 * h for h in heights]
            axes.plot(times, shown, color=colour, label=name, marker="." if len(times) < 3 else "")
        asked = next((p.questions for p in reversed(points)), None)
        title = task if asked is None else f"{task}, n {asked}"
        axes.set(title=title, xlabel="s", ylabel="% right up to then", ylim=(0, 102))
        _band(axes, points)
    grid[0, 0].legend(fontsize=8, frameon=False)
    return "<h2>Learning curves</h2>" + _svg(figure, "Accuracy over time, generic and adapted")


def _band(axes: Axes, points: Sequence[CurvePoint]) -> None:
    """Wilson's interval of the adapted curve, where counts are known: of its questions alone."""
    known = [(p.t, p.adapted, p.questions) for p in points if p.adapted is not None and p.questions]
    if known:
        ends = [wilson(share, n) for _, share, n in known]
        low, high = ([100 * end[i] for end in ends] for i in (0, 1))
        times = [t for t, _, _ in known]
        axes.fill_between(times, low, high, color="#1f5fbf", alpha=0.12, lw=0)


def _rounds(result: Result) -> str:
    if not result.rounds:
        return ""
    lines = [
        [
            str(r.number),
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
    return (
        f"<details><summary>{len(lines)} rounds: representatives, consensus steps Γ, spectral "
        f"norms λ</summary>{_table(head, lines)}</details>"
    )


def _requirements(result: Result) -> str:
    if not result.requirements:
        return ""
    items = []
    for r in result.requirements:
        word = "held" if r.passed else "failed"
        value = r.reason if r.value is None else f"is {r.value:.4g}"
        items.append(f'<li class="{word}">{escape(f"{r.expression}: {word}, {value}")}</li>')
    return f"<h2>Requirements</h2><ul>{''.join(items)}</ul>"


def _setting(result: Result) -> str:
    """How the run can be repeated: command, protocol, config, versions and machine."""
    config = json.dumps(result.config, indent=2, ensure_ascii=False, sort_keys=True)
    known = [*result.machine.items(), *result.versions.items()]
    return (
        f"<h2>Setting</h2><pre>{escape(' '.join(result.command))}</pre>"
        f"<p>Started {escape(result.started)}; seeds {', '.join(map(str, result.seeds))}.</p>"
        f"<h3>Protocol</h3><pre>{escape(result.protocol)}</pre>"
        f"<details><summary>Config</summary><pre>{escape(config)}</pre></details>"
        f"<details><summary>Machine and versions</summary>"
        f"{_table(['what', 'which'], known)}</details>"
    )


_SECTIONS: tuple[Callable[[Result], str], ...] = (
    _requirements,
    _compared,
    _quality,
    _cold,
    _curves,
    _latency,
    _rounds,
    _setting,
)


def write_report(result: Result, path: Path) -> None:
    """Write ``result`` as a self-contained HTML page. Raises ResultError, OSError."""
    check(result)
    cut = "<p><strong>Interrupted.</strong> This is what was done until then.</p>"
    notes = "".join(f"<p>{escape(note)}</p>" for note in result.notes)
    summary = _table(["whole run", ""], totals(result))
    source = f"<p>Energy: {escape(result.energy_source)}</p>" if result.energy_source else ""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>fedxr report</title><style>{_STYLE}</style></head><body><h1>fedxr report</h1>"
        f"{cut if result.interrupted else ''}{notes}{summary}{source}"
        f"{''.join(section(result) for section in _SECTIONS)}</body></html>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
