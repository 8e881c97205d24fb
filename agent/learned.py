"""What learning hands to answering: what has changed, by row, whole.

Learning and answering each have a fleet of their own, in one process or in two; between them go
lessons one way and a :class:`Learned` the other.

Shape legend: P numbers of theta, Z features, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from agent.analytic import Choice, Sums
from agent.fleet import Fleet


@dataclass(frozen=True)
class Learned:
    """What has changed: ``theta[row]`` (P,), and by (row, task) the analytic head's ``weights``
    (Z, C) and the choice between heads."""

    theta: Mapping[int, Tensor]
    weights: Mapping[tuple[int, str], Tensor]
    choices: Mapping[tuple[int, str], Choice]


class Changes:
    """What of a fleet has changed since last asked; at first everything."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._theta = torch.zeros(0, 0)
        self._solved: dict[tuple[int, str], tuple[Sums | Choice | None, ...]] = {}

    def take(self) -> Learned:
        """The changes; weights of analytic heads are solved where their sums changed."""
        theta, known = self.fleet.cohort.theta, self._theta
        moved = {
            row: mine.clone()
            for row, mine in enumerate(theta)
            if row >= len(known) or not torch.equal(mine, known[row])
        }
        if moved:
            self._theta = theta.clone()
        weights, choices = {}, {}
        for row, member in enumerate(self.fleet.members):
            for task in member.tasks:
                found = self._solve(row, task)
                if found is not None:
                    weights[row, task] = found
                    choices[row, task] = self.fleet.choices[row][task]
        return Learned(moved, weights, choices)

    def _solve(self, row: int, task: str) -> Tensor | None:
        # Sums are replaced, never changed in place, so being the same object means no change.
        fleet, choice = self.fleet, self.fleet.choices[row][task]
        source = (fleet.sums[row].get(task), fleet.crowd[row].get(task), choice)
        known = self._solved.get((row, task))
        if known is not None and all(a is b for a, b in zip(known, source, strict=True)):
            return None
        self._solved[row, task] = source
        total = fleet.total(row, task, choice.own)
        return fleet.brain.ridges[task].weights(total, choice.own)
