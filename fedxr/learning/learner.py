"""What the headsets that are here have been told, and what they learn from it; without a clock.

:meth:`Learner.learn` scores the experts on feedback and counts it in: milliseconds. Everything that
takes longer, personal steps and rounds (:mod:`fedxr.learning.federated_round`), is done whole where
nobody waits (:meth:`personalise`, :meth:`round`), or slice by slice (:meth:`work`), so that
feedback goes ahead of it. The learner may live in the process that answers, or in one of its own
(:mod:`fedxr.learning.learner_process`); either way :meth:`Learner.ask` is the one door, and
:class:`fedxr.agent.serving.weight_update.WeightUpdate` all that comes out for answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import VACANT, HeadsetIdentity
from fedxr.agent.adaptation.trainer import Slices, better, learn_checked, whole
from fedxr.agent.allocation import give_back_freed_memory
from fedxr.agent.checkpoints.state import Keep, Loaded, NotSavedError, StateError, Store
from fedxr.agent.inputs.normalization import RunningStats
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.serving.weight_update import Changes, WeightUpdate
from fedxr.federation import COORDINATIONS, RoundReport, ServerState, StragglerDeadline
from fedxr.learning.federated_round import held_losses, meet
from fedxr.learning.feedback import Evaluation, Heard, PendingFeedback
from fedxr.learning.learning_rule import LearningRule
from fedxr.learning.profile import Batteries, HeadsetProfile
from fedxr.learning.walls import Fault, NotFiniteError

P = ParamSpec("P")
T = TypeVar("T")
Normals = Mapping[str, RunningStats]
"""A user's moments by key (:mod:`fedxr.agent.inputs.normalization`)."""
Shared = Mapping[int, torch.Tensor]
"""The shared part of theta of each row of a round."""


@dataclass(frozen=True)
class Restored:
    """What was known of a headset that comes: its moments; ``trouble`` says why nothing, and
    ``said`` what else its user should know of it."""

    normal: Normals
    trouble: str = ""
    said: Sequence[str] = ()


@dataclass(frozen=True)
class Slice:
    """One slice was done, if there was one (``busy``); ``report`` of the round that it ended, after
    which another is ``wanted``; over whom it could not be done (``faults``), while the others went
    on."""

    busy: bool
    report: RoundReport | None = None
    wanted: bool = False
    faults: Sequence[Fault] = ()


def _said(loaded: Loaded) -> list[str]:
    """What of the old state does not fit this visit."""
    out = []
    if loaded.device:
        out.append(f"what you have taught with {loaded.device} counts here, too")
    if loaded.unasked:
        kept = ", ".join(loaded.unasked)
        out.append(f"what you have taught of {kept} is kept until it is asked again")
    return out


class Learner:
    """``state`` is where headsets' states are kept; None: nowhere; and ``keep`` for how long.
    ``chunk`` headsets learn in one pass in a round.

    Raises TakenError where another server keeps its states there."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        tuning: Tuning,
        rule: LearningRule,
        state: Path | None = None,
        chunk: int = 1,
        keep: Keep | None = None,
    ) -> None:
        self.checkpoint, self.rule, self.chunk = checkpoint, rule, chunk
        self.cohort = Cohort(checkpoint, (), tuning, torch.float32, rule.mixing, rule.kept)
        self.store = Store(state, keep) if state else None
        self.seated: dict[int, HeadsetProfile] = {}
        self.batteries = Batteries()
        self.number = 0
        self._changes = Changes(self.cohort)
        self._patience, self._server = StragglerDeadline(), ServerState()
        self._fresh: Counter[int] = Counter()
        self._waiting: list[int] = []  # who is to meet next
        self._met = False  # whether a round was the last work
        self._work: tuple[list[int], Slices[RoundReport | None]] | None = None
        self._faults: list[Fault] = []  # of the round that is under way
        self._rounds: list[Shared] = []  # before the first round and after each
        self._models: list[FederatedModel | None] = []  # of everybody, at the same times

    def ask(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, WeightUpdate]:
        """Do ``what``; what came of it, and everything that has been learned since."""
        return what(self, *args, **kwargs), self._changes.take()

    def close(self) -> None:
        if self.store:
            self.store.close()

    # -- seats -----------------------------------------------------------------------------------

    def join(self, row: int, profile: HeadsetProfile) -> Restored:
        """A headset sits down at ``row``, with what is kept of it."""
        if row in self.seated:  # whom nobody has seated anywhere else
            self.cohort.leave(row)
        self._reseat(row, profile.identity)
        self.seated[row] = profile
        self.batteries.spent[profile.identity.name] = 0.0
        try:
            loaded = self.store.load(self.cohort, row) if self.store else None
        except StateError as error:
            return Restored({}, str(error))
        if loaded:
            kept_as = profile.identity.kept_as
            user = kept_as.rpartition("/")[0]
            self.cohort.come_back(row, f"{user}/{loaded.device}" if loaded.device else kept_as)
        return Restored(
            self.cohort.headsets[row].normalizer.own, said=_said(loaded) if loaded else ()
        )

    def resume(self, seats: Mapping[int, HeadsetProfile], number: int) -> list[Fault]:
        """In a process that was started again: the headsets that are here sit down where they were,
        with what was saved of them; ``number`` rounds were held. Returns over whom that failed;
        they are not seated."""
        self.number, faults = number, []
        for row, profile in sorted(seats.items()):
            try:
                self.join(row, profile)
            except Exception as error:  # noqa: BLE001 - named
                self.seated.pop(row, None)
                self._reseat(row, VACANT)
                faults.append(Fault.of(row, error))
        return faults

    def leave(self, row: int, normal: Normals) -> str:
        """A headset goes; its state is kept. A round that it was in is given up. Returns why its
        state cannot be saved now, and waits; empty where it is."""
        self.cohort.headsets[row].normalizer.own = dict(normal)
        del self.batteries.spent[self.seated.pop(row).identity.name]
        self.cohort.leave(row)
        if self.store:
            self.store.leave(self.cohort, row)
        self._reseat(row, VACANT)
        return self.store.trouble if self.store else ""

    def save(self, row: int, normal: Normals) -> str:
        """Save what has changed of a headset, and its moments, which answering counts. Returns why
        that cannot be done now; then the next call tries again."""
        self.cohort.headsets[row].normalizer.own = dict(normal)
        try:
            if self.store:
                self.store.save(self.cohort, row)
        except NotSavedError as error:
            return str(error)
        return ""

    def tend(self) -> str:
        """Save what waits of headsets that have left, and let go states that are too old. Returns
        why nothing can be saved; empty while all is well."""
        return self.store.tend() if self.store else ""

    def _reseat(self, row: int, identity: HeadsetIdentity) -> None:
        if self._work is not None and row in self._work[0]:
            if self._met and not self._waiting:  # the others meet without it
                self._waiting = [other for other in self._work[0] if other != row]
            self._work, self._faults = None, []
        self._rounds = [{r: x for r, x in theta.items() if r != row} for theta in self._rounds]
        if identity is VACANT:
            if self.cohort.remove(row):
                give_back_freed_memory()
        else:
            self.cohort.add(row, identity)
        self._fresh.pop(row, None)

    # -- feedback --------------------------------------------------------------------------------

    def learn(self, told: Sequence[PendingFeedback]) -> Heard:
        """Count feedback into trust, memories and ridge heads, in the order in which it came:
        an undo takes back what was said before it. Labels with no undo between them are scored
        before any of them is learned.

        Of a headset over which that fails, nothing of ``told`` is learned; the others' is."""
        rows = sorted({one.row for one in told})
        headsets = self.cohort.headsets
        before, fresh = {row: headsets[row].copy() for row in rows}, self._fresh.copy()
        try:
            scores = self._learn(told)
            if all(headsets[row].finite for row in rows):
                return Heard(scores)
            raise NotFiniteError("what it said leads to numbers that are not finite")
        except Exception as error:  # noqa: BLE001 - named below
            for row, state in before.items():
                headsets[row] = state
            self._fresh = fresh
            if len(rows) == 1:
                return Heard([], (Fault.of(rows[0], error),))
        alone = [self.learn([one for one in told if one.row == row]) for row in rows]
        return Heard(
            [score for heard in alone for score in heard.scores],
            tuple(fault for heard in alone for fault in heard.faults),
        )

    def _learn(self, told: Sequence[PendingFeedback]) -> list[Evaluation]:
        scores, waiting = [], list[tuple[PendingFeedback, TokenizedEpisode]]()
        for one in told:
            if one.tokens is not None:
                waiting.append((one, one.tokens))
                continue
            scores += self._count(waiting)
            waiting.clear()
            self.cohort.headsets[one.row].forget(one.task, str(one.episode), one.tick)
        return scores + self._count(waiting)

    def _count(self, told: Sequence[tuple[PendingFeedback, TokenizedEpisode]]) -> list[Evaluation]:
        cohort, scores = self.cohort, []
        generic = cohort.remember([(one.row, tokens) for one, tokens in told])
        for (one, tokens), guess in zip(told, generic, strict=True):
            name, label = cohort.names[one.row], tokens.queries[-1].label
            moment = name, one.task, one.episode, one.tick
            scores.append(Evaluation(*moment, label, one.answered, guess))
            self._fresh[one.row] += 1
        return scores

    # -- steps -----------------------------------------------------------------------------------

    def personalise(self) -> bool:
        """Personal steps of the headset that has waited longest for them; False when none is
        due."""
        row = self._due()
        if row is None:
            return False
        whole(self._personal(row))
        return True

    def round(self, rows: Sequence[int]) -> RoundReport | None:
        """The headsets at ``rows`` meet once; None when there are not two of them. Who cannot learn
        is left out, as the report says."""
        return whole(self._meet(sorted(rows), [])) if len(rows) > 1 else None

    def work(self, rows: Sequence[int] = ()) -> Slice:
        """One slice of a round of ``rows``, once it is asked for and until it is over; else of
        personal steps that are due, which also come between two rounds. Over whom it fails is told;
        raises where it fails over nobody."""
        if rows:
            self._waiting = sorted(rows)
        if self._work is None:
            here, row = [r for r in self._waiting if r in self.seated], self._due()
            if row is not None and (self._met or len(here) < 2):
                self._work, self._met = ([row], self._personal(row)), False
            elif len(here) > 1:
                self._work, self._met = (here, self._meet(here, self._faults)), True
                self._waiting = []
            else:
                return Slice(False)
        (rows, slices), faults = self._work, self._faults
        try:
            next(slices)
        except StopIteration as end:
            self._work, self._faults = None, []
            return Slice(True, end.value, bool(self._waiting), faults)
        except Exception as error:
            self._work, self._faults = None, []
            if len(rows) > 1:  # a round: whose part fails is found in it
                raise
            return Slice(True, faults=(Fault.of(rows[0], error),))
        return Slice(True)

    def finish(self) -> None:
        """The rounds are over: where the rule says so, take up the shared adapters of the best
        round, or those of the start where not even the best is better by the rule's guard; judged
        by those who were in all rounds. The model that newcomers start from goes back to that
        round, too; of one who was alone its own is everybody's."""
        rounds, self._rounds = self._rounds, []
        models, self._models = self._models, []
        rows = sorted(set.intersection(*map(set, rounds))) if rounds else []
        if rows:
            best = self._take_up_best(rows, rounds)
            self.cohort.go_back(models[best])
        elif self._has_server and self.cohort.federated is None and len(self.seated) == 1:
            self.cohort.met_alone(next(iter(self.seated)), self.number)

    def _take_up_best(self, rows: Sequence[int], rounds: Sequence[Shared]) -> int:
        """The number of the round that was best; 0 is the start."""
        cohort = self.cohort
        rounds = [{row: theta[row] for row in rows} for theta in rounds]
        limit = self.rule.checked
        losses = [torch.cat(whole(held_losses(cohort, theta, limit))) for theta in rounds]
        best = min(range(len(losses)), key=lambda i: float(losses[i].sum()))
        confirmed = better(losses[best] - losses[0], self.rule.guard)
        best = best if confirmed else 0
        for row, shared in rounds[best].items():
            cohort.take_up(row, shared)
        return best

    def held_loss(self, shared: Shared) -> float | None:
        """Mean loss (nats) of everybody's ``shared`` adapters on the newest examples that are held
        back now; None where none are."""
        losses = torch.cat(whole(held_losses(self.cohort, shared, self.rule.checked)))
        return float(losses.mean()) if len(losses) else None

    def shared(self, rows: Sequence[int]) -> Shared:
        """The shared part of theta of each of ``rows``, as it is now."""
        theta = self.cohort.stack.theta[:, : self.cohort.stack.shared]
        return {row: theta[row].clone() for row in rows}

    def _due(self) -> int | None:
        row, labels = max(self._fresh.items(), key=lambda item: item[1], default=(-1, 0))
        return row if labels >= self.rule.each else None

    def _personal(self, row: int) -> Slices[None]:
        self._fresh[row] = 0
        cohort = self.cohort
        state = cohort.headsets[row]
        train = self.rule.personal.of([state.replay], [list(state.expert_weights)])
        adam = cohort.adam.rows([row])
        theta, _ = yield from learn_checked(
            cohort.stack, cohort.stack.theta[[row]], adam, state.examples(), ("personal",),
            train, cohort.names[row], self.rule.guard, self.rule.checked,
        )  # fmt: skip
        if not bool(torch.isfinite(theta).all()) or not adam.finite.all():
            raise NotFiniteError("its personal steps lead to numbers that are not finite")
        cohort.stack.theta[[row]] = theta
        cohort.adam.put([row], adam)

    def _meet(self, rows: list[int], faults: list[Fault]) -> Slices[RoundReport | None]:
        if self.rule.best_round and not self._rounds:
            self._rounds, self._models = [self.shared(rows)], [self.cohort.federated]
        self.number += 1
        seated = {row: self.seated[row] for row in rows}
        report = yield from meet(
            self.cohort, self.rule, seated, self.batteries, self.number, self._patience, self.chunk,
            faults, self._server,
        )  # fmt: skip
        self._keep_model(rows, report)
        if self.rule.best_round:
            self._rounds.append(self.shared(rows))
            self._models.append(self.cohort.federated)
        return report

    @property
    def _has_server(self) -> bool:
        """Whether there is a model of everybody."""
        plan = COORDINATIONS[self.rule.round.coordination]
        return plan.server or plan.union

    def _keep_model(self, rows: Sequence[int], report: RoundReport) -> None:
        """What the server has made of the round stays, whoever leaves."""
        union = COORDINATIONS[self.rule.round.coordination].union
        answered = set(report.awake) if union else report.answered
        reached = [row for row in rows if self.cohort.names[row] in answered]
        if self._has_server and reached:
            self.cohort.met(reached, report.number)
