"""What some headsets of a cohort give to a round of the federation, and what they take from it.

Made when the round begins: what is told while it is under way belongs to the next. An update is one
flat row a headset: the shared part of theta, then the sums of each task. Sums travel as they are
and are averaged, so that a mean times the number of those who gave some is everybody's sum.

Shape legend: R headsets of the round, P' numbers of an update, K blocks, P numbers of theta.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

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


Given = Callable[[str, frozenset[int]], RidgeStats | None]
"""What the server was given of a task by all but some rows."""
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

    def merge(
        self, mixed: Tensor, behind: Sequence[Iterable[str]], answered: Collection[str] = ()
    ) -> None:
        """Take the federation's answer (R, P'): shared blocks in place; and means of sums times the
        number of headsets that gave some, of those ``behind`` each row's mean, less the row's own:
        what is left are the sums of others. The server, which has ``answered`` some, keeps what it
        was given before by those who are silent, or have left."""
        stack = self.cohort.stack
        stack.theta[self.rows, : stack.shared] = mixed[:, : stack.shared]
        names = [tuple(who) for who in behind]
        states = [self.cohort.headsets[row] for row in self.rows]
        given: Given = cache(self.cohort.given)
        found = [
            self._others(i, mixed[i], names[i], given if state.identity.name in answered else None)
            for i, state in enumerate(states)
        ]
        for state, others in zip(states, found, strict=True):
            for task, sums in others.items():
                if sums is None:
                    state.federated.pop(task, None)
                elif sums.finite:  # else what the crowd said last is kept
                    state.federated[task] = sums
        heard = {
            name for i, m in enumerate(self.members) if m.name in answered for name in names[i]
        }
        for state, mine in zip(states, self.offered, strict=True):
            if state.identity.name in heard:
                state.given = mine

    def _others(
        self, i: int, mixed: Tensor, behind: Sequence[str], kept: Given | None
    ) -> dict[str, RidgeStats | None]:
        """By task, the sums of others for the i-th headset from its row ``mixed`` (P',), and what
        the server has ``kept`` of the silent; None where they give nothing any more. Of tasks that
        are not in it nothing new is known."""
        identity, out = self.members[i], dict[str, RidgeStats | None]()
        given = {m.name: mine for m, mine in zip(self.members, self.offered, strict=True)}
        heard = frozenset(
            row for row, m in zip(self.rows, self.members, strict=True) if m.name in behind
        ) | {self.rows[i]}
        for part in self.parts:
            if part.kind != "ridge" or part.task not in identity.tasks:
                continue
            task = part.task
            names = [name for name in behind if task in given.get(name, ())]
            silent = None if kept is None else kept(task, heard)
            if set(names) - {identity.name}:
                mean = unflatten(mixed[part.start : part.stop], FEATURES, _classes(task))
                total = RidgeStats(*(len(names) * x for x in (mean.a, mean.b, mean.n)))
                if identity.name in names:
                    total = total.plus(given[identity.name][task], -1.0)
                out[task] = total if silent is None else total.plus(silent)
            elif silent is not None:
                out[task] = silent
            elif any(
                task in m.tasks for m in self.members if m.name in behind and m is not identity
            ):
                out[task] = None
        return out


def _classes(task: str) -> int:
    return len(task_named(task).classes)
