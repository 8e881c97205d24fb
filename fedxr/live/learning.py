"""What headsets say, on its way to the learner; rounds, personal steps and saving, step by step.

feedback:  tell_once -> learn_once -> the next tick answers with it
a round:   round_due -> work_once, slice by slice
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from fedxr.agent.inputs.tokens import tick_of
from fedxr.agent.tasks import task_named
from fedxr.bridge.protocol import Feedback
from fedxr.dashboard.judged import Truth
from fedxr.learning.agents import WAITING, Agents
from fedxr.learning.feedback import Evaluation, PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.learning.learner_process import LearnerExitedError
from fedxr.learning.walls import Fault, SaidError, briefly
from fedxr.live.headset_session import HeadsetSession
from fedxr.live.moments import Repetition
from fedxr.live.visitors import Visitors

TELL_S = 0.01
"""Seconds of the answering thread that feedback may take between two passes."""


class LiveLearning(Visitors):
    """The learning half of :class:`fedxr.live.live.Live`."""

    def __init__(self, agents: Agents, truth: Truth) -> None:
        super().__init__(agents, truth)
        self.round_wanted = False
        self.said = asyncio.Event()
        self._careful = 0  # so many times feedback is learned of one headset at a time

    async def tell_once(self) -> None:
        """Hand the feedback that waits now to the agents, ``TELL_S`` of it at a time; ticks that
        are due go in between. What comes meanwhile is for the next time, so that learning does not
        wait for it."""
        waiting = sum(len(here.feedback) for here in self._here.values())
        while waiting > 0:
            async with self._answering:
                tell = partial(self._tell_some, list(self._here.values()), waiting)
                told, troubles, faults = await self._run(self._thread, tell)
            self.metrics.labels.lost += len(troubles)
            for here, (code, text) in troubles:
                if text:
                    here.session.notice(code, text)
            self.blame("feedback", faults)
            waiting = waiting - told if told else 0

    def _tell_some(
        self, visits: Sequence[HeadsetSession], most: int
    ) -> tuple[int, list[tuple[HeadsetSession, tuple[str, str]]], list[Fault]]:
        """In the answering thread: the oldest feedback of each in turn; how much, what was wrong
        with some of it, and over whom it failed."""
        until, told, troubles, faults = time.monotonic() + TELL_S, 0, [], list[Fault]()
        while any(here.feedback and not here.early for here in visits):
            for here in visits:
                if not here.feedback or here.early:
                    continue
                try:
                    trouble = self._tell(here, here.feedback.pop(0))
                except Exception as error:  # noqa: BLE001 - named
                    trouble = "not-learned", f"feedback is left out: {briefly(error)}"
                    faults.append(Fault.of(here.row, error))
                if trouble is not None:
                    troubles.append((here, trouble))
                told += 1
                if told == most or time.monotonic() > until:
                    return told, troubles, faults
        return told, troubles, faults

    def _tell(self, here: HeadsetSession, said: tuple[float, Feedback]) -> tuple[str, str] | None:
        """In the answering thread; code and text of what is wrong with it, if anything. There is
        nothing to learn, and no text, where it says again what was said of that moment."""
        heard, feedback = said
        task, classes = feedback.task, task_named(feedback.task).classes
        t_us = feedback.t_us - here.starts.get(feedback.episode, 0)
        moment = task, feedback.episode, tick_of(t_us)
        if feedback.kind == "rating":
            self.metrics.boards[here.row].count(task, feedback.label >= 5)
        elif feedback.kind == "undo":
            here.moments.undone(moment)
            self.agents.undo(here.row, task, feedback.episode, t_us)
        elif feedback.label >= len(classes):
            allowed = f"allowed are 0 to {len(classes) - 1}"
            return "bad-label", f"label {feedback.label} of {task}; {allowed}"
        elif (is_now := here.moments.compare(moment, feedback.label)) is Repetition.AGAIN:
            return "said-again", ""
        else:
            here.told.append(heard)  # first, since it may be learned at once
            known = False
            try:
                known = self.agents.feedback(
                    here.row,
                    task,
                    feedback.episode,
                    t_us,
                    feedback.label,
                    is_now is Repetition.OTHER,
                )
            finally:
                if not known:
                    here.told.remove(heard)
            if known:
                here.moments.learned(moment, feedback.label)
                return None
            return "unknown-moment", (
                f"feedback on {task} at {feedback.t_us} us of episode {feedback.episode}: "
                "no frame closed that moment, or it is more than 65 s ago"
            )
        return None

    async def learn_once(self) -> list[Evaluation]:
        """Learn what was told since the last time; answers use it from the next tick on.

        Where that has ended the learner twice, what waits is learned of one headset at a time,
        until it is known whose it was."""
        await self.tell_once()
        async with self._learning:
            async with self._answering:  # where feedback is told
                told = self.agents.take(alone=self._careful > 0)
                rows = {one.row for one in told}
                waiting = [(h, h.told) for h in self._here.values() if h.told and h.row in rows]
                for here, _ in waiting:
                    here.told = []
            if not told:
                self._careful = 0
                return []
            try:
                heard = await self._learned(Learner.learn, told)
            except LearnerExitedError as error:
                self._not_learned(told, waiting, error)
                raise
            version = self.agents.inference.prepared.version
            wrong = {fault.row for fault in heard.faults}
            self.agents.learned([one for one in told if one.row not in wrong])
            for here, at in waiting:
                if here.row in wrong:
                    self.metrics.labels.lost += len(at)
                else:
                    here.learned += [(version, one) for one in at]
            self.blame("learning", heard.faults)
            rows_of = {p.identity.name: row for row, p in self.agents.seated.items()}
            for score in heard.scores:
                self.metrics.score(rows_of[score.name], score, self.agents)
        if self._careful:
            self._careful -= 1
            self.said.set()
            await self.save_once()  # before the next one may end the learner
        return heard.scores

    def _not_learned(
        self,
        told: list[PendingFeedback],
        waiting: list[tuple[HeadsetSession, list[float]]],
        error: LearnerExitedError,
    ) -> None:
        """``told`` has ended the learner, or there is none: who was alone in it is to blame, else
        it waits on, to be learned of one headset at a time."""
        rows = sorted({one.row for one in told})
        if self.restart.ended_by_last and len(rows) == 1:
            self.metrics.labels.lost += sum(len(at) for _, at in waiting)
            self.blame("learning", [Fault(rows[0], f"its feedback ends the learner: {error}")])
            return
        self.agents.give_back(told)
        for here, at in waiting:
            here.told = (at + here.told)[-WAITING:]
            self.metrics.labels.lost += max(0, len(at) - WAITING)
        if self.restart.ended_by_last:
            self._careful = len(rows)

    async def work_once(self) -> bool:
        """One slice of what takes longer: the round that is wanted, else personal steps that are
        due; False when there was nothing to do."""
        async with self._learning:
            rows = [h.row for h in self._here.values() if h.answered and self.round_wanted]
            self.round_wanted = False
            done = await self._learned(Learner.work, rows)
            self.blame("learning", done.faults)
            if done.report is not None:
                self.agents.met(done.report)
                self.metrics.round(done.report)
            if done.report is not None or not done.busy:
                self.metrics.labels.round_ends(time.monotonic())
            if done.wanted or self.round_wanted:
                self.metrics.labels.round_begins(time.monotonic())
            return done.busy

    async def round_due(self) -> None:
        """A round of all who were answered is wanted; :meth:`work_once` holds it."""
        self.round_wanted = True
        self.metrics.labels.round_begins(time.monotonic())

    async def save_once(self) -> None:
        """Save what has changed of every headset. What cannot be saved is a trouble, and tried
        again the next time; what raises for one and not for another is that one's fault."""
        troubles: list[str] = []
        failed: dict[int, Exception] = {}
        visits = list(self._here.values())
        for here in visits:
            async with self._learning:
                if self._here.get(here.session.id) is not here:
                    continue
                save = self._learned(Learner.save, here.row, self.agents.normal(here.row))
                try:
                    trouble = await save
                except SaidError:
                    raise
                except Exception as error:  # noqa: BLE001 - named
                    failed[here.row] = error
                    continue
                if not trouble:
                    self.agents.saved(here.row)
            troubles += [trouble] if trouble else []
        async with self._learning:
            waits = await self._learned(Learner.tend)
        troubles += [waits] if waits else []
        if failed and len(failed) == len(visits):
            troubles += [briefly(error) for error in failed.values()]
        else:
            self.blame("saving", [Fault.of(row, error) for row, error in failed.items()])
        if troubles:
            self._degraded(troubles[0])
        else:
            self.metrics.troubles.end("saving")

    def _degraded(self, why: str) -> None:
        text = f"degraded: what is learned is not saved ({why}); tried again every second or so"
        self.metrics.troubles.begin("saving", text)

    async def publish_once(self, publish: Callable[[bytes], object]) -> None:
        """Show the run's state to whoever watches."""
        publish(msgspec.json.encode(self.metrics.state(self.agents)))
        self.blame("showing it", self.metrics.faults)
