"""Answering tick by tick, side by side: `python -m benchmarks.serving [--headsets 16]`.

Every headset sends 4 fast tokens a tick and a slow one a second, is asked one question a tick, and
has adapters of its own (rank 8 shared, 4 personal). Times are of a whole tick: putting its
emissions together, the model, and reading the logits; not the encoders, which turn samples into
emissions. One thread, bf16, medians and 99th percentiles; runs alternate tick by tick.

1. All headsets in one batch against one after the other.
2. Rings against encoding the visible window (5 s, 600 fast tokens) anew each tick, one headset.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.allocation import keep_freed_memory
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedQuery
from fedxr.agent.model.backbone import Adapters
from fedxr.agent.model.kv_cache import KVCache, tick_batch
from fedxr.agent.model.m3t import FAST, M3T, SLOW, Plan

FASTS = ("hands/openxr26", "motion/head", "motion/wrist", "audio/pcm16")
SLOWS, NUMBERS, TASK, SECOND, WARM = "gaze/ray", 64, "gesture", 30, 10

arrived_at: dict[tuple[int, int], list[TokenFeatures]] = {}
"""What each (headset, tick) added; made before the clock starts."""


def arrived(headset: int, tick: int) -> list[TokenFeatures]:
    """What headset ``headset`` adds at ``tick``."""
    rng = np.random.default_rng((headset, tick))
    layouts = [*FASTS, SLOWS] if tick % SECOND == 0 else FASTS
    return [
        TokenFeatures(layout, tick, rng.standard_normal(NUMBERS, dtype=np.float32))
        for layout in layouts
    ]


@dataclass
class Service:
    """Some headsets (``rows`` of the cohort) that are answered in one pass."""

    stack: AdapterStack
    rows: list[int]

    def __post_init__(self) -> None:
        theta = self.stack.theta[self.rows]
        leaves = self.stack.leaves(theta, ())
        self.adapters: list[Adapters] = self.stack.adapters(leaves)
        self.heads = self.stack.heads(leaves)
        fast, slow = len(FASTS) * (FAST + 1), SLOW // SECOND + 1
        self.cache = KVCache(self.stack.model, len(self.rows), fast, slow, self.stack.dtype)

    def tick(self, tick: int) -> Tensor:
        """Logits (H, C) of all of them."""
        token_features = [arrived_at[row, tick] for row in self.rows]
        batch = tick_batch(
            self.stack.model,
            token_features,
            [[TokenizedQuery(TASK, tick, -1, {})]] * len(self.rows),
        )
        with torch.no_grad():
            answers = self.stack.model(
                batch, self.stack.layers, self.adapters, self.heads, context=self.cache.open(batch)
            )
        return answers.logits[TASK][:, 0]

    def anew(self, tick: int) -> Tensor:
        """The same from all that is visible at ``tick``, without rings."""
        seen = [
            [
                e
                for t in range(max(0, tick - SLOW), tick + 1)
                for e in arrived_at[row, t]
                if tick - t < (SLOW if e.layout == SLOWS else FAST)
            ]
            for row in self.rows
        ]
        batch = tick_batch(
            self.stack.model, seen, [[TokenizedQuery(TASK, tick, -1, {})]] * len(self.rows)
        )
        with torch.no_grad():
            answers = self.stack.model(batch, self.stack.layers, self.adapters, self.heads)
        return answers.logits[TASK][:, 0]


def timed(answer: Callable[[int], Tensor], tick: int) -> tuple[float, Tensor]:
    """Milliseconds that ``answer`` takes for ``tick``, and what it says."""
    start = time.perf_counter()
    found = answer(tick)
    return (time.perf_counter() - start) * 1e3, found


def line(name: str, times: list[float], against: list[float] | None = None) -> None:
    middle, late = np.percentile(times, [50, 99])
    ratio = f"{np.median(against) / middle:8.1f} x faster" if against else ""
    print(f"    {name:<28}{middle:9.2f} ms p50{late:9.2f} ms p99{ratio}")


def compare(size: str, headsets: int, ticks: int) -> None:
    torch.manual_seed(0)
    layouts = {
        name: EncoderSpec(1.0, 1, 1, NUMBERS, 1.0, 0, slow=name == SLOWS)
        for name in (*FASTS, SLOWS)
    }
    model = M3T(Plan.of(size, layouts, (TASK,)))
    stack = AdapterStack(model, headsets, Tuning(), torch.bfloat16)
    stack.theta += 0.02 * torch.randn_like(stack.theta)
    together = Service(stack, list(range(headsets)))
    alone = [Service(stack, [row]) for row in range(headsets)]

    def in_turn(tick: int) -> Tensor:
        return torch.cat([service.tick(tick) for service in alone])

    times: dict[str, list[float]] = {"one batch": [], "one after the other": []}
    difference = 0.0
    for tick in range(WARM + ticks):
        for row in range(headsets):
            arrived_at[row, tick] = arrived(row, tick)
        batched, found = timed(together.tick, tick)
        single, expected = timed(in_turn, tick)
        difference = max(difference, float((found - expected).abs().max()))
        if tick >= WARM:
            times["one batch"].append(batched)
            times["one after the other"].append(single)
    print(f"{size}, {headsets} headsets, {ticks} ticks; logits differ by at most {difference:.1e}")
    line("one batch", times["one batch"], times["one after the other"])
    line("one after the other", times["one after the other"])
    anew(alone[0], WARM + ticks)


def anew(service: Service, start: int, repeats: int = 12) -> None:
    """Rings against encoding the window anew, for one headset whose window has filled."""
    times: dict[str, list[float]] = {"rings": [], "anew": []}
    first = max(start, FAST)
    for tick in range(start, first + repeats):
        arrived_at[service.rows[0], tick] = arrived(service.rows[0], tick)
        cache, _ = timed(service.tick, tick)
        if tick >= first:
            times["rings"].append(cache)
            times["anew"].append(timed(service.anew, tick)[0])
    line("one headset, rings", times["rings"], times["anew"])
    line("one headset, window anew", times["anew"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headsets", type=int, default=16)
    parser.add_argument("--ticks", type=int, default=120)
    parser.add_argument("--sizes", nargs="+", default=["tiny", "small", "base"])
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    for size in chosen.sizes:
        compare(size, chosen.headsets, chosen.ticks)


if __name__ == "__main__":
    main()
