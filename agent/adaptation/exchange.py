"""What some headsets of a cohort give to a round of the federation, and what they take from it.

Made when the round begins: what is told while it is under way belongs to the next. An update is one
flat row a headset, the shared part of theta; the sums of each task go beside it, as they are
(:mod:`fedxr.federation.shared_sums`).

Shape legend: R headsets of the round, P' numbers of an update, K blocks, P numbers of theta.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack
from fedxr.agent.adaptation.blocks import BlockId
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.federation import SharedSums


@dataclass(frozen=True)
class Part:
    """One block of an update; ``most`` is the largest magnitude of its values."""

    id: BlockId
    start: int
    stop: int
    rows: tuple[int, int] | None = None  # these of an adapter's factor; None: all it has
    above: int = 0  # headsets of a higher rank have it
    most: float = 1e3  # of adapters and heads, which are some ten at most

    @property
    def name(self) -> str:
        return self.id.name + (f"[{self.rows[0]}:{self.rows[1]}]" if self.rows else "")

    @property
    def kind(self) -> str:
        return self.id.kind

    @property
    def task(self) -> str | None:
        return self.id.task

    def owned_by(self, headset: HeadsetIdentity) -> bool:
        """Adapters as far as its rank goes, and heads of its tasks."""
        if self.task is not None:
            return self.task in headset.tasks
        return headset.rank is None or headset.rank > self.above


def parts_of(stack: AdapterStack, members: Iterable[HeadsetIdentity]) -> list[Part]:
    """The blocks of an update. Where ``members`` have lower ranks than the stack, the factors of
    adapters are cut where one of those ends, so that each owns what it has."""
    most = stack.tuning.r
    ends = sorted({min(m.rank, most) for m in members if m.rank is not None} | {most})
    cuts = list(pairwise((0, *ends)))
    found = []
    for b in stack.blocks.values():
        if b.id.part != "shared":
            continue
        if b.kind == "head" or len(cuts) == 1:
            found.append(Part(b.id, b.start, b.stop))
            continue
        rows, wide = b.shape
        for layer in range(0, rows, most):  # A has so many rows for each layer of its group
            for low, high in cuts:
                start, stop = layer + low, layer + high
                columns = b.start + start * wide, b.start + stop * wide
                found.append(Part(b.id, *columns, (start, stop), low))
    return found


KINDS = ("lora_A", "lora_B", "head")
"""Every kind of block that an update can have."""


class Exchange:
    """``rows`` of ``cohort`` in one round; ``parts`` are the K blocks of an update, ``offered`` the
    sums that each headset gives, by task, and ``counts`` of the examples behind them."""

    def __init__(self, cohort: Cohort, rows: Sequence[int]) -> None:
        self.cohort, self.rows = cohort, list(rows)
        states = [cohort.headsets[row] for row in rows]
        self.members = [state.identity for state in states]
        self.offered = [state.offered() for state in states]
        self.counts = [
            {task: float(state.replay.count(task)) for task in mine}
            for state, mine in zip(states, self.offered, strict=True)
        ]
        self.parts = parts_of(cohort.stack, (state.identity for state in cohort.headsets))

    def without(self, rows: Collection[int]) -> Exchange:
        """The same, but that ``rows`` take no part."""
        kept = [i for i, row in enumerate(self.rows) if row not in rows]
        found = copy(self)
        found.rows, found.members = [self.rows[i] for i in kept], [self.members[i] for i in kept]
        found.offered = [self.offered[i] for i in kept]
        found.counts = [self.counts[i] for i in kept]
        return found

    def values(self) -> Tensor:
        """(R, P'): the shared part of theta."""
        stack = self.cohort.stack
        return stack.theta[self.rows, : stack.shared]

    def samples(self) -> Tensor:
        """(R, K): how many examples stand behind each block of each headset."""
        return (
            torch.tensor(
                [
                    [told.get(p.task, 0.0) if p.task else sum(told.values()) for p in self.parts]
                    for told in self.counts
                ],
                dtype=torch.float64,
            )
            * self.owns()
        )

    def owns(self) -> Tensor:
        """(R, K) bool: who takes part in what; without a label it listens only."""
        return torch.tensor([[p.owned_by(m) for p in self.parts] for m in self.members])

    def offer(self) -> SharedSums[RidgeStats]:
        """The sums that each gives are there to be passed on."""
        sums = self.cohort.sums
        for member, mine in zip(self.members, self.offered, strict=True):
            sums.offer(member.name, mine, member.tasks)
        return sums

    def merge(self, mixed: Tensor) -> None:
        """Take the federation's answer (R, P'), and of others' sums what has come."""
        stack = self.cohort.stack
        stack.theta[self.rows, : stack.shared] = mixed[:, : stack.shared]
        for row in self.rows:
            self.cohort.hear(row)
