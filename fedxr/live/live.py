"""The live composition: bridge, agents and federation, wired together.

Frames arrive on the event loop and wait for their tick. Whenever one is due, all that are due are
answered together in the answering thread (one torch thread), a few milliseconds after the first
came, so that headsets that tick together share a pass. What was said is learned, rounds are held
and states saved by the learner in a process of its own (:mod:`fedxr.learning.learner_process`);
what was learned is taken up whole between ticks. Answers never wait for it, and what was said waits
for nothing but one slice of a round or of personal steps. :mod:`fedxr.live.loops` says when what
happens; the steps themselves are here, those of learning in :mod:`fedxr.live.learning`. Whose data
break a step is put out, and the others notice nothing (:mod:`fedxr.learning.walls`).

    one tick:   Live.frame -> Live.tick_once -> reply, cues
    feedback:   Live.feedback -> Live.tell_once -> Live.learn_once -> the next tick answers with it
    a round:    Live.round_due -> Live.work_once, slice by slice
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import groupby

import numpy as np

from fedxr.agent.serving.inference import Probabilities
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Answer, Feedback
from fedxr.bridge.serving.application import Application, RefusalError
from fedxr.bridge.serving.session import Session
from fedxr.dashboard.judged import Truth, nobodys
from fedxr.dashboard.preview import Look
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner, Restored
from fedxr.learning.learner_process import LearnerExitedError
from fedxr.learning.profile import HeadsetProfile
from fedxr.learning.walls import Fault, NotFiniteError, briefly
from fedxr.live.admission import check_devices, profile_of, readable, tasks_for, unknown_scenario
from fedxr.live.budget import MemoryBudget
from fedxr.live.electrodes import Montage
from fedxr.live.headset_session import HeadsetSession
from fedxr.live.learning import LiveLearning
from fedxr.live.waiting_frames import closes

_REPLACED = "the same key has opened another session with this device; one of them goes on"
ENDED = 4
"""Episodes whose last tick is answered, of those that ended between two passes: one that has more
is not somebody who is being asked."""
PASSES = 100_000
"""Passes whose seconds are kept, the newest: an hour of them."""


def is_label(feedback: Feedback) -> bool:
    """Whether there is something in it to learn."""
    return feedback.kind in ("label", "correction")


class Live(LiveLearning, Application):
    """The application of a :class:`fedxr.bridge.serving.server.BridgeServer`: agents for whoever
    connects. ``truth`` is what is known beside what users say."""

    def __init__(self, agents: Agents, scenario: str = "all", truth: Truth = nobodys) -> None:
        if agents.learner.rule.best_round:
            raise ValueError(
                "best_round waits for the last round, and a server's rounds have no end; serve "
                "with a rule that has best_round=False"
            )
        super().__init__(agents, truth)
        self.scenario = scenario
        self.room = MemoryBudget(agents.checkpoint)
        self.model_seconds: deque[float] = deque(maxlen=PASSES)
        self.due, self.all_due = asyncio.Event(), asyncio.Event()

    # -- the bridge's calls ----------------------------------------------------------------------

    async def joined(self, session: Session) -> Sequence[str]:
        """Seat a headset and restore what is known of it; raises RefusalError where nothing of it
        can be answered. Channels that cannot be read are refused one by one."""
        montages: dict[str, Montage] = {}
        for channel in list(session.channels.values()):
            found = readable(self.agents.checkpoint, channel)
            if isinstance(found, str):
                session.refuse(channel.name, found)
            elif found is not None:
                montages[channel.name] = found
        read = {n: montages[n].channel if n in montages else c for n, c in session.channels.items()}
        beyond = self.room.admit(session.id, read)
        if beyond is None:
            raise RefusalError("full", "the server has no memory left; come again later")
        for name, why in beyond.items():
            session.refuse(name, why)
        try:
            return await self._seat(session, montages)
        except BaseException:
            self.room.leave(session.id)
            raise

    async def _seat(self, session: Session, montages: dict[str, Montage]) -> Sequence[str]:
        """Seat a headset whose channels are settled."""
        tasks = tasks_for(self.agents.checkpoint, self.scenario, session)
        profile = profile_of(session, tasks, len(self._here), montages)
        if why := self.quarantine.refusal(profile.identity.kept_as):
            raise RefusalError("quarantined", why)
        await self._replace(profile.identity.kept_as)
        async with self._learning:
            # Others may be called the same, and one key may come twice at once.
            here = [p.identity for p in self.agents.seated.values()]
            if any(m.kept_as == profile.identity.kept_as for m in here):
                raise RefusalError("gone", "the same key has opened another session just now")
            check_devices(session, here)
            profile = profile.told_apart({m.name for m in here})
            row, known = await self._sit_down(profile)
            try:
                self.metrics.join(row, profile.identity.name, session, tasks)
            except Exception:
                self.agents.leave(row)
                raise
            self._here[session.id] = HeadsetSession(row, session, montages)
        if known.trouble:
            session.notice("state", f"{known.trouble}; starting anew")
        for text in known.said:
            session.notice("state", text)
        if unknown := unknown_scenario(session, tasks):
            session.notice("unknown-scenario", unknown)
        return tasks

    async def _sit_down(self, profile: HeadsetProfile) -> tuple[int, Restored]:
        """At the learner, then here; nowhere, where either fails."""
        row = self.agents.free()
        ask = partial(self.restart.learned, Learner.join, row, profile)
        try:
            known, learned = await self._run(self._learner, ask)
        except LearnerExitedError as error:
            raise RefusalError("full", f"{error}; come again later") from None
        async with self._answering:
            try:
                seat = partial(self.agents.seat, row, profile, known, learned)
                await self._run(self._thread, seat)
            except Exception:
                self.agents.leave(row)
                raise
        return row, known

    def frame(self, session: Session, frame: Frame) -> None:
        here = self._here[session.id]
        if here.out or here.refuse(frame):
            return
        if not here.frames.put(frame):
            return
        for name, samples in frame.samples.items():
            self.metrics.boards[here.row].arrived[name] += samples.sent
        if here.look is not None:
            here.look.take(frame)
        if here.due:
            self.due.set()
            if all(one.due for one in self._here.values()):
                self.all_due.set()

    def feedback(self, session: Session, feedback: Feedback) -> None:
        if self._here[session.id].out or not session.budget.spend("label"):
            return
        self._here[session.id].feedback.append((time.monotonic(), feedback))
        self.metrics.labels.heard += is_label(feedback)
        self.said.set()

    async def left(self, session: Session, reason: str) -> None:
        """What its user said last is learned, and its state kept, as long as there is a learner;
        one that has ended has kept what it saved last. Whatever fails, its seat is free."""
        here = self._here[session.id]
        self.room.leave(session.id)
        self.metrics.leaving(here.row, reason)
        here.leaving = True
        if not here.out:
            await self._tried("learning", self.learn_once())
        del self._here[session.id]
        unheard = sum(is_label(said) for _, said in here.feedback)
        self.metrics.labels.lost += unheard + len(here.told) + len(here.learned)
        async with self._learning:
            leave = self._learned(Learner.leave, here.row, self.agents.normal(here.row))
            if trouble := await self._tried("saving", leave):
                self._degraded(trouble)
            async with self._answering:
                del self.metrics.boards[here.row]
                self.agents.leave(here.row)

    def broke(self, session: Session, error: Exception) -> None:
        """What it sent has broken something where it arrived."""
        if session.id in self._here:
            self.shut_out(self._here[session.id], "receiving", briefly(error))

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        """The page shows it; the bridge has told the headset."""
        if session.id in self._here:
            self.metrics.dropped(self._here[session.id].row, counts)

    async def _replace(self, kept_as: str) -> None:
        """A headset that is here already with the same key and device has come again, for instance
        after its network was gone: its old session ends."""
        old = [
            h for h in self._here.values() if self.agents.seated[h.row].identity.kept_as == kept_as
        ]
        for here in old:
            here.session.notice("replaced", _REPLACED)
            here.session.close(_REPLACED)
            await here.session.gone.wait()

    def put_out(self, name: str) -> None:
        """End the session of the headset that the page calls ``name``."""
        for here in list(self._here.values()):
            if self.metrics.boards[here.row].name == name:
                here.session.close("put out by who administers this server")

    def look_at(self, names: Collection[str]) -> dict[str, Look]:
        """For :class:`fedxr.dashboard.preview.Preview`."""
        found = {}
        for here in self._here.values():
            board = self.metrics.boards[here.row]
            if board.name in names and not board.gone:
                here.look = found[board.name] = here.look or Look(here.session)
            else:
                here.look = None
        return found

    # -- answering -------------------------------------------------------------------------------

    async def tick_once(self) -> int:
        """Answer every headset whose tick is closed; returns how many. Over whom that fails is put
        out; what fails over several and answers nobody is nobody's fault and raised, until the same
        headsets have done it again and again."""
        async with self._answering:
            due = [here for here in self._here.values() if here.due]
            if not due:
                return 0
            # Who shares no pass with large caches does not wait for theirs either.
            order, failed = self.agents.inference.caches.order, dict[int, Exception]()
            for _, some in groupby(sorted(due, key=lambda h: order(h.row)), lambda h: order(h.row)):
                runs = [(here, here.take()) for here in some]
                answers = await self._run(self._thread, partial(self._answer, runs, failed))
                for here, parts in runs:
                    last = parts[-1][-1]
                    here.ticked = (last.episode, closes(last))
                    if here.row in answers:
                        try:
                            self._reply(here, last, answers[here.row])
                        except Exception as error:  # noqa: BLE001 - named
                            failed[here.row] = error
            nobodys = len(failed) == len(due) > 1 and not any(
                isinstance(error, NotFiniteError) for error in failed.values()
            )
            if nobodys:
                self.blame("answering", [Fault(r, briefly(e), False) for r, e in failed.items()])
                raise failed[due[0].row]
            self.blame("answering", [Fault.of(row, error) for row, error in failed.items()])
            if any(here.feedback for here in due):
                self.said.set()  # it may have waited for this tick
            return len(due)

    def _answer(
        self, runs: list[tuple[HeadsetSession, list[list[Frame]]]], failed: dict[int, Exception]
    ) -> dict[int, dict[str, Probabilities]]:
        """In the answering thread, by row; over whom it fails goes into ``failed``. Where an
        episode ended among the frames, its last tick is answered first, for the last ``ENDED`` of
        them."""
        started = time.perf_counter()
        out: dict[int, dict[str, Probabilities]] = {}
        for i in range(max(len(parts) for _, parts in runs)):
            ticks = {}
            for here, parts in runs:
                if i >= len(parts) or here.row in failed:
                    continue
                try:
                    for frame in parts[i]:
                        self.agents.push(here.row, frame.episode, here.since_start(frame))
                except Exception as error:  # noqa: BLE001 - named
                    failed[here.row] = error
                    continue
                if len(parts) - i > ENDED:
                    continue
                tick = closes(parts[i][-1])
                if (parts[i][-1].episode, tick) > here.ticked and tick >= 0:
                    ticks[here.row] = tick
            out.update(self.agents.tick(ticks, failed))
        self.model_seconds.append(time.perf_counter() - started)
        return {row: answers for row, answers in out.items() if row not in failed}

    def _reply(self, here: HeadsetSession, last: Frame, answers: dict[str, Probabilities]) -> None:
        """The last door: raises NotFiniteError for an answer that is no number, which is not sent,
        and whatever may carry it on is forgotten."""
        if wrong := [task for task, p in answers.items() if not np.isfinite(p).all()]:
            self.agents.inference.wipe(here.row)
            raise NotFiniteError(f"answers to {', '.join(wrong)} are not finite")
        version = self.agents.inference.used.version
        known = [heard for since, heard in here.learned if since <= version]
        here.learned = [(since, heard) for since, heard in here.learned if since > version]
        self.metrics.labels.answered(known, time.monotonic())
        packed = {task: Answer.of(p, version) for task, p in answers.items()}
        here.session.send_reply(last.seq, last.capture_us, packed)
        self.metrics.answered(here.row, last.episode, closes(last), answers, self.agents)
        board = self.metrics.boards[here.row]
        for task, p in answers.items():
            cue = here.cues(task, p.tolist(), board.confidence(task))
            if cue is not None:
                here.session.send_cue(cue.act, cue.as_json())

    def close(self) -> None:
        """Stop the learner and the threads, after the server has stopped; takes seconds where the
        learner is busy. A pass that is stuck is not waited for."""
        self.agents.learner.close()
        for thread in (self._thread, self._learner):
            thread.shutdown(wait=False, cancel_futures=True)
