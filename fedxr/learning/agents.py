"""The agents of all headsets that are here, without a clock: who calls says when.

The life of one question: :meth:`Agents.push` takes samples, :meth:`Agents.tick` answers; what the
user says of it later comes to :meth:`Agents.feedback` and waits; :meth:`Agents.ask` has the learner
learn it, and what it learned is taken up whole by :meth:`Agents.swap`. Live
(:mod:`fedxr.live.live`) and lockstep (:mod:`fedxr.live.lockstep`) headsets both go through here:
the same calls give the same answers and the same adapters.

``ask`` may run in a second thread while the others run in the first, one call at a time; seats
change only while nobody asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.allocation import give_back_freed_memory
from fedxr.agent.inputs.tokens import tick_of
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.serving.inference import InferenceEngine, Probabilities, ServingWeights
from fedxr.agent.serving.weight_update import WeightUpdate
from fedxr.bridge.channels import Samples
from fedxr.federation import RoundReport
from fedxr.learning.feedback import Given, PendingFeedback
from fedxr.learning.learner import Learner, Normals, Restored
from fedxr.learning.learner_process import LearnerProcess
from fedxr.learning.profile import Batteries, HeadsetProfile

P = ParamSpec("P")
T = TypeVar("T")
SOON = 6
"""An overloaded server skips ticks: an answer up to 0.2 s later counts as that to the moment."""
REMEMBERED = 4096
"""Answers of a headset kept for comparison with feedback (2 minutes)."""


WAITING = 64
"""Labels of a headset, the latest, that wait while there is no learner, or none that can save."""


class Agents:
    def __init__(
        self, checkpoint: Checkpoint, tuning: Tuning, learner: Learner | LearnerProcess
    ) -> None:
        self.checkpoint, self.learner = checkpoint, learner
        self.inference = InferenceEngine(checkpoint, (), tuning, learner.rule.mixing)
        self.seated: dict[int, HeadsetProfile] = {}
        self.batteries = Batteries()
        self.report: RoundReport | None = None
        self.number = 0
        self._answered: dict[int, dict[tuple[int, int], dict[str, Given]]] = {}
        self._episode: dict[int, int] = {}
        self._told: list[PendingFeedback] = []
        self._unsaved: list[PendingFeedback] = []

    # -- seats -----------------------------------------------------------------------------------

    def free(self) -> int:
        """The row for a headset that comes; a left one's row is used again."""
        rows = range(len(self.inference.headsets))
        return next((row for row in rows if row not in self.seated), len(rows))

    def seat(
        self, row: int, profile: HeadsetProfile, known: Restored, learned: WeightUpdate
    ) -> None:
        """A headset that the learner has seated at ``row`` is answered from now on."""
        self.inference.add(row, profile.identity)
        self.inference.headsets[row].normalizer.own = dict(known.normal)
        self.swap(self.inference.prepare(learned))
        self.seated[row] = profile
        self.batteries.spent[profile.identity.name] = 0.0
        self._answered[row], self._episode[row] = {}, -1

    def join(self, profile: HeadsetProfile) -> int:
        """Seat a headset at the learner and here; returns its row."""
        row = self.free()
        self.seat(row, profile, *self.learner.ask(Learner.join, row, profile))
        return row

    def leave(self, row: int) -> None:
        """Its row is free, also where it was never wholly seated; the learner keeps what it
        learned."""
        profile = self.seated.pop(row, None)
        if profile is not None:
            del self.batteries.spent[profile.identity.name]
        self._answered.pop(row, None)
        self._told = [t for t in self._told if t.row != row]
        self.saved(row)
        if row < len(self.inference.headsets) and self.inference.remove(row):
            give_back_freed_memory()

    def normal(self, row: int) -> Normals:
        """The user's moments, which are counted here and saved by the learner."""
        return dict(self.inference.headsets[row].normalizer.own)

    def battery(self, row: int) -> float:
        """0 to 1."""
        return self.batteries.left(self.seated[row])

    def spent(self, row: int) -> float:
        """Joules since it came."""
        return self.batteries.spent[self.seated[row].identity.name]

    # -- ticks and feedback ----------------------------------------------------------------------

    def push(self, row: int, episode: int, samples: Mapping[str, Samples]) -> None:
        """Samples of a headset; times count from the start of ``episode``."""
        self._episode[row] = episode
        self.inference.push(row, episode, samples)

    def tick(
        self, due: Mapping[int, int], failed: dict[int, Exception] | None = None
    ) -> dict[int, dict[str, Probabilities]]:
        """Answers of each headset in ``due`` after its tick ``due[row]``; ``failed`` as in
        :meth:`fedxr.agent.serving.inference.InferenceEngine.tick`."""
        inference = self.inference
        out = inference.tick(due, failed)
        for row, answers in out.items():
            kept, generic = self._answered[row], inference.generic[row]
            kept[self._episode[row], due[row]] = {
                t: Given(int(p.argmax()), generic[t], inference.used.newest.get((row, t)))
                for t, p in answers.items()
            }
            if len(kept) > REMEMBERED:
                del kept[next(iter(kept))]
        return out

    def given(self, row: int, task: str, episode: int, tick: int) -> Given | None:
        """What was answered at that moment, or up to ``SOON`` ticks later; None: nothing."""
        kept = self._answered[row]
        near = (kept.get((episode, t)) for t in range(tick, tick + SOON))
        return next((found.get(task) for found in near if found), None)

    def feedback(
        self, row: int, task: str, episode: int, t_us: int, label: int, instead: bool = False
    ) -> bool:
        """The user says that class ``label`` was right at ``t_us`` of ``episode``, ``instead`` of
        what was said before; False when that moment is not (or no longer) known. It waits until it
        is learned."""
        tokens = self.inference.headsets[row].example(task, episode, t_us, label)
        if tokens is None:
            return False
        if instead:
            self.undo(row, task, episode, t_us)
        tick = tick_of(t_us)
        given = self.given(row, task, episode, tick)
        best = None if given is None else given.best
        self._told.append(PendingFeedback(row, task, episode, tick, tokens, best))
        return True

    def undo(self, row: int, task: str, episode: int, t_us: int) -> None:
        """Take the last feedback on ``task`` at that moment back, when it is learned."""
        self._told.append(PendingFeedback(row, task, episode, tick_of(t_us)))

    def take(self, alone: bool = False) -> list[PendingFeedback]:
        """What waits to be learned, ``alone`` of whoever spoke first; it waits no longer."""
        told, self._told = self._told, []
        if alone and told:
            self._told = [one for one in told if one.row != told[0].row]
            told = [one for one in told if one.row == told[0].row]
        return told

    def give_back(self, told: Sequence[PendingFeedback]) -> None:
        """It was taken, and waits on, ``WAITING`` of each headset at most."""
        self._told = _newest([*told, *self._told])

    def learned(self, told: Sequence[PendingFeedback]) -> None:
        """The learner knows it, but no file does: it is told again to one that is started anew,
        ``WAITING`` of each headset at most."""
        self._unsaved = _newest([*self._unsaved, *told])

    def saved(self, row: int) -> None:
        """What the headset at ``row`` has taught so far is kept, or it has left."""
        self._unsaved = [one for one in self._unsaved if one.row != row]

    def take_unsaved(self) -> list[PendingFeedback]:
        """What was learned and not saved; it is not kept here any longer."""
        told, self._unsaved = self._unsaved, []
        return told

    # -- learning --------------------------------------------------------------------------------

    def ask(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, ServingWeights]:
        """Have the learner do ``what``; what came of it, and what to :meth:`swap` then."""
        found, learned = self.learner.ask(what, *args, **kwargs)
        return found, self.inference.prepare(learned)

    def swap(self, prepared: ServingWeights) -> None:
        """Answer with what was learned, from the next tick on."""
        self.inference.swap(prepared)

    def now(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """:meth:`ask` and :meth:`swap` at once."""
        found, prepared = self.ask(what, *args, **kwargs)
        self.swap(prepared)
        return found

    def met(self, report: RoundReport) -> None:
        """A round is over."""
        self.report, self.number = report, report.number
        self.batteries.spend(report)


def _newest(told: Sequence[PendingFeedback]) -> list[PendingFeedback]:
    """``WAITING`` of each headset, in the order of ``told``."""
    kept, count = [], Counter[int]()
    for one in reversed(told):
        count[one.row] += 1
        if count[one.row] <= WAITING:
            kept.append(one)
    return kept[::-1]
