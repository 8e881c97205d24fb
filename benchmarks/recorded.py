"""The learning protocol on all recorded sets over several seeds: the table of the README.

    python -m benchmarks.recorded --data DIR [--seeds 3] [--workers 2] [--out DIR]

Each seed is one process with one thread; what it found is kept in the folder, so that a run that
was stopped goes on where it was. The studies are joined into one result.json. Prints the
table, the means over sets, and whether the promises hold: federated + personalised beats generic,
local-only and own-half classical, is within 2 points of the strongest classical bar on the mean,
nowhere more than 6 below it, and personalisation costs no set more than 1 point.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import msgspec
import torch
import tyro
from rich.console import Console

from evaluation.report import write_report
from evaluation.result import Result, Row, mean_over_rows, write_result
from evaluation.tables import print_table
from fedxr.data import folder
from fedxr.headless import Federate, result_of, run_seed
from fedxr.study import Study
from scenarios.recorded import find
from scenarios.users import DataError

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


def one_seed(config: Federate, data: Path, kept: Path) -> list[Study]:
    """All studies of one seed, in a process of its own; from ``kept`` if they are there."""
    if kept.exists():
        return msgspec.msgpack.decode(kept.read_bytes(), type=list[Study])
    torch.set_num_threads(1)
    began = time.monotonic()
    done: list[Study] = []

    def say(text: str) -> None:
        if "step" not in text or text.split(",")[0].endswith("00"):
            took = time.monotonic() - began
            print(f"seed {config.seed} {took:6.0f} s  {text}", flush=True)

    run_seed(config, data, say, done)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.msgpack.encode(done))
    return done


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
    for kind, rows in (("", result.rows), ("unseen ", result.unseen)):
        for row in rows:
            gain = row.arms["federated_personalised"].mean - row.arms["federated"].mean
            _say(console, f"{kind}{row.name}: what personalisation changes", 100 * gain, -1.0)


def _say(console: Console, what: str, points: float, least: float) -> None:
    holds = "holds" if points >= least else f"MISSED (allowed {least:+.0f})"
    console.print(f"{what}: {points:+.1f} points, {holds}", highlight=False)


def main(config: Recorded) -> None:
    console, started = Console(width=180), datetime.now(UTC).isoformat(timespec="seconds")
    began, data = time.monotonic(), folder(config.data)
    try:
        find(data)
    except DataError as error:
        raise SystemExit(str(error)) from None
    base = Federate(
        source="recorded",
        headsets=config.headsets,
        sets=config.sets,
        unseen_data=config.unseen_data,
    )
    with ProcessPoolExecutor(config.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(
                one_seed, replace(base, seed=seed), data, config.out / f"seed-{seed}.msgpack"
            )
            for seed in range(config.seeds)
        ]
        by_seed = [job.result() for job in jobs]
    result = result_of(base, by_seed, started, time.monotonic() - began)
    write_result(result, config.out / "result.json")
    write_report(result, config.out / "report.html")
    print_table(result, console)
    promises(result, console)


if __name__ == "__main__":
    main(tyro.cli(Recorded, description=__doc__))
