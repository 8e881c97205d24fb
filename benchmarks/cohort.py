"""Cohort training side by side with a PEFT loop: `python -m benchmarks.cohort [--repeats 5]`.

The same job for both: `tiny` (128 wide, 4 layers), episodes of 24 tokens and one question, and per
headset 4 SGD steps on batches of 16 (64 episodes), LoRA of rank 8 on all linear layers with A
frozen, and the output head. PEFT trains one headset after the other on the same weights in plain
torch (benchmarks/plain.py), with the faster of its two attentions here; ours trains all in one
pass, in chunks of 16 headsets. Runs alternate in one process, so that a busy machine slows them
all; medians. That both end at the same weights is checked and printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from benchmarks.plain import Peft, fused
from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.allocation import keep_freed_memory
from fedxr.agent.encoders.base import EncoderSpec
from fedxr.agent.inputs.batch import Batch, collate
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.m3t import M3T, Plan

TASK, CLASSES, LAYOUT, NUMBERS = "doing", 5, "motion/wrist", 32
TOKENS, BATCH, STEPS, RATE, CHUNK = 24, 16, 4, 0.05, 16
TUNING = Tuning(r=8, personal_r=1)
"""The personal adapter cannot be left out; at its least it is one more rank for ours to carry."""


def examples(headset: int) -> list[list[TokenizedEpisode]]:
    """STEPS batches of one headset: noise around a mean that follows the label."""
    rng = np.random.default_rng(1000 + headset)
    means = np.random.default_rng(7).standard_normal((CLASSES, NUMBERS))

    def one() -> TokenizedEpisode:
        label = int(rng.integers(CLASSES))
        x = (means[label] + rng.standard_normal((TOKENS, NUMBERS))).astype(np.float32)
        token_features = tuple(TokenFeatures(LAYOUT, t, x[t]) for t in range(TOKENS))
        return TokenizedEpisode(token_features, (TokenizedQuery(TASK, TOKENS - 1, label, {}),))

    return [[one() for _ in range(BATCH)] for _ in range(STEPS)]


def chunks(model: M3T, headsets: int, size: int) -> list[list[Batch]]:
    """The batches of each step for ``size`` headsets at a time."""
    plan, drawn = model.plan, [examples(h) for h in range(headsets)]
    return [
        [
            collate([mine[k] for mine in drawn[start : start + size]], plan.tokens_of, plan.tasks)
            for k in range(STEPS)
        ]
        for start in range(0, headsets, size)
    ]


def train(stack: AdapterStack, batches: list[list[Batch]]) -> Tensor:
    """Theta (H, P) after the job."""
    out = []
    for steps in batches:
        theta = stack.start(len(steps[0].tick))
        for batch in steps:
            theta.sub_(stack.gradient(batch, theta, ("shared",))[1], alpha=RATE)
        out.append(theta)
    return torch.cat(out)


def seconds(call: Callable[[], object], threads: int) -> float:
    torch.set_num_threads(threads)
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(model: M3T, headsets: int, repeats: int, two: bool) -> None:
    exact = AdapterStack(model, 1, TUNING, torch.float32)
    small = AdapterStack(model, 1, TUNING, torch.bfloat16)
    together, single = chunks(model, headsets, CHUNK), chunks(model, headsets, 1)
    start = exact.start(1)[0]

    def loop(peft: Peft) -> Tensor:
        return torch.stack([peft.train(start, steps, RATE)[0] for steps in single])

    peft, sdpa = Peft(exact), Peft(exact, fused)
    reference = loop(peft)
    moved = (reference - start).norm(dim=1)

    def off(theta: Tensor) -> float:
        return float(((theta - reference).norm(dim=1) / moved).max())

    print(f"{headsets} headsets, median of {repeats} alternating runs")
    differences = {"exact": off(train(exact, together)), "bf16": off(train(small, together))}
    if differences["exact"] > 1e-5 or differences["bf16"] > 1e-2:
        raise SystemExit(f"the updates do not agree: relative errors {differences}")
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "PEFT loop": (lambda: loop(peft), 1),
        "PEFT loop, fused attention": (lambda: loop(sdpa), 1),
        "ours, fp32": (lambda: train(exact, together), 1),
        "ours, bf16": (lambda: train(small, together), 1),
    }
    if two:
        calls["PEFT loop, 2 threads"] = (lambda: loop(peft), 2)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, (call, threads) in calls.items():
            times[name].append(seconds(call, threads))
    rate = {name: headsets / statistics.median(found) for name, found in times.items()}
    best = max(rate["PEFT loop"], rate["PEFT loop, fused attention"])
    for name, found in rate.items():
        print(f"  {name:<28}{found:8.1f} client updates/s  {found / best:5.2f} x PEFT on 1 thread")
    print(
        f"  largest relative error of a headset's update against PEFT: "
        f"fp32 {differences['exact']:.1e}, bf16 {100 * differences['bf16']:.2f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="alternating runs of each")
    parser.add_argument("--headsets", type=int, nargs="+", default=[16, 64])
    parser.add_argument(
        "--two-threads",
        action="store_true",
        help="also PEFT on 2 threads; says something only where 2 cores are idle",
    )
    chosen = parser.parse_args()
    keep_freed_memory()  # as the commands do; PEFT gains by it too
    torch.manual_seed(0)
    torch.set_num_threads(1)
    layouts = {LAYOUT: EncoderSpec(1.0, 1, 1, NUMBERS, 1.0, 0)}
    model = M3T(Plan.of("tiny", layouts, (TASK,)))
    for headsets in chosen.headsets:
        compare(model, headsets, chosen.repeats, chosen.two_threads)


if __name__ == "__main__":
    main()
