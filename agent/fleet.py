"""A fleet: the agents of H headsets, from feedback to what they exchange.

One headset's life: its tokens are standardised by what is known of the user; a labelled moment
becomes a lesson in its memory and a term in its analytic sums; adapter steps replay lessons;
an update carries the shared blocks and the sums to the federation and brings the mixed ones back;
then personal steps follow, and how much of them to trust is checked on held-back lessons.

Live (:mod:`agent.answering`) and headless runs use this one class, so the same ticks and the same
feedback give the same answers and the same updates on both.

Shape legend: H headsets, P numbers of theta, Z features, C classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from agent.analytic import Choice, Ridge, Sums, flatten, unflatten
from agent.batch import collate
from agent.cohort import Cohort, Tuning
from agent.kernel import FEATURES
from agent.memory import Memory
from agent.model import M3T
from agent.normal import Normal
from agent.online import Momentum
from agent.tasks import task_named
from agent.tokens import Tokens
from bridge.channels import Channel

Population = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Member:
    """One headset of a fleet: a name, what it senses and what it is asked."""

    name: str
    channels: tuple[Channel, ...]
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Brain:
    """A checkpoint in memory: the model, and where normalisation and analytic heads start."""

    model: M3T
    ridges: Mapping[str, Ridge]
    population: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Of all tensors that numbers learned with this brain depend on: weights, normalisation,
        landmarks and priors."""
        parts = {f"model/{name}": t for name, t in self.model.state_dict().items()}
        for task, ridge in self.ridges.items():
            parts[f"landmarks/{task}"] = ridge.kernel.landmarks
            parts[f"prior/{task}"] = flatten(ridge.prior)
        for key, both in self.population.items():
            parts[f"population/{key}"] = torch.stack(both)
        found = hashlib.blake2b(digest_size=16)
        for name, tensor in sorted(parts.items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().cpu().flatten().contiguous().view(torch.uint8).numpy())
        return found.hexdigest()


class Fleet:
    def __init__(
        self,
        brain: Brain,
        members: Sequence[Member],
        tuning: Tuning,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self.brain, self.members = brain, tuple(members)
        self.cohort = Cohort(brain.model, len(members), tuning, dtype)
        self.momentum = Momentum.none(self.cohort.theta)
        self.memories = [Memory(seed=i) for i in range(len(members))]
        self.normals = [self._normal() for _ in members]
        self.sums: list[dict[str, Sums]] = [{} for _ in members]
        self.crowd: list[dict[str, Sums]] = [{} for _ in members]
        self.inside = [True for _ in members]  # whether the crowd's sums count the own ones in
        self.choices: list[dict[str, Choice]] = [
            {t: Choice() for t in m.tasks} for m in self.members
        ]

    def _normal(self) -> Normal:
        return Normal({k: (a.numpy(), b.numpy()) for k, (a, b) in self.brain.population.items()})

    @property
    def names(self) -> list[str]:
        return [m.name for m in self.members]

    # -- feedback -------------------------------------------------------------------------------

    def remember(self, told: Sequence[tuple[int, Tokens]], chunk: int = 64) -> None:
        """Learn the truth of the last ask of each ``(row, standardised tokens)``: the lesson joins
        the memory and the analytic sums."""
        for start in range(0, len(told), chunk):
            part = told[start : start + chunk]
            features = self.features([t for _, t in part])
            for (row, tokens), z in zip(part, features, strict=True):
                lesson = self.memories[row].add(tokens, z)
                one = Sums.of(z[None], torch.tensor([lesson.label]), self._classes(lesson.task))
                mine = self.sums[row]
                mine[lesson.task] = mine[lesson.task].plus(one) if lesson.task in mine else one

    def features(self, episodes: Sequence[Tokens]) -> list[Tensor]:
        """Fixed features (Z,) of the last ask of each of ``episodes``."""
        model = self.brain.model
        asks = [Tokens((), e.asks[-1:]) for e in episodes]
        batch = collate([asks], model.plan.tokens_of, model.plan.tasks)
        summaries = model.summaries(batch.summaries)
        tasks = [e.asks[0].task for e in asks]
        by_task = {t: self.brain.ridges[t].features(summaries, len(asks)) for t in set(tasks)}
        return [by_task[task][i].clone() for i, task in enumerate(tasks)]

    @staticmethod
    def _classes(task: str) -> int:
        return len(task_named(task).classes)

    # -- answers --------------------------------------------------------------------------------

    def total(self, row: int, task: str, own: float, left_out: Sums | None = None) -> Sums:
        """prior + crowd + ``own`` · own sums of headset ``row``, as if it had never been told the
        lessons in ``left_out``."""
        total = self.brain.ridges[task].prior
        mine = self.sums[row].get(task)
        crowd = self.crowd[row].get(task, mine)
        counted = own + float(self.inside[row] and mine is not None)
        if crowd is not None:
            total = total.plus(crowd)
        if mine is not None and own:
            total = total.plus(mine, own)
        if left_out is not None and counted:
            total = total.plus(left_out, -counted)
        return total

    def log_answers(
        self, row: int, task: str, logits: Tensor, z: Tensor, choice: Choice | None = None
    ) -> Tensor:
        """(M, C) log-probabilities from the model's logits (M, C) and features z (M, Z)."""
        choice = choice or self.choices[row][task]
        weights = self.brain.ridges[task].weights(self.total(row, task, choice.own), choice.own)
        return torch.log_softmax(choice.trust * logits + z @ weights, -1)

    # -- exchange -------------------------------------------------------------------------------

    def tasks(self) -> list[str]:
        """All tasks of the fleet, in the model's order: each is an analytic block."""
        return [t for t in self.brain.model.plan.tasks if any(t in m.tasks for m in self.members)]

    def blocks(self) -> list[tuple[str, int, int, str]]:
        """(name, start, stop, kind) of the blocks of an update: shared theta, then the sums."""
        out = [
            (n, b.start, b.stop, b.kind)
            for n, b in self.cohort.blocks.items()
            if n.startswith("shared.")
        ]
        at = self.cohort.shared
        for task in self.tasks():
            z, c = FEATURES, self._classes(task)
            stop = at + z * (z + 1) // 2 + z * c + c
            out.append((f"analytic:{task}", at, stop, "analytic"))
            at = stop
        return out

    def values(self) -> Tensor:
        """(H, P'): the shared part of theta and the flattened sums."""
        parts = [self.cohort.theta[:, : self.cohort.shared]]
        for task in self.tasks():
            empty = Sums.none(self._classes(task))
            parts.append(torch.stack([flatten(s.get(task, empty)) for s in self.sums]))
        return torch.cat(parts, 1)

    def samples(self) -> Tensor:
        """(H, K): how many lessons stand behind each block of each headset."""
        rows = []
        for member, memory in zip(self.members, self.memories, strict=True):
            told = {t: memory.count(t) for t in member.tasks}
            row = []
            for name, _, _, kind in self.blocks():
                if kind == "analytic":
                    row.append(float(told.get(name.split(":")[1], 0) > 0))
                elif kind == "head":
                    row.append(float(told.get(name.split(":", 1)[1].split("|")[0], 0)))
                else:
                    row.append(float(sum(told.values())))
            rows.append(row)
        return torch.tensor(rows, dtype=torch.float64)

    def owners(self, awake: Sequence[str]) -> dict[str, int]:
        """How many of the ``awake`` headsets have sums of each task: what a mean of sums is
        multiplied by."""
        out = dict.fromkeys(self.tasks(), 0)
        for member, mine in zip(self.members, self.sums, strict=True):
            for task in mine if member.name in awake else ():
                out[task] += 1
        return out

    def merge(self, mixed: Tensor, owners: Sequence[Mapping[str, int]]) -> None:
        """Take the federation's answer (H, P'): shared blocks in place, means of sums times
        ``owners``, row by row the number of headsets behind its mean of each task."""
        self.cohort.theta[:, : self.cohort.shared] = mixed[:, : self.cohort.shared]
        starts = {n: (a, b) for n, a, b, kind in self.blocks() if kind == "analytic"}
        for row, member in enumerate(self.members):
            for task in member.tasks:
                a, b = starts[f"analytic:{task}"]
                if owners[row].get(task, 0):
                    mean = unflatten(mixed[row, a:b], FEATURES, self._classes(task))
                    n = float(owners[row][task])
                    self.crowd[row][task] = Sums(mean.a * n, mean.b * n, mean.n * n)
