"""The cold protocol on recorded people and in the simulated worlds: the curves of docs/learning.md.

    python -m benchmarks.cold --data DIR [--source recorded] [--draws 3] [--out DIR]

What each domain found is kept in the folder, so that a run that was stopped goes on where it was.
Writes result.json, report.html and the figures, prints the tables (those of the docs as markdown),
and whether the promises hold: federated + personalised above local at 1, 2 and 5 labels a class by
what classical pooling shows to be there (not less by more than one standard error of the difference
of both gains), nowhere below local by more than one standard error, and sums that lose nothing to
pooling.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch
import tyro
from rich.console import Console

from fedxr.agent.tasks import USE_CASES
from fedxr.evaluation.label_curves import Draws, estimate, ticks
from fedxr.evaluation.report import write_report
from fedxr.evaluation.result import LabelPoint, Result, write_result
from fedxr.evaluation.tables import COLD_SHORT, GAIN_SHORT, interval, print_curves, print_table
from fedxr.experiments.cold import ROLES, ColdStudy
from fedxr.experiments.cold_run import cold_result, run_cold
from fedxr.experiments.run_config import RunConfig, Source
from fedxr.experiments.tables import measured
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.users import DataError

EARLY = (1, 2, 5)
PAIR = ("federated_personalised", "local")
CLASSICAL = ("classical_everyone", "classical_own")


@dataclass(frozen=True)
class Cold:
    """Curves over labels a class."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    source: Source = "recorded"
    """Recorded people, or simulated worlds."""
    draws: int = 3
    """How often members, strangers and labels are drawn."""
    headsets: int = 12
    """Most members, and most strangers."""
    sets: tuple[str, ...] = ()
    """Only these recorded sets, or use cases."""
    seed: int = 0
    """Seed of everything random."""
    out: Path = Path("runs/cold")
    """Folder for what was found."""


def domains(config: Cold) -> list[tuple[str, RunConfig]]:
    """What to run, one set or use case at a time."""
    base = RunConfig(
        protocol="cold", source=config.source, draws=config.draws, headsets=config.headsets,
        seed=config.seed,
    )  # fmt: skip
    if config.source == "simulated":
        return [
            (c, replace(base, scenario=c)) for c in USE_CASES if not config.sets or c in config.sets
        ]
    found = find(data_folder(config.data))
    names = [n for n in found if not config.sets or n in config.sets]
    return [(n, replace(base, sets=(n,))) for n in names]


def studies_of(config: Cold, name: str, how: RunConfig) -> list[ColdStudy]:
    """The studies of one domain; from the folder if they are there."""
    kept = config.out / f"{name}-{config.seed}-{config.draws}.msgpack"
    if kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=list[ColdStudy])
    began, done = time.monotonic(), list[ColdStudy]()
    run_cold(
        how,
        data_folder(config.data) if config.source == "recorded" else None,
        lambda text: print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True),
        done,
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.msgpack.encode(done))
    return done


def markdown(result: Result) -> str:
    """The tables of docs/learning.md: curves and gains on the mean, gains of each set."""
    mean = result.cold[-1]
    heads = ticks(mean.roles["members"].arms["generic"])
    lines = [_line(["mean over sets", *heads]), _line(["---"] * (1 + len(heads)))]
    for role, found in mean.roles.items():
        for arm, points in found.arms.items():
            by = {t: f"{100 * p.mean:.1f}" for t, p in zip(ticks(points), points, strict=True)}
            lines.append(_line([f"{role}: {COLD_SHORT[arm]}", *(by.get(t, "–") for t in heads)]))
    names = [" - ".join(pair) for pair in (PAIR, CLASSICAL, ("fedavg", "pooled_softmax"))]
    lines += [
        "",
        _line(["labels a class", *(GAIN_SHORT[name] for name in names)]),
        _line(["---"] * 4),
    ]
    for role, found in mean.roles.items():
        for tick in heads[1:]:
            found_at = [
                dict(zip(ticks(g), g, strict=True)) for g in map(found.gains.get, names) if g
            ]
            lines.append(_line([f"{role}, {tick}", *(interval(g[tick]) for g in found_at)]))
    lines += [
        "",
        _line(["fed + pers - local", "users", *heads[1:]]),
        _line(["---"] * (1 + len(heads))),
    ]
    for one in result.cold[:-1]:
        for role, found in one.roles.items():
            gains = found.gains[names[0]]
            cells = [f"{100 * p.mean:+.1f} ± {100 * p.error:.1f}" for p in gains if p.labels != 0]
            lines.append(_line([f"{one.name}, {role}", str(found.users), *cells]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def over_sets(studies: Sequence[ColdStudy], role: str, labels: int | None) -> LabelPoint | None:
    """The mean over sets of (fed + pers - local) - (classical everyone - own)."""
    sets: list[tuple[str, Draws]] = []
    for one in studies:
        found = measured(one, role)
        ours, theirs = found.gain(*PAIR).get(labels), found.gain(*CLASSICAL).get(labels)
        if ours and theirs:
            both = [
                {u: a[u] - b[u] for u in a if u in b} for a, b in zip(ours, theirs, strict=True)
            ]
            sets.append((found.people, both))
    return estimate(labels, sets) if sets else None


def promises(studies: Sequence[ColdStudy], result: Result, console: Console) -> None:
    """Print each promise, the figures, and whether it holds."""
    gain = " - ".join(PAIR)
    mean = result.cold[-1]
    for role in ROLES:
        for p in mean.roles[role].gains[gain]:
            if p.labels not in EARLY:
                continue
            there = next(
                q for q in mean.roles[role].gains[" - ".join(CLASSICAL)] if q.labels == p.labels
            )
            rest = over_sets(studies, role, p.labels)
            holds = rest is not None and p.low > 0 and rest.mean >= -rest.error
            _say(console, f"{role}, {p.labels} a class: fed + pers - local {interval(p)}; "
                 f"classical pooling {interval(there)}", holds)  # fmt: skip
    for one in result.cold:
        for role, found in one.roles.items():
            below = [p for p in found.gains[gain] if p.mean < -p.error]
            words = ", ".join(
                f"{'all' if p.labels is None else p.labels} a class {interval(p)}" for p in below
            )
            _say(
                console, f"{one.name}, {role}: never below local{words and ': ' + words}", not below
            )
    apart = max(p.apart for s in studies for p in s.points)
    lost = max(
        abs(p.mean) for one in result.cold for r in one.roles.values()
        for p in r.gains["federated - pooled"]
    )  # fmt: skip
    _say(console, f"federated and pooled ridge: at most {100 * lost:.2f} points apart in any set "
         f"({apart:.0e} in a probability)", lost < 1e-3)  # fmt: skip


def _say(console: Console, what: str, holds: bool) -> None:
    console.print(f"{what}: {'holds' if holds else 'MISSED'}", highlight=False, soft_wrap=True)


def main(config: Cold) -> None:
    torch.set_num_threads(1)
    console, started = Console(width=80), datetime.now(UTC).isoformat(timespec="seconds")
    began = time.monotonic()
    try:
        asked = domains(config)
    except DataError as error:
        raise SystemExit(str(error)) from None
    studies = []
    for name, how in asked:
        try:
            studies += studies_of(config, name, how)
        except DataError as error:  # a set with too few users: the others are measured
            print(f"{name}: {error}")
    if not studies:
        raise SystemExit("nothing to measure")
    how = RunConfig(protocol="cold", source=config.source, draws=config.draws, seed=config.seed)
    result = cold_result(how, studies, started, time.monotonic() - began)
    write_result(result, config.out / "result.json")
    write_report(result, config.out / "report.html")
    for one in result.cold[:-1]:
        print_curves(one, console)
    print_table(result, console)
    print(markdown(result))
    promises(studies, result, console)


if __name__ == "__main__":
    main(tyro.cli(Cold, description=__doc__))
