"""The learning protocol on all recorded sets over several seeds: the table of the README.

    python -m benchmarks.recorded --data DIR [--seeds 3] [--workers 2] [--out DIR]

Each seed is one process with one thread; what it found is kept in the folder, so that a run that
was stopped goes on where it was. The studies are joined into one result.json. Prints the
table, the means over sets, and whether the promises hold: federated + personalised beats generic,
local-only and own-half classical, is within 2 points of the strongest classical bar on the mean,
nowhere more than 6 below it, and personalisation costs no set and no user more than one standard
error: of a set over its users and seeds, of a user over the windows (paired). Then what each
expert would give alone, beside the mixture of them, and how far each is believed at the end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table

from fedxr.agent.adaptation.experts import EXPERTS
from fedxr.evaluation.report import write_report
from fedxr.evaluation.result import Result, Row, mean_over_rows, write_result
from fedxr.evaluation.tables import print_table
from fedxr.experiments.headless import SeedRun, result_of, run_seed
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.run_folder import packed, unpacked
from fedxr.experiments.study import Study
from fedxr.scenarios.recorded import data_folder, find
from fedxr.scenarios.users import DataError

CLASSICAL = ("classical_own", "classical_pretraining", "classical_everyone")


@dataclass(frozen=True)
class Recorded:
    """All recorded sets, several seeds."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    unseen_data: Path | None = None
    """A second root, whose users are tested only."""
    seeds: int = 3
    """Seeds 0, 1, … of the splits and of everything random."""
    workers: int = 2
    """Seeds that run side by side."""
    headsets: int = 12
    """Most federation users of a set, and most unseen ones."""
    sets: tuple[str, ...] = ()
    """Only these sets."""
    out: Path = Path("runs/recorded")
    """Folder for result.json and report.html."""


def one_seed(config: RunConfig, data: Path, kept: Path) -> SeedRun:
    """All studies of one seed, in a process of its own; from ``kept`` if they are there."""
    if kept.exists():
        return unpacked(kept.read_bytes(), SeedRun)
    torch.set_num_threads(1)
    began = time.monotonic()

    def say(text: str) -> None:
        if "step" not in text or text.split(",")[0].endswith("00"):
            took = time.monotonic() - began
            print(f"seed {config.seed} {took:6.0f} s  {text}", flush=True)

    seed_run = SeedRun(config.seed)
    run_seed(config, data, say, seed_run)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.with_suffix(".seconds").write_text(f"{time.monotonic() - began:.0f}")
    kept.write_bytes(packed(seed_run))
    return seed_run


def strongest(row: Row) -> float:
    """The strongest classical bar of a set."""
    return max(row.arms[a].mean for a in CLASSICAL if a in row.arms)


def promises(result: Result, console: Console) -> None:
    """Print each promise, the figure, and whether it holds."""
    ours = mean_over_rows(result.rows, "federated_personalised") or 0.0
    bars = sum(strongest(r) for r in result.rows) / len(result.rows)
    for arm in ("generic", "local", "classical_own"):
        other = mean_over_rows(result.rows, arm) or 0.0
        _say(console, f"mean over sets beats {arm}", 100 * (ours - other), 0.0)
    _say(console, "mean over sets against the strongest classical bar", 100 * (ours - bars), -2.0)
    for row in result.rows:
        mine = row.arms["federated_personalised"].mean
        _say(console, f"{row.name} against its bar", 100 * (mine - strongest(row)), -6.0)


def costs(by_seed: Sequence[Sequence[Study]], role: str, console: Console) -> None:
    """What personalising changed, by set and by user, in points and standard errors."""
    every: list[tuple[float, float]] = []
    for name in dict.fromkeys(s.name for studies in by_seed for s in studies):
        found = [s.cost.get(role, {}) for studies in by_seed for s in studies if s.name == name]
        change = [c for users in found for c in users.values()]
        if not change:
            continue
        every += change
        points = np.array([d for d, _ in change])
        error = points.std(ddof=1) / len(points) ** 0.5 if len(points) > 1 else change[0][1]
        what = f"{role} {name}: personalising, {len(points)} users x seeds"
        _say(console, f"{what}, error {100 * error:.1f}", 100 * points.mean(), -100 * float(error))
    changed = [(d, e) for d, e in every if d or e]  # of the others all answers stayed as they were
    worse = [d / e if e else -np.inf for d, e in changed if d < 0]
    worst = min((d for d, _ in every), default=0.0)
    console.print(
        f"{role}: of {len(every)} users x seeds {len(changed)} are answered otherwise than before; "
        f"{sum(t < -1 for t in worse)} are worse by more than one standard error, "
        f"{sum(t < -2 for t in worse)} by more than two (if nothing were gained, chance would "
        f"give {0.159 * len(changed):.0f} and {0.023 * len(changed):.0f}); worst "
        f"{100 * worst:+.1f} points",
        highlight=False,
    )


def experts(by_seed: Sequence[Sequence[Study]], role: str, console: Console) -> None:
    """Each expert alone, the mixture, and how far each is believed: means over users and seeds."""
    table = Table(title=f"{role}: each expert alone, and (how far it is believed)")
    for heading in ("set", *EXPERTS, "mixture"):
        table.add_column(heading, justify="left" if heading == "set" else "right")
    for name in dict.fromkeys(s.name for studies in by_seed for s in studies):
        some = [s for studies in by_seed for s in studies if s.name == name and role in s.trust]
        scores = [s.federation if role == "federation" else s.unseen for s in some]
        cells = [
            f"{100 * np.mean([x for s in some for x in s.experts[role][e].values()]):.1f} "
            f"({np.mean([s.trust[role][i] for s in some]):.2f})"
            for i, e in enumerate(EXPERTS)
        ]
        mixture = [x for one in scores for x in one["federated_personalised"].values()]
        table.add_row(name, *cells, f"{100 * np.mean(mixture):.1f}")
    console.print(table)


def _say(console: Console, what: str, points: float, least: float) -> None:
    holds = "holds" if points >= least else f"MISSED (allowed {least:+.0f})"
    console.print(f"{what}: {points:+.1f} points, {holds}", highlight=False)


def main(config: Recorded) -> None:
    console, started = Console(width=180), datetime.now(UTC).isoformat(timespec="seconds")
    began, data = time.monotonic(), data_folder(config.data)
    try:
        find(data)
    except DataError as error:
        raise SystemExit(str(error)) from None
    base = RunConfig(
        source="recorded",
        headsets=config.headsets,
        sets=config.sets,
        unseen_data=config.unseen_data,
        workers=1,
    )
    with ProcessPoolExecutor(config.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(
                one_seed, replace(base, seed=seed), data, config.out / f"seed-{seed}.msgpack"
            )
            for seed in range(config.seeds)
        ]
        runs = [job.result() for job in jobs]
    by_seed = [one.finished() for one in runs]
    result = result_of(base, runs, started, time.monotonic() - began)
    write_result(result, config.out / "result.json")
    write_report(result, config.out / "report.html")
    print_table(result, console)
    promises(result, console)
    for role in ("federation", "unseen"):
        costs(by_seed, role, console)
        experts(by_seed, role, console)
    spent = ", ".join(f"{seconds / 60:.1f}" for seconds in _minutes(config))
    console.print(f"minutes a seed, {config.workers} side by side: {spent}", highlight=False)


def _minutes(config: Recorded) -> list[float]:
    """Seconds that each seed took, as its process noted them."""
    files = [config.out / f"seed-{seed}.seconds" for seed in range(config.seeds)]
    return [float(f.read_text()) for f in files if f.exists()]


if __name__ == "__main__":
    main(tyro.cli(Recorded, description=__doc__))
