"""Rounds of many headsets on one machine: seconds, peak memory, and how both grow.

    python -m benchmarks.many [--headsets 100 1000] [--rounds 3] [--columns 50325]

Headsets stand four to a room, rooms within reach two and two. Each has told ten labels of one task
of five, and one more each round; its adapters (as many numbers as those of the `tiny` model) move
by a random step, so that what is timed is the round itself: consensus, election, uplink, answer,
the sums of ridge heads, the ledger. One thread. Every number of headsets runs in a process of its
own, whose peak memory is printed less that of a process with none.
"""

from __future__ import annotations

import argparse
import resource
import time
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.own_sums import OwnSums, Term
from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.federation import (
    Block,
    Blocks,
    Headset,
    Round,
    ServerState,
    SharedSums,
    StragglerDeadline,
    Updates,
    run_round,
)

LABELS, TASKS, CLASSES, ROOM = 10, 5, 4, 4
COORDINATIONS = ("centralized", "semi-decentralized")


def place(n: int) -> tuple[float, float, float]:
    """Four to a room of 3 m, and a corridor of 9 m after every second room."""
    room, seat = divmod(n, ROOM)
    return (3.0 * (room % 2) + 12.0 * (room // 2 % 64) + seat % 2, 0.0, 20.0 * (room // 128))


def told(rng: np.random.Generator, own: OwnSums, count: int) -> OwnSums:
    for _ in range(count):
        z = torch.from_numpy(rng.standard_normal(FEATURES, dtype=np.float32))
        own = own.plus(Term(z, int(rng.integers(CLASSES))))
    return own


def seconds(coordination: str, count: int, rounds: int, columns: int) -> list[float]:
    """Of each round."""
    rng = np.random.default_rng(0)
    blocks = Blocks((Block("adapters", 0, columns, "lora_B"),))
    headsets = [Headset(f"h{n:05d}", place(n)) for n in range(count)]
    own = [told(rng, OwnSums(CLASSES), LABELS) for _ in headsets]
    values, sums = torch.zeros(count, columns), SharedSums[RidgeStats]()
    how, pace, server, found = Round(coordination, codec="bf16"), StragglerDeadline(), None, []
    for number in range(1, rounds + 1):
        own = [told(rng, mine, 1) for mine in own]
        step = torch.from_numpy(rng.standard_normal((1, columns), dtype=np.float32)) / number
        start = time.perf_counter()
        for n, (headset, mine) in enumerate(zip(headsets, own, strict=True)):
            task = f"task {n % TASKS}"
            sums.offer(headset.name, {task: mine}, [task])

        def adapt(awake: Tensor, _: bool, at: Tensor = values, by: Tensor = step) -> Updates:
            return Updates(blocks, at + by, torch.full((len(awake), 1), float(LABELS)))

        server = server or ServerState()
        values, _ = run_round(how, headsets, values, adapt, number, pace, server, sums)
        found.append(time.perf_counter() - start)
    return found


def measured(queue: Any, coordination: str, count: int, rounds: int, columns: int) -> None:
    torch.set_num_threads(1)
    taken = seconds(coordination, count, rounds, columns) if count else [0.0]
    queue.put((taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def alone(*what: Any) -> tuple[list[float], int]:
    """In a process of its own."""
    context = get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measured, args=(queue, *what))
    process.start()
    found: tuple[list[float], int] = queue.get()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headsets", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--columns", type=int, default=50_325, help="numbers of the adapters")
    asked = parser.parse_args()
    print(f"median (slowest) of {asked.rounds} rounds, {asked.columns} numbers a headset, 1 thread")
    for coordination in COORDINATIONS:
        _, base = alone(coordination, 0, 0, 0)
        times = []
        for count in asked.headsets:
            taken, peak = alone(coordination, count, asked.rounds, asked.columns)
            times.append(median(taken))
            print(
                f"{coordination:20}{count:7} headsets{times[-1]:9.2f} s ({max(taken):.2f})"
                f"{(peak - base) / 1e6:9.0f} MB, {(peak - base) / count / 1e3:6.0f} kB each"
            )
        if len(times) > 1:
            slope = np.polyfit(np.log(asked.headsets), np.log(times), 1)[0]
            print(f"{coordination:20}seconds grow as headsets to the power of {slope:.2f}")


if __name__ == "__main__":
    main()
