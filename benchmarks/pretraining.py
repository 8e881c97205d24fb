"""A step of pretraining in bfloat16 against one in float32, on this processor.

    python -m benchmarks.pretraining [--steps 6]

The same model, users and draws, one thread, the two ways in turn. Prints the ratio of their times,
with the least and the greatest of the pairs, and which one
:func:`fedxr.agent.checkpoints.pretrain.fastest` takes."""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass

import torch
import tyro

from fedxr.agent.checkpoints.pretrain import Pretraining, fastest, fit_standards, pretrain
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.experiments.gathering import gather
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import meet, population_of, raw_tokens


@dataclass(frozen=True)
class Steps:
    """Pretraining steps in two precisions."""

    steps: int = 6
    """Steps of one run."""
    runs: int = 3
    """Pairs of runs."""


def material() -> tuple[Plan, dict[str, list[TokenizedEpisode]]]:
    """The simulated people of one use case, by task."""
    (split,) = gather(RunConfig(scenario="neuroadaptive", headsets=4), None, lambda _: None)
    raw = [raw_tokens(user) for user in split.pretraining]
    people = [
        meet(user, population_of(raw), everything=True, raw=mine)
        for user, mine in zip(split.pretraining, raw, strict=True)
    ]
    by_task: dict[str, list[TokenizedEpisode]] = {}
    for person in people:
        for tokens in (*person.adapt, *person.test):
            by_task.setdefault(tokens.queries[-1].task, []).append(tokens)
    layouts = {c.layout: encoder_for(c).shape(c) for u in split.pretraining for c in u.channels}
    return Plan.of("tiny", layouts, tuple(sorted(by_task))), by_task


def main(config: Steps) -> None:
    torch.set_num_threads(1)
    plan, people = material()
    start = M3T(plan)
    fit_standards(start, [tokens for task in sorted(people) for tokens in people[task]])

    def seconds(dtype: torch.dtype, steps: int) -> float:
        began = time.perf_counter()
        pretrain(copy.deepcopy(start), people, Pretraining(steps=steps), dtype=dtype)
        return time.perf_counter() - began

    both = torch.bfloat16, torch.float32
    for dtype in both:  # kernels are made at the first call
        seconds(dtype, 1)
    ratios = []
    for pair in range(config.runs):
        half, whole = (seconds(dtype, config.steps) for dtype in both)
        ratios.append(half / whole)
        print(f"pair {pair + 1}: bfloat16 {half:.1f} s, float32 {whole:.1f} s", flush=True)
    print(
        f"bfloat16 takes {statistics.median(ratios):.2f} x as long as float32 "
        f"[{min(ratios):.2f}, {max(ratios):.2f}], {config.runs} pairs of "
        f"{config.steps} steps a task; taken here: {fastest()}"
    )


if __name__ == "__main__":
    main(tyro.cli(Steps, description=__doc__))
