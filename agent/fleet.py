"""A fleet: the agents of H headsets, from feedback to answers.

One headset's life: its tokens are standardised by what is known of the user; a labelled moment is
answered by every expert, which earns or loses weight by it (:mod:`agent.experts`), and becomes a
lesson in the memory and a term in the analytic sums; adapter steps replay lessons
(:mod:`agent.online`); an update carries the shared blocks and the sums to the federation and brings
the mixed ones back (:mod:`agent.exchange`).

Live (:mod:`agent.answering`) and headless runs use this one class, so the same ticks and the same
feedback give the same answers and the same updates on both.

Shape legend: H headsets, P numbers of theta, Z features, C classes, E experts, M lessons.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from agent.analytic import Ridge, Sums, flatten
from agent.batch import collate
from agent.cohort import Cohort, Tuning
from agent.experts import ADAPTED, FEDERATED, GENERIC, JOINT, PERSONAL, E, Mixing, Trust
from agent.memory import Lesson, Memory
from agent.model import M3T
from agent.normal import Normal
from agent.online import Momentum
from agent.room import Room
from agent.tasks import task_named
from agent.tokens import Tokens
from bridge.channels import Channel

Population = dict[str, tuple[Tensor, Tensor]]
AGAIN = 64
"""Lessons of a task that are counted again where one of them is taken back: not even rounding is
left of that one. Of more, it is subtracted."""


@dataclass(frozen=True)
class Member:
    """One headset of a fleet: a name, what it senses and what it is asked. ``person`` is whose it
    is: whoever takes its name does not get what is kept of it."""

    name: str
    channels: tuple[Channel, ...]
    tasks: tuple[str, ...]
    person: str = ""

    @property
    def kept_as(self) -> str:
        """What its state is stored under."""
        return self.person or self.name


VACANT = Member("vacant", (), ())
"""Who is in a row that nobody has."""


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


@dataclass(frozen=True)
class Known:
    """What one headset has learned from feedback, at one moment (:meth:`Fleet.known`)."""

    memory: Memory
    sums: dict[str, Sums]
    trusts: dict[str, Trust]


class Fleet:
    """``sums`` are each user's own, by task; ``crowd`` what the last round brought of others'."""

    def __init__(
        self,
        brain: Brain,
        members: Sequence[Member],
        tuning: Tuning,
        dtype: torch.dtype = torch.float32,
        mixing: Mixing | None = None,
    ) -> None:
        self.brain, self.members = brain, tuple(members)
        self.mixing = mixing or Mixing()
        self.cohort = Cohort(brain.model, len(members), tuning, dtype)
        self.start = self.cohort.start(1)
        self.momentum = Momentum.none(self.cohort.theta)
        self._rooms = Room(), Room(), Room()
        self.memories = [Memory(m.name) for m in members]
        self.normals = [self._normal() for _ in members]
        self.sums: list[dict[str, Sums]] = [{} for _ in members]
        self.crowd: list[dict[str, Sums]] = [{} for _ in members]
        self.trusts: list[dict[str, Trust]] = [self._trusts(m) for m in members]
        self.generic = {t: r.weights(r.prior) for t, r in brain.ridges.items()}
        self._solved: dict[tuple[int, str, int], tuple[Sums | None, Sums | None, Tensor]] = {}

    def _normal(self) -> Normal:
        return Normal({k: (a.numpy(), b.numpy()) for k, (a, b) in self.brain.population.items()})

    def _trusts(self, member: Member) -> dict[str, Trust]:
        return {task: Trust(self.mixing) for task in member.tasks}

    def reseat(self, row: int, member: Member) -> None:
        """Row ``row`` is ``member``'s, who knows nothing yet; every other row stays as it is, and
        nobody has those between the last and a new one. Nobody may learn or answer with the fleet
        meanwhile."""
        while row > len(self.members):
            self.reseat(len(self.members), VACANT)
        if row == len(self.members):
            self._add_row()
        else:
            self._clear_row(row)
        self.members = (*self.members[:row], member, *self.members[row + 1 :])
        self.memories[row : row + 1] = [Memory(member.name)]
        self.normals[row : row + 1] = [self._normal()]
        self.sums[row : row + 1] = [{}]
        self.crowd[row : row + 1] = [{}]
        self.trusts[row : row + 1] = [self._trusts(member)]
        self._solved = {key: kept for key, kept in self._solved.items() if key[0] != row}

    def _add_row(self) -> None:
        theta, moments = self.cohort.theta, self.momentum
        theta, first, second = (
            room.add(x)
            for room, x in zip(self._rooms, (theta, moments.first, moments.second), strict=True)
        )
        self.cohort.theta, none = theta, theta.new_zeros(1)
        steps, draws = (torch.cat((x, none)) for x in (moments.steps, moments.draws))
        self.momentum = Momentum(first, second, steps, draws)
        (told,) = self.start[0].nonzero(as_tuple=True)  # zeros it has, and they cost nothing
        theta[-1, told] = self.start[0, told]

    def _clear_row(self, row: int) -> None:
        """What is as at the start is not written, and goes on costing nothing."""
        if not torch.equal(self.cohort.theta[row], self.start[0]):
            self.cohort.theta[row] = self.start[0]
        moments = self.momentum
        for part in (moments.first, moments.second, moments.steps, moments.draws):
            if bool(part[row].any()):
                part[row] = 0.0

    def vacate(self, row: int) -> bool:
        """Nobody has ``row`` any more, nor is anything left of who had it. Where the last half of
        all rows is nobody's, its memory is given back: whether it was."""
        self.reseat(row, VACANT)
        used = max((r + 1 for r, m in enumerate(self.members) if m is not VACANT), default=0)
        if 2 * used > len(self.members):
            return False
        self.members = self.members[:used]
        self.cohort.theta = self.cohort.theta[:used].clone()
        self.momentum = self.momentum.rows(slice(used))
        for parts in (self.memories, self.normals, self.sums, self.crowd, self.trusts):
            del parts[used:]
        return True

    @property
    def names(self) -> list[str]:
        return [m.name for m in self.members]

    # -- feedback -------------------------------------------------------------------------------

    def learn(self, told: Sequence[tuple[int, Tokens]], chunk: int = 64) -> list[int]:
        """Score the experts on the last ask of each ``(row, standardised tokens)``, then learn its
        truth: the lesson joins the memory and the analytic sums. Returns the checkpoint's best
        class of each. Of labels that come together, ``chunk`` at a time are scored before any of
        those is learned. Raises ValueError, before any is, where one holds what is no number."""
        if broken := [self.members[row].name for row, tokens in told if not tokens.finite]:
            raise ValueError(f"a label of {broken[0]} with numbers that are not finite")
        generic = []
        for start in range(0, len(told), chunk):
            part = told[start : start + chunk]
            features = self.features([t for _, t in part])
            for (row, tokens), answers in zip(part, self.answers(part, features), strict=True):
                ask = tokens.asks[-1]
                present = self.present(row, ask.task)
                self.trusts[row][ask.task].score(answers, present, ask.label)
                generic.append(int(answers[GENERIC].argmax()))
            for (row, tokens), z in zip(part, features, strict=True):
                lesson = self.memories[row].add(tokens, z)
                self._count(row, lesson, 1.0)
        return generic

    def forget(self, row: int, task: str, key: str, tick: int) -> None:
        """Take the newest lesson on that moment out of memory and sums, and what the experts earned
        by it where it is the last that was learned of the task."""
        memory = self.memories[row]
        newest = memory.newest.get(task)  # forgetting it changes that
        lesson = memory.forget(task, key, tick)
        if lesson is None:
            return
        told = [label for label, count in memory.told[task].items() if count > 0]
        self.trusts[row][task] = self.trusts[row][task].without(told, lesson is newest)
        kept = memory.lessons[task]
        if not told:
            del self.sums[row][task]
        elif len(kept) == memory.count(task) <= AGAIN:
            again = ((x.z, x.label) for x in kept)
            self.sums[row][task] = Sums.counted(again, self._classes(task))
        else:
            self._count(row, lesson, -1.0)

    def known(self, row: int) -> Known:
        """What headset ``row`` knows from feedback, to :meth:`put_back` where learning fails."""
        trusts = {task: replace(trust) for task, trust in self.trusts[row].items()}
        return Known(self.memories[row].copy(), dict(self.sums[row]), trusts)

    def put_back(self, row: int, known: Known) -> None:
        """Headset ``row`` has learned nothing since ``known``."""
        self.memories[row], self.sums[row] = known.memory, known.sums
        self.trusts[row] = known.trusts

    def finite(self, row: int, since: Known) -> bool:
        """Whether all that headset ``row`` has learned from feedback ``since`` are numbers."""
        sums = [s for t, s in self.sums[row].items() if s is not since.sums.get(t)]
        trusts = self.trusts[row].values()
        return all(
            bool(torch.isfinite(x).all())
            for x in (
                *(part for s in sums for part in (s.a, s.b)),
                *(part for t in trusts for part in (t.earned, t.losses, t.odds, t.against)),
            )
        )

    def _count(self, row: int, lesson: Lesson, times: float) -> None:
        classes, mine = self._classes(lesson.task), self.sums[row]
        one = Sums.of(lesson.z[None], torch.tensor([lesson.label]), classes)
        mine[lesson.task] = mine.get(lesson.task, Sums.none(classes)).plus(one, times)

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

    def lessons(self, row: int) -> list[Lesson]:
        """What headset ``row`` may train on: not where its feedback is doubted."""
        return self.memories[row].of([t for t, x in self.trusts[row].items() if not x.doubted])

    # -- answers --------------------------------------------------------------------------------

    def present(self, row: int, task: str) -> tuple[int, ...]:
        """The experts that headset ``row`` has for ``task``. A checkpoint that was told nothing of
        it sleeps once there is another: being uniform costs less than the first label of each class
        costs whoever learns."""
        own, crowd = task in self.sums[row], task in self.crowd[row]
        told = float(self.brain.ridges[task].prior.n.sum()) > 0
        there = [GENERIC] if told or not (own or crowd) else []
        if crowd:
            there.append(FEDERATED)
        if own:
            there.append(PERSONAL)
        if own and crowd:
            there.append(JOINT)
        if not torch.equal(self.cohort.theta[row], self.start[0]):
            there.append(ADAPTED)
        return tuple(there)

    def weights(self, row: int, task: str, expert: int) -> Tensor:
        """The ridge head (Z, C) of an expert; solved anew only where its sums have changed."""
        own, crowd = self.sums[row].get(task), self.crowd[row].get(task)
        if expert == GENERIC:
            own = crowd = None
        elif expert == PERSONAL or crowd is None:
            crowd, expert = None, PERSONAL
        elif expert == ADAPTED or own is None:
            expert = JOINT if own is not None else FEDERATED
        # Sums are replaced, never changed in place, so being the same object means no change.
        known = self._solved.get((row, task, expert))
        if known is None or known[0] is not own or known[1] is not crowd:
            known = (own, crowd, self._solve(task, own, crowd, expert == FEDERATED))
            self._solved[row, task, expert] = known
        return known[2]

    def _solve(self, task: str, own: Sums | None, crowd: Sums | None, common: bool) -> Tensor:
        ridge = self.brain.ridges[task]
        if own is None and crowd is None:
            return self.generic[task]
        if common:  # one's own labels count as anybody's
            given = [s for s in (crowd, own) if s is not None]
            every = given[0] if len(given) == 1 else given[0].plus(given[1])
            return ridge.weights(ridge.total(None, every))
        return ridge.weights(ridge.total(own, crowd), ridge.own)

    def answers(self, asked: Sequence[tuple[int, Tokens]], z: Sequence[Tensor]) -> list[Tensor]:
        """Log-probabilities (E, C) of all experts for the last ask of each ``(row, tokens)`` with
        features ``z``; an expert that the headset lacks says what the generic one does."""
        logits = self._logits([(0, t) for _, t in asked], None)
        moved = [i for i, (row, t) in enumerate(asked) if ADAPTED in self.present(row, _task(t))]
        theta = self.cohort.theta
        found = self._logits([asked[i] for i in moved], theta) if moved else []
        adapted = dict(zip(moved, found, strict=True))
        out = []
        for i, (row, tokens) in enumerate(asked):
            task = _task(tokens)
            present = self.present(row, task)
            heads = [self.weights(row, task, e if e in present else GENERIC) for e in range(E)]
            own = torch.stack([logits[i]] * ADAPTED + [adapted.get(i, logits[i])])
            scores = self.mixing.head * own + torch.stack([z[i] @ w for w in heads])
            out.append(torch.log_softmax(scores, -1))
        return out

    def with_shared(self, theta: Tensor) -> Tensor:
        """(1, P) of a headset that has the shared adapters ``theta`` and none of its own."""
        out = self.start.clone()
        out[0, : len(theta)] = theta
        return out

    def take_up(self, row: int, theta: Tensor) -> None:
        """Headset ``row`` goes on with other shared adapters; what its own expert behind them has
        earned beyond its start, it earned with those that are gone."""
        mine = self.cohort.theta[row, : len(theta)]
        if torch.equal(mine, theta):
            return
        mine.copy_(theta)
        for trust in self.trusts[row].values():
            trust.anew(ADAPTED)

    def common(self, row: int, task: str, asked: Sequence[Tokens]) -> Tensor:
        """Log-probabilities (M, C) by the model that is everybody's: the sums of all, and the
        shared part of row ``row``'s adapters."""
        theta = self.with_shared(self.cohort.theta[row, : self.cohort.shared])
        logits = torch.stack(self._logits([(0, t) for t in asked], theta))
        own, crowd = self.offered(row).get(task), self.crowd[row].get(task)
        weights = self._solve(task, own, crowd, common=True)
        z = torch.stack(self.features(asked))
        return torch.log_softmax(self.mixing.head * logits + z @ weights, -1)

    def _logits(self, asked: Sequence[tuple[int, Tokens]], theta: Tensor | None) -> list[Tensor]:
        """The model's logits (C,) of the last ask of each ``(row, tokens)`` with theta[row], or as
        the checkpoint has it; rows with as many questions are answered in one pass."""
        plan, out = self.brain.model.plan, [torch.zeros(0)] * len(asked)
        places: dict[int, list[int]] = {}
        for i, (row, _) in enumerate(asked):
            places.setdefault(row, []).append(i)
        for count in sorted({len(p) for p in places.values()}):
            rows = [row for row, p in places.items() if len(p) == count]
            batch = collate(
                [[_last(asked[i][1]) for i in places[row]] for row in rows],
                plan.tokens_of,
                plan.tasks,
            )
            found = (
                self.cohort.generic(batch)
                if theta is None
                else self.cohort.answers(batch, theta[rows])
            )
            for r, row in enumerate(rows):
                for b, i in enumerate(places[row]):
                    out[i] = found.logits[_task(asked[i][1])][r, b].cpu()
        return out

    def trust(self, row: int, task: str) -> Tensor:
        """(E,) how far each expert is believed in answers."""
        return self.trusts[row][task].weights(self.present(row, task))

    def offered(self, row: int) -> Offer:
        """The own sums that a headset gives to others: not where its feedback is doubted."""
        mine, trusts = self.sums[row], self.trusts[row]
        asked = (task for task in self.members[row].tasks if task in mine)
        return {task: mine[task] for task in asked if not trusts[task].doubted}


Offer = Mapping[str, Sums]
"""Sums by task that a headset gives to others."""


def _task(tokens: Tokens) -> str:
    return tokens.asks[-1].task


def _last(tokens: Tokens) -> Tokens:
    return tokens if len(tokens.asks) == 1 else Tokens(tokens.emissions, tokens.asks[-1:])
