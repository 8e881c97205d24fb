"""How the headsets of a live fleet meet: one round, from their lessons to what each then holds.

Shape legend: A headsets awake, K blocks of an update, P' its length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from agent.fleet import Fleet
from agent.online import Dose, Momentum, learn
from federation import Block, Blocks, Effort, Pace, Round, RoundReport, Updates, run_round
from fedxr.profile import Batteries, Profile, network

FLOPS_PER_STEP = 6.0
"""Operations per parameter and token of a training step: forward 2, backward 4."""


def meet(
    fleet: Fleet,
    seated: Mapping[int, Profile],
    batteries: Batteries,
    dose: Dose,
    config: Round,
    number: int,
    patience: Pace,
) -> RoundReport:
    """Round ``number`` of the ``seated`` rows of ``fleet``: shared steps of ``dose``, the mixing,
    and each takes the mean that has reached it. Who takes no part keeps what it knows."""
    rows = list(seated)
    samples = fleet.samples()
    blocks = Blocks(tuple(Block(*b) for b in fleet.blocks()))
    values = fleet.values()

    def adapt(awake: Tensor, union: bool) -> Updates:
        here = [rows[i] for i in awake.tolist()]
        values[here, : fleet.cohort.shared] = _shared(fleet, here, dose, number)
        owns = torch.stack([_owns(fleet.members[row].tasks, blocks) for row in here])
        effort = Effort(*_effort(fleet, here, seated, dose))
        return Updates(blocks, values[here], samples[here], owns, effort)

    headsets = network(seated, batteries)
    mixed, report = run_round(config, headsets, values[rows], adapt, number, patience)
    values[rows] = mixed
    fleet.merge(values, [fleet.owners(report.behind(name)) for name in fleet.names])
    batteries.spend(report)
    return report


def _shared(fleet: Fleet, rows: list[int], dose: Dose, number: int) -> Tensor:
    """(A, shared): after the round's local steps, with an optimiser of the round's own."""
    theta = fleet.cohort.theta[rows]
    momentum = Momentum.none(theta)
    momentum.steps += number * dose.steps  # draws other lessons each round
    lessons = [fleet.memories[r].of(held=False) for r in rows]
    names = [fleet.names[r] for r in rows]
    # One at a time: nobody is padded to the longest lesson of another.
    after = learn(fleet.cohort, theta, momentum, lessons, ("shared",), dose, names, chunk=1)
    return after[:, : fleet.cohort.shared]


def _owns(tasks: Sequence[str], blocks: Blocks) -> Tensor:
    """(K,) bool: heads and sums of its own tasks, and all adapters."""
    return torch.tensor(
        [
            b.kind not in ("head", "analytic") or b.name.split(":", 1)[1].split("|")[0] in tasks
            for b in blocks
        ]
    )


def _effort(
    fleet: Fleet, rows: list[int], seated: Mapping[int, Profile], dose: Dose
) -> tuple[Tensor, Tensor]:
    """Seconds and joules of the round's steps on each device (not on this machine)."""
    seconds, joules = [], []
    parameters = sum(p.numel() for p in fleet.brain.model.backbone.parameters())
    for row in rows:
        lessons = fleet.memories[row].of(held=False)
        tokens = sum(len(x.tokens.emissions) for x in lessons) / max(1, len(lessons))
        flops = FLOPS_PER_STEP * parameters * tokens * dose.steps * dose.batch
        computer = seated[row].computer
        seconds.append(flops / (computer.gflops * 1e9))
        joules.append(flops * computer.picojoules_per_flop * 1e-12)
    return torch.tensor(seconds), torch.tensor(joules)
