"""A result as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from fedxr.evaluation.baselines import OPTIMISTIC
from fedxr.evaluation.compared import by_task, delay, table
from fedxr.evaluation.label_curves import ticks
from fedxr.evaluation.narrow import print_fitting
from fedxr.evaluation.result import (
    ARMS,
    LabelCurves,
    LabelPoint,
    LabelRole,
    Result,
    Row,
    Score,
    interval_over_rows,
    mean_over_rows,
)
from fedxr.evaluation.seeds import seeds_table

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


COLD_SHORT = {
    **SHORT,
    "pooled": "pooled ridge",
    "federated": "federated",
    "fedavg": "FedAvg softmax",
    "pooled_softmax": "pooled softmax",
    "classical_own": "classical, own",
    "classical_everyone": "classical, everyone",
}

OURS = "federated_personalised"
GAIN_SHORT = {
    "federated_personalised - local": "fed + pers - local",
    "federated_personalised - federated": "fed + pers - fed",
    "classical_everyone - classical_own": "classical everyone - own",
    "federated - pooled": "federated - pooled ridge",
    "fedavg - pooled_softmax": "FedAvg - pooled softmax",
}


def print_curves(one: LabelCurves, out: Console) -> None:
    """Print the curves of one set, or of the mean over sets, and what others' labels bring."""
    for role, found in one.roles.items():
        title = f"{one.name}, {role}: {found.users} users, percent"
        print_fitting(_labels(title, found), out)
    print_fitting(_gains(one), out)


def _labels(title: str, role: LabelRole) -> Table:
    """A line an arm, a column a number of labels: fits 80 columns."""
    head = ticks(role.arms["generic"])
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("labels a class")
    for tick in head:
        table.add_column(tick, justify="right")
    for arm, points in role.arms.items():
        by = {t: f"{100 * p.mean:.1f}" for t, p in zip(ticks(points), points, strict=True)}
        table.add_row(COLD_SHORT[arm], *(by.get(t, "–") for t in head))
    table.add_section()
    for gain, points in role.gains.items():
        name = GAIN_SHORT.get(gain, gain.replace("_", " "))
        by = {t: f"{100 * p.mean:+.1f}" for t, p in zip(ticks(points), points, strict=True)}
        table.add_row(name, *(by.get(t, "–") for t in head))
    return table


def _gains(one: LabelCurves) -> Table:
    """What the federation brings over one's own labels, with its interval."""
    table = Table(title=f"What others' labels bring, {one.name}", title_justify="left",
                  caption="paired by user and draw; 95 % interval over users")  # fmt: skip
    pairs = {"fed + pers - local": "federated_personalised - local",
             "classical everyone - own": "classical_everyone - classical_own"}  # fmt: skip
    table.add_column("labels a class")
    for name in pairs:
        table.add_column(name, justify="right")
    for role, found in one.roles.items():
        by = [
            dict(zip(ticks(p), p, strict=True)) for p in map(found.gains.get, pairs.values()) if p
        ]
        for tick in ticks(found.arms["generic"])[1:]:
            table.add_row(f"{role}, {tick}", *(interval(b[tick]) if tick in b else "–" for b in by))
        table.add_section()
    return table


def _each(every: Sequence[LabelCurves]) -> Table:
    """Federated + personalised of each set, and how far above local."""
    table = Table(title="fed + pers of each set, percent (over local)", title_justify="left")
    table.add_column("set")
    heads: list[str] = []
    for one in every:
        for role, found in one.roles.items():
            if not heads:
                heads = ticks(found.arms["generic"])[1:]
                for head in heads:
                    table.add_column(head, justify="right")
            ours = dict(zip(ticks(found.arms[OURS]), found.arms[OURS], strict=True))
            gain = found.gains[f"{OURS} - local"]
            over = dict(zip(ticks(gain), gain, strict=True))
            cells = [f"{100 * ours[t].mean:.0f} ({100 * over[t].mean:+.0f})" for t in heads]
            table.add_row(f"{one.name}, {role}", *cells)
    return table


def interval(p: LabelPoint) -> str:
    """``+6.3 [+4.5, +8.0]``, in points."""
    return f"{100 * p.mean:+.1f} [{100 * p.low:+.1f}, {100 * p.high:+.1f}]"


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
        ("rounds", str(result.rounds_held)),
        ("seconds", f"{result.seconds:.1f}"),
        ("bytes up", amount(result.traffic.up, "B")),
        ("bytes down", amount(result.traffic.down, "B")),
        ("bytes device to device", amount(result.traffic.d2d, "B")),
    ]
    if result.joules is not None:
        lines.append(("energy", amount(result.joules, "J")))
    return lines


def print_table(result: Result, console: Console | None = None) -> None:
    """Print what ``result`` says: quality, unseen users, latency, totals, requirements, notes."""
    out = console or Console()
    if result.interrupted:
        out.print("Interrupted: what follows is what was done until then.", style="yellow")
    if result.compared and result.rows:
        print_fitting(table(result), out)
        print_fitting(by_task(result), out)
    elif result.rows:
        print_fitting(_quality("Users of the federation", result.rows, result.headline), out)
    if result.unseen:
        print_fitting(_quality("Unseen users", result.unseen, result.headline), out)
    if len(result.seeds) > 1 and result.rows:
        print_fitting(seeds_table(result), out)
    for one in result.cold[-1:]:
        print_curves(one, out)
    if len(result.cold) > 1:
        print_fitting(_each(result.cold), out)
    if result.latency:
        print_fitting(latency_table(result), out)
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
