"""Headsets that come and go: giving a row of a fleet to another headset, or adding one."""

from __future__ import annotations

import torch

from agent.analytic import Choice
from agent.fleet import Fleet, Member
from agent.memory import Memory
from agent.normal import Normal


def seat(fleet: Fleet, row: int, member: Member) -> None:
    """Row ``row`` of ``fleet``, or the one after its last, is ``member``'s, who knows nothing yet.

    Every other row stays as it is. Nobody may learn or answer with the fleet meanwhile.
    """
    members = list(fleet.members)
    if not 0 <= row <= len(members):
        raise ValueError(f"row {row} of {len(members)}; at most the one after the last")
    members[row : row + 1] = [member]
    cohort, momentum = fleet.cohort, fleet.momentum
    fresh = cohort.start(1)
    if row == len(fleet.members):
        nothing = torch.zeros_like(fresh)
        cohort.theta = torch.cat((cohort.theta, fresh))
        momentum.first = torch.cat((momentum.first, nothing))
        momentum.second = torch.cat((momentum.second, nothing))
        momentum.steps = torch.cat((momentum.steps, momentum.steps.new_zeros(1)))
    else:
        cohort.theta[row] = fresh[0]
        for part in (momentum.first, momentum.second, momentum.steps):
            part[row] = 0
    fleet.members = tuple(members)
    population = {k: (a.numpy(), b.numpy()) for k, (a, b) in fleet.brain.population.items()}
    fleet.memories[row : row + 1] = [Memory(seed=row)]
    fleet.normals[row : row + 1] = [Normal(population)]
    fleet.sums[row : row + 1] = [{}]
    fleet.crowd[row : row + 1] = [{}]
    fleet.inside[row : row + 1] = [True]
    fleet.choices[row : row + 1] = [{task: Choice() for task in member.tasks}]
