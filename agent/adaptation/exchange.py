"""What some headsets of a cohort give to a round of the federation, and what they take from it.

Made when the round begins: what is told while it is under way belongs to the next. An update is one
flat row a headset: the shared part of theta, then the sums of each task. Sums travel as they are
and are averaged, so that a mean times the number of those who gave some is everybody's sum.

Shape legend: R headsets of the round, P' numbers of an update, K blocks, P numbers of theta.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from fedxr.agent.adaptation.blocks import BlockId
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats, flatten, unflatten
from fedxr.agent.tasks import task_named


@dataclass(frozen=True)
class Part:
    """One block of an update; of kind "ridge" if it holds sums. ``most`` is the largest
    magnitude of its values."""

    id: BlockId
    start: int
    stop: int
    most: float = 1e3  # of adapters and heads, which are some ten at most

    @property
    def kind(self) -> str:
        return self.id.kind

    @property
    def task(self) -> str | None:
        return self.id.task


SUMS = 1e7
"""The largest magnitude of sums over labels: features are within 1
(:mod:`fedxr.agent.model.nystroem`)."""


KINDS = ("lora_A", "lora_B", "head", "ridge")
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
        self._arrange()

    def _arrange(self) -> None:
        there = {task for identity in self.members for task in identity.tasks}
        self.tasks = [t for t in self.cohort.checkpoint.model.plan.tasks if t in there]
        self.parts = self._parts()

    def without(self, rows: Collection[int]) -> Exchange:
        """The same, but that ``rows`` take no part."""
        kept = [i for i, row in enumerate(self.rows) if row not in rows]
        found = copy(self)
        found.rows, found.members = [self.rows[i] for i in kept], [self.members[i] for i in kept]
        found.offered = [self.offered[i] for i in kept]
        found.counts = [self.counts[i] for i in kept]
        found._arrange()
        return found

    def _parts(self) -> list[Part]:
        stack = self.cohort.stack
        shared = (b for b in stack.blocks.values() if b.id.part == "shared")
        out = [Part(b.id, b.start, b.stop) for b in shared]
        at = stack.shared
        for task in self.tasks:
            stop = at + FEATURES * (FEATURES + 1) // 2 + (FEATURES + 1) * _classes(task)
            out.append(Part(BlockId("", "ridge", task), at, stop, SUMS))
            at = stop
        return out

    def values(self) -> Tensor:
        """(R, P'): the shared part of theta and the flattened sums that are offered."""
        stack = self.cohort.stack
        parts = [stack.theta[self.rows, : stack.shared]]
        for task in self.tasks:
            empty = RidgeStats.none(_classes(task))
            parts.append(torch.stack([flatten(mine.get(task, empty)) for mine in self.offered]))
        return torch.cat(parts, 1)

    def samples(self) -> Tensor:
        """(R, K): how many examples stand behind each block of each headset; in a mean of sums each
        headset that gives some counts once."""
        out = []
        for told in self.counts:
            counts = [
                float(part.task in told)
                if part.kind == "ridge"
                else told.get(part.task, 0.0)
                if part.task
                else sum(told.values())
                for part in self.parts
            ]
            out.append(counts)
        return torch.tensor(out, dtype=torch.float64)

    def owns(self) -> Tensor:
        """(R, K) bool: a headset takes part in all adapters, and in heads and sums of its tasks;
        without a label it listens only."""
        return torch.tensor(
            [[p.task is None or p.task in m.tasks for p in self.parts] for m in self.members]
        )

    def merge(self, mixed: Tensor, behind: Sequence[Iterable[str]]) -> None:
        """Take the federation's answer (R, P'): shared blocks in place; and means of sums times the
        number of headsets that gave some, of those ``behind`` each row's mean, less the row's own:
        what is left are the sums of others. Those of who has left count as well."""
        stack, departed = self.cohort.stack, self.cohort.departed.sums
        stack.theta[self.rows, : stack.shared] = mixed[:, : stack.shared]
        sums = {part.task: part for part in self.parts if part.kind == "ridge"}
        tasks_of = {m.name: m.tasks for m in self.members}
        given = {m.name: mine for m, mine in zip(self.members, self.offered, strict=True)}
        for i, (row, identity) in enumerate(zip(self.rows, self.members, strict=True)):
            state = self.cohort.headsets[row]
            state.met |= bool(tuple(behind[i]))
            for task in identity.tasks:
                names = [name for name in behind[i] if task in given.get(name, ())]
                own = given[identity.name].get(task) if identity.name in names else None
                if not names or set(names) == {identity.name}:
                    asked = (
                        t for n, t in tasks_of.items() if n in behind[i] and n != identity.name
                    )
                    if any(task in theirs for theirs in asked):  # they give nothing any more
                        state.federated.pop(task, None)
                        if task in departed:
                            state.federated[task] = departed[task]
                    continue
                part = sums[task]
                mean = unflatten(mixed[i, part.start : part.stop], FEATURES, _classes(task))
                total = RidgeStats(*(len(names) * x for x in (mean.a, mean.b, mean.n)))
                total = total if own is None else total.plus(own, -1.0)
                total = total.plus(departed[task]) if task in departed else total
                if total.finite:  # else what the crowd said last is kept
                    state.federated[task] = total


def _classes(task: str) -> int:
    return len(task_named(task).classes)
