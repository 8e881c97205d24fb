"""What the headsets that are here have been told, and what they learn from it; without a clock.

:meth:`Learner.learn` counts feedback in, :meth:`Learner.personalise` takes personal steps,
:meth:`Learner.round` takes shared steps and meets the others (:mod:`fedxr.meeting`). The learner
may live in the process that answers, or in one of its own (:mod:`fedxr.apart`); either way
:meth:`Learner.ask` is the one door, and :class:`agent.learned.Learned` all that comes out for
answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import torch

from agent.analytic import Choice, Sums
from agent.batch import collate
from agent.choosing import choose, first_choice
from agent.cohort import Tuning
from agent.fleet import Brain, Fleet, Member
from agent.learned import Changes, Learned
from agent.memory import Memory
from agent.normal import Moments
from agent.online import Dose, learn_checked
from agent.seats import seat
from agent.state import StateError, Store
from agent.tasks import task_named
from agent.tokens import Tokens
from federation import Pace, Round, RoundReport
from fedxr.meeting import meet
from fedxr.profile import Batteries, Profile
from fedxr.told import Score, Told

P = ParamSpec("P")
T = TypeVar("T")
Normals = Mapping[str, Moments]
"""A user's moments by key (:mod:`agent.normal`)."""
_FRESH = Choice()


def live_pace(memory: Memory) -> Dose:
    """Personal steps after feedback: few and small while little is known."""
    told = sum(count.total() for count in memory.told.values())
    return Dose(steps=3, rate=1e-3 if told < 40 else 2e-3, batch=4)


@dataclass(frozen=True)
class Learning:
    """``shared``: steps of each headset in a round; ``personal``: by memory, after every ``each``
    labels (the analytic head learns from each at once). The steps are small because a live
    headset has little time: 8 headsets take some seconds of one core for a round."""

    shared: Dose = field(default_factory=lambda: Dose(steps=3, rate=2e-3, batch=4))
    personal: Callable[[Memory], Dose] = live_pace
    each: int = 4
    round: Round = field(default_factory=Round)

    def __post_init__(self) -> None:
        if self.round.coordination == "pooled":
            raise ValueError(
                "coordination 'pooled' moves raw samples, which live headsets do not send on; "
                "compare with it by `fedxr federate --coordination pooled`"
            )


@dataclass(frozen=True)
class Restored:
    """What was known of a headset that comes: its moments; ``trouble`` says why nothing."""

    normal: Normals
    trouble: str = ""


class Learner:
    """``state`` is where headsets' states are kept; None: nowhere."""

    def __init__(
        self, brain: Brain, tuning: Tuning, learning: Learning, state: Path | None = None
    ) -> None:
        self.brain, self.learning = brain, learning
        self.fleet = Fleet(brain, (), tuning, torch.float32)
        self.store = Store(state) if state else None
        self.seated: dict[int, Profile] = {}
        self.batteries = Batteries()
        self.number = 0
        self._changes = Changes(self.fleet)
        self._patience = Pace()
        self._fresh: Counter[int] = Counter()
        self._chosen: dict[tuple[int, str], int] = {}
        self._generic = {t: r.weights(r.prior) for t, r in brain.ridges.items()}

    def ask(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, Learned]:
        """Do ``what``; what came of it, and everything that has been learned since."""
        return what(self, *args, **kwargs), self._changes.take()

    def close(self) -> None:
        if self.store:
            self.store.close()

    # -- seats -----------------------------------------------------------------------------------

    def join(self, row: int, profile: Profile) -> Restored:
        """A headset sits down at ``row``, with what is kept of it."""
        seat(self.fleet, row, profile.member)
        self._forget_row(row)
        self.seated[row] = profile
        self.batteries.spent[profile.member.name] = 0.0
        try:
            if self.store:
                self.store.load(self.fleet, row)
        except StateError as error:
            return Restored({}, str(error))
        return Restored(self.fleet.normals[row].own)

    def leave(self, row: int, normal: Normals) -> None:
        """A headset goes; its state is kept."""
        self.save(row, normal)
        del self.batteries.spent[self.seated.pop(row).member.name]
        seat(self.fleet, row, Member(f"vacant {row}", (), ()))
        self._forget_row(row)

    def save(self, row: int, normal: Normals) -> None:
        """Save what has changed of a headset, and its moments, which answering counts."""
        self.fleet.normals[row].own = dict(normal)
        if self.store:
            self.store.save(self.fleet, row)

    def _forget_row(self, row: int) -> None:
        self._chosen = {k: n for k, n in self._chosen.items() if k[0] != row}
        self._fresh.pop(row, None)

    # -- feedback --------------------------------------------------------------------------------

    def learn(self, told: Sequence[Told]) -> list[Score]:
        """Count feedback into memories and analytic heads."""
        lessons = [t.tokens for t in told if t.tokens is not None]
        generic = iter(self._as_it_came(lessons) if lessons else [])
        scores = []
        for one in told:
            if one.tokens is None:
                self._forget(one)
                continue
            self._remember(one.row, one.tokens)
            name, label = self.fleet.members[one.row].name, one.tokens.asks[0].label
            scores.append(
                Score(name, one.task, one.episode, one.tick, label, one.answered, next(generic))
            )
            self._fresh[one.row] += 1
        return scores

    def _remember(self, row: int, tokens: Tokens) -> None:
        """Into memory and own sums; the crowd's sums, where there are any, grow by it too."""
        task, fleet = tokens.asks[0].task, self.fleet
        crowd, before = fleet.crowd[row].get(task), fleet.sums[row].get(task)
        fleet.remember([(row, tokens)])
        after = fleet.sums[row][task]
        if crowd is not None:
            grown = after if before is None else after.plus(before, -1.0)
            fleet.crowd[row][task] = crowd.plus(grown)

    def _forget(self, told: Told) -> None:
        """Take the newest lesson on that moment out of memory and sums."""
        fleet, task = self.fleet, told.task
        memory = fleet.memories[told.row]
        kept = memory.lessons.get(task, [])
        for place, lesson in reversed(list(enumerate(kept))):
            if (lesson.tokens.key, lesson.tokens.asks[0].tick) == (str(told.episode), told.tick):
                del kept[place]
                memory.told[task][lesson.label] -= 1
                classes = len(task_named(task).classes)
                one = Sums.of(lesson.z[None], torch.tensor([lesson.label]), classes)
                for sums in (fleet.sums[told.row], fleet.crowd[told.row]):
                    if task in sums:
                        sums[task] = sums[task].plus(one, -1.0)
                return

    def _as_it_came(self, lessons: Sequence[Tokens]) -> list[int]:
        """Best class of each lesson by the model without any learning since its checkpoint."""
        cohort, plan = self.fleet.cohort, self.brain.model.plan
        batch = collate([lessons], plan.tokens_of, plan.tasks)
        answers = cohort.answers(batch, cohort.start(1))
        width = batch.ask_tick.shape[2]
        out = []
        for i, (one, z) in enumerate(zip(lessons, self.fleet.features(lessons), strict=True)):
            task = one.asks[0].task
            scores = _FRESH.trust * answers.logits[task][0, i * width].cpu()
            scores = scores + z @ self._generic[task]
            out.append(int(scores.argmax()))
        return out

    # -- steps -----------------------------------------------------------------------------------

    def personalise(self) -> bool:
        """Personal steps of the headset that has waited longest for them, adopted where held-back
        lessons agree; False when none is due."""
        row, labels = max(self._fresh.items(), key=lambda item: item[1], default=(-1, 0))
        if labels < self.learning.each:
            return False
        self._fresh[row] = 0
        fleet = self.fleet
        momentum = fleet.momentum.rows([row])
        theta, _ = learn_checked(
            fleet.cohort, fleet.cohort.theta[[row]], momentum, [fleet.memories[row]],
            ("personal",), self.learning.personal, [fleet.names[row]],
        )  # fmt: skip
        fleet.cohort.theta[[row]] = theta
        fleet.momentum.put([row], momentum)
        return True

    def round(self, rows: Sequence[int]) -> RoundReport | None:
        """The headsets at ``rows`` meet once; None when nobody is here."""
        seated = {row: self.seated[row] for row in sorted(rows)}
        if not seated:
            return None
        self.number += 1
        report = meet(
            self.fleet, seated, self.batteries, self.learning.shared, self.learning.round,
            self.number, self._patience,
        )  # fmt: skip
        for row in seated:
            self._choose(row)
        return report

    def _choose(self, row: int) -> None:
        """How far to trust which head, by held-back lessons, for tasks that have new ones."""
        fleet = self.fleet
        for task in fleet.members[row].tasks:
            held = [x for x in fleet.memories[row].of(held=True) if x.task == task]
            told = fleet.memories[row].told.get(task, Counter())
            if self._chosen.get((row, task)) != len(held):
                self._chosen[row, task] = len(held)
                own = fleet.brain.ridges[task].own
                start = first_choice(Choice(), own, told.total() / max(1, len(told)))
                fleet.choices[row][task] = choose(fleet, row, task, held, start)
