"""A result as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from evaluation.baselines import OPTIMISTIC
from evaluation.compared import by_task, delay, table
from evaluation.result import ARMS, Result, Row, Score, interval_over_rows, mean_over_rows

SHORT = {
    "generic": "generic",
    "last_label": "last label",
    "local": "local",
    "centralized": "centralized",
    "decentralized": "decentralized",
    "semi-decentralized": "semi-decentralized",
    "federated": "fed",
    "federated_personalised": "fed + pers",
    "pooled": "pooled",
    "live": "live",
    "classical_own": "own half",
    "classical_pretraining": "+ pretraining",
    "classical_everyone": "+ everyone",
}
"""Column heads that fit a terminal of 120 characters; the last three are classical models."""


UNCERTAIN = "percent ± spread over users [95 % interval]"


def amount(number: float, unit: str) -> str:
    """``number`` with a decimal prefix: 12_300 B is ``12.3 kB``."""
    for prefix in ("", "k", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} T{unit}"


def percent(score: Score | None, gap: str = " ") -> str:
    """``91.3 ± 8.0 [85, 96]`` in percent: spread over users and 95 % interval, where it is known;
    – when not measured."""
    if score is None:
        return "–"
    text = f"{100 * score.mean:.1f} ± {100 * score.spread:.1f}"
    if score.low is None or score.high is None:
        return text
    return f"{text}{gap}[{100 * score.low:.0f}, {100 * score.high:.0f}]"


def mean_percent(rows: Sequence[Row], arm: str, gap: str = " ") -> str:
    """``85.0 [80, 90]``: the mean over sets."""
    mean, found = mean_over_rows(rows, arm), interval_over_rows(rows, arm)
    if mean is None:
        return "–"
    return f"{100 * mean:.1f}" + (
        "" if found is None else f"{gap}[{100 * found[0]:.0f}, {100 * found[1]:.0f}]"
    )


def arms_of(rows: Sequence[Row]) -> list[str]:
    """The arms that at least one row has, in the order of ARMS."""
    return [arm for arm in ARMS if any(arm in row.arms for row in rows)]


def _quality(title: str, rows: Sequence[Row], headline: str) -> Table:
    arms = arms_of(rows)
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("set")
    table.add_column("metric")
    table.add_column("windows", justify="right")
    for arm in arms:
        table.add_column(SHORT[arm], justify="right", style="bold" if arm == headline else "")
    for row in rows:
        scores = [percent(row.arms.get(arm), "\n") for arm in arms]
        table.add_row(row.name, row.metric, str(row.test_windows), *scores)
    if len(rows) > 1:
        means = [mean_percent(rows, arm, "\n") for arm in arms]
        table.add_section()
        windows = sum(row.test_windows for row in rows)
        table.add_row("mean over sets", "", str(windows), *means)
    table.caption = UNCERTAIN
    if any(arm.startswith("classical") for arm in arms):
        table.caption += f"; {OPTIMISTIC}"
    return table


def latency_table(result: Result) -> Table:
    """Capture to reply by task."""
    table = Table(title="Capture to reply", title_justify="left")
    table.add_column("task")
    for head in ("deadline ms", "p50 ms", "p99 ms", "replies", "late"):
        table.add_column(head, justify="right")
    for row in result.latency:
        p50, p99 = ("–" if v is None else f"{v:.1f}" for v in (row.p50_ms, row.p99_ms))
        table.add_row(
            row.task, f"{row.deadline_ms:g}", p50, p99, str(row.replies), str(row.late or "–")
        )
    return table


def totals(result: Result) -> list[tuple[str, str]]:
    """The figures of the whole run that are one number each: name and text."""
    lines = [
        ("rounds", str(len(result.rounds))),
        ("seconds", f"{result.seconds:.1f}"),
        ("bytes up", amount(result.traffic.up, "B")),
        ("bytes down", amount(result.traffic.down, "B")),
        ("bytes device to device", amount(result.traffic.d2d, "B")),
    ]
    if result.joules is not None:
        lines.append(("energy of the radio", amount(result.joules, "J")))
    return lines


def print_table(result: Result, console: Console | None = None) -> None:
    """Print what ``result`` says: quality, unseen users, latency, totals, requirements, notes."""
    out = console or Console()
    if result.interrupted:
        out.print("Interrupted: what follows is what was done until then.", style="yellow")
    if result.compared and result.rows:
        out.print(table(result))
        out.print(by_task(result))
    elif result.rows:
        out.print(_quality("Users of the federation", result.rows, result.headline))
    if result.unseen:
        out.print(_quality("Unseen users", result.unseen, result.headline))
    if result.latency:
        out.print(latency_table(result))
    if result.compared:
        out.print(delay(result.labels, result.labels_in_rounds), highlight=False)
    out.print("; ".join(f"{name} {text}" for name, text in totals(result)), highlight=False)
    for requirement in result.requirements:
        style = "green" if requirement.passed else "red"
        value = requirement.reason if requirement.value is None else f"is {requirement.value:.4g}"
        outcome = "held" if requirement.passed else "FAILED"
        line = f"require {requirement.expression}: {outcome}, {value}"
        out.print(line, style=style, highlight=False, markup=False)
    for note in result.notes:
        out.print(note, highlight=False, markup=False)
