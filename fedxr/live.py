"""The live composition: bridge, agents and federation, wired together.

Frames arrive on the event loop and wait for their tick. Whenever one is due, all that are due are
answered together in the answering thread (one torch thread), a few milliseconds after the first
came, so that headsets that tick together share a pass. What was said is learned, rounds are held
and states saved by the learner in a process of its own (:mod:`fedxr.apart`); what was learned is
taken up whole between ticks. Answers never wait for it, and what was said waits for nothing but one
slice of a round or of personal steps. :mod:`fedxr.tempo` says when what happens; the steps
themselves are here.

    one tick:   Live.frame -> Live.tick_once -> reply, cues
    feedback:   Live.feedback -> Live.tell_once -> Live.learn_once -> the next tick answers with it
    a round:    Live.round_due -> Live.work_once, slice by slice
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Concatenate, ParamSpec, TypeVar

import torch

from agent.answering import Probabilities
from agent.tasks import task_named
from agent.tokens import tick_of
from bridge.application import Application, RefusalError
from bridge.frames import Frame
from bridge.protocol import Answer, Feedback
from bridge.session import Session
from fedxr.agents import Agents
from fedxr.apart import GoneError
from fedxr.budget import Room
from fedxr.held import closes
from fedxr.judged import Truth, nobodys
from fedxr.learner import Learner
from fedxr.moments import Said
from fedxr.montage import Montage
from fedxr.preview import Look
from fedxr.scoreboard import Scoreboard
from fedxr.told import Score
from fedxr.visit import Visit
from fedxr.welcome import profile_of, readable, tasks_for, unknown_scenario

P = ParamSpec("P")
T = TypeVar("T")
_REPLACED = "the same key has opened another session with this device; one of them goes on"
ENDED = 4
"""Episodes whose last tick is answered, of those that ended between two passes: one that has more
is not somebody who is being asked."""
PASSES = 100_000
"""Passes whose seconds are kept, the newest: an hour of them."""
TELL_S = 0.01
"""Seconds of the answering thread that feedback may take between two passes."""


def is_label(feedback: Feedback) -> bool:
    """Whether there is something in it to learn."""
    return feedback.kind in ("label", "correction")


class Live(Application):
    """The application of a :class:`bridge.server.BridgeServer`: agents for whoever connects.
    ``truth`` is what the scoreboard knows beside what users say."""

    def __init__(self, agents: Agents, scenario: str = "all", truth: Truth = nobodys) -> None:
        if agents.learner.rule.best_round:
            raise ValueError(
                "best_round waits for the last round, and a server's rounds have no end; serve "
                "with a rule that has best_round=False"
            )
        self.agents, self.scenario = agents, scenario
        self.room = Room(agents.brain)
        self.scoreboard = Scoreboard(truth)
        self.model_seconds: deque[float] = deque(maxlen=PASSES)
        self.round_wanted = False
        self._here: dict[str, Visit] = {}
        self.due, self.all_due, self.said = (asyncio.Event() for _ in range(3))
        self._learning = asyncio.Lock()
        self._answering = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "answering", lambda: torch.set_num_threads(1))
        self._learner = ThreadPoolExecutor(1, "learner", lambda: torch.set_num_threads(1))

    # -- the bridge's calls ----------------------------------------------------------------------

    async def joined(self, session: Session) -> Sequence[str]:
        """Seat a headset and restore what is known of it; raises RefusalError where nothing of it
        can be answered. Channels that cannot be read are refused one by one."""
        montages: dict[str, Montage] = {}
        for channel in list(session.channels.values()):
            found = readable(self.agents.brain, channel)
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
        tasks = tasks_for(self.agents.brain, self.scenario, session)
        profile, agents = profile_of(session, tasks, len(self._here), montages), self.agents
        await self._replace(profile.member.kept_as)
        async with self._learning:
            # Others may be called the same, and one key may come twice at once.
            here = [p.member for p in agents.seated.values()]
            if any(m.kept_as == profile.member.kept_as for m in here):
                raise RefusalError("gone", "the same key has opened another session just now")
            profile = profile.told_apart({m.name for m in here})
            row = agents.free()
            ask = partial(agents.learner.ask, Learner.join, row, profile)
            try:
                known, learned = await self._run(self._learner, ask)
            except GoneError:
                raise RefusalError("full", "the server is ending; come again later") from None
            async with self._answering:
                seat = partial(agents.seat, row, profile, known, learned)
                await self._run(self._thread, seat)
        if known.trouble:
            session.notice("state", f"{known.trouble}; starting anew")
        for text in known.said:
            session.notice("state", text)
        if unknown := unknown_scenario(session, tasks):
            session.notice("unknown-scenario", unknown)
        self._here[session.id] = Visit(row, session, montages)
        self.scoreboard.join(row, profile.member.name, session, tasks)
        return tasks

    def frame(self, session: Session, frame: Frame) -> None:
        here = self._here[session.id]
        if here.refuse(frame):
            return
        # What cannot be was left out as it was looked at: nothing of a channel may be left.
        frame.samples = {name: some for name, some in frame.samples.items() if len(some)}
        if not here.frames.put(frame):
            return
        for name, samples in frame.samples.items():
            self.scoreboard.boards[here.row].arrived[name] += len(samples)
        if here.look is not None:
            here.look.take(frame)
        if here.due:
            self.due.set()
            if all(one.due for one in self._here.values()):
                self.all_due.set()

    def feedback(self, session: Session, feedback: Feedback) -> None:
        if not session.budget.spend("label"):
            return
        self._here[session.id].feedback.append((time.monotonic(), feedback))
        self.scoreboard.labels.heard += is_label(feedback)
        self.said.set()

    async def left(self, session: Session, reason: str) -> None:
        """What its user said last is learned, and its state kept, as long as there is a learner;
        one that is gone has kept what it saved last, and the server ends (:mod:`fedxr.serve`)."""
        self.room.leave(session.id)
        self.scoreboard.leaving(self._here[session.id].row, reason)
        with contextlib.suppress(GoneError):
            await self.learn_once()
        here = self._here.pop(session.id)
        unheard = sum(is_label(said) for _, said in here.feedback)
        self.scoreboard.labels.lost += unheard + len(here.told) + len(here.learned)
        async with self._learning:
            with contextlib.suppress(GoneError):
                await self._learned(Learner.leave, here.row, self.agents.normal(here.row))
            async with self._answering:
                del self.scoreboard.boards[here.row]
                self.agents.leave(here.row)

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        """The page shows it; the bridge has told the headset."""
        if session.id in self._here:
            self.scoreboard.dropped(self._here[session.id].row, counts)

    async def _replace(self, kept_as: str) -> None:
        """A headset that is here already with the same key and device has come again, for instance
        after its network was gone: its old session ends."""
        old = [
            h for h in self._here.values() if self.agents.seated[h.row].member.kept_as == kept_as
        ]
        for here in old:
            here.session.notice("replaced", _REPLACED)
            here.session.close(_REPLACED)
            await here.session.gone.wait()

    def put_out(self, name: str) -> None:
        """End the session of the headset that the page calls ``name``."""
        for here in list(self._here.values()):
            if self.scoreboard.boards[here.row].name == name:
                here.session.close("put out by who administers this server")

    def look_at(self, names: Collection[str]) -> dict[str, Look]:
        """For :class:`fedxr.preview.Preview`."""
        found = {}
        for here in self._here.values():
            board = self.scoreboard.boards[here.row]
            if board.name in names and not board.gone:
                here.look = found[board.name] = here.look or Look(here.session)
            else:
                here.look = None
        return found

    # -- answering -------------------------------------------------------------------------------

    async def tick_once(self) -> int:
        """Answer every headset whose tick is closed; returns how many."""
        async with self._answering:
            due = [here for here in self._here.values() if here.due]
            if not due:
                return 0
            # Who shares no pass with large caches does not wait for theirs either.
            order = self.agents.answering.caches.order
            for _, some in groupby(sorted(due, key=lambda h: order(h.row)), lambda h: order(h.row)):
                runs = [(here, here.take()) for here in some]
                answers = await self._run(self._thread, partial(self._answer, runs))
                for here, parts in runs:
                    last = parts[-1][-1]
                    here.ticked = (last.episode, closes(last))
                    self._reply(here, last, answers[here.row])
            return len(due)

    def _answer(
        self, runs: list[tuple[Visit, list[list[Frame]]]]
    ) -> dict[int, dict[str, Probabilities]]:
        """In the answering thread, by row. Where an episode ended among the frames, its last tick
        is answered first, for the last ``ENDED`` of them."""
        started = time.perf_counter()
        out: dict[int, dict[str, Probabilities]] = {}
        for i in range(max(len(parts) for _, parts in runs)):
            ticks = {}
            for here, parts in runs:
                if i >= len(parts):
                    continue
                for frame in parts[i]:
                    self.agents.push(here.row, frame.episode, here.since_start(frame))
                if len(parts) - i > ENDED:
                    continue
                tick = closes(parts[i][-1])
                if (parts[i][-1].episode, tick) > here.ticked and tick >= 0:
                    ticks[here.row] = tick
            out.update(self.agents.tick(ticks))
        self.model_seconds.append(time.perf_counter() - started)
        return out

    def _reply(self, here: Visit, last: Frame, answers: dict[str, Probabilities]) -> None:
        version = self.agents.answering.used.version
        known = [heard for since, heard in here.learned if since <= version]
        here.learned = [(since, heard) for since, heard in here.learned if since > version]
        self.scoreboard.labels.answered(known, time.monotonic())
        packed = {task: Answer.of(p, version) for task, p in answers.items()}
        here.session.send_reply(last.seq, last.capture_us, packed)
        self.scoreboard.answered(here.row, last.episode, closes(last), answers, self.agents)
        board = self.scoreboard.boards[here.row]
        for task, p in answers.items():
            cue = here.cues(task, p.tolist(), board.confidence(task))
            if cue is not None:
                here.session.send_cue(cue.act, cue.as_json())

    # -- feedback and learning -------------------------------------------------------------------

    async def tell_once(self) -> None:
        """Hand the feedback that waits now to the agents, ``TELL_S`` of it at a time; ticks that
        are due go in between. What comes meanwhile is for the next time, so that learning does not
        wait for it."""
        waiting = sum(len(here.feedback) for here in self._here.values())
        while waiting > 0:
            async with self._answering:
                tell = partial(self._tell_some, list(self._here.values()), waiting)
                told, troubles = await self._run(self._thread, tell)
            self.scoreboard.labels.lost += len(troubles)
            for here, (code, text) in troubles:
                if text:
                    here.session.notice(code, text)
            waiting = waiting - told if told else 0

    def _tell_some(
        self, visits: Sequence[Visit], most: int
    ) -> tuple[int, list[tuple[Visit, tuple[str, str]]]]:
        """In the answering thread: the oldest feedback of each in turn; how much, and what was
        wrong with some of it."""
        until, told, troubles = time.monotonic() + TELL_S, 0, []
        while any(here.feedback for here in visits):
            for here in visits:
                if not here.feedback:
                    continue
                trouble = self._tell(here, here.feedback.pop(0))
                if trouble is not None:
                    troubles.append((here, trouble))
                told += 1
                if told == most or time.monotonic() > until:
                    return told, troubles
        return told, troubles

    def _tell(self, here: Visit, said: tuple[float, Feedback]) -> tuple[str, str] | None:
        """In the answering thread; code and text of what is wrong with it, if anything. There is
        nothing to learn, and no text, where it says again what was said of that moment."""
        heard, feedback = said
        task, classes = feedback.task, task_named(feedback.task).classes
        t_us = feedback.t_us - here.starts.get(feedback.episode, 0)
        moment = task, feedback.episode, tick_of(t_us)
        if feedback.kind == "rating":
            self.scoreboard.boards[here.row].count(task, feedback.label >= 5)
        elif feedback.kind == "undo":
            here.moments.undone(moment)
            self.agents.undo(here.row, task, feedback.episode, t_us)
        elif feedback.label >= len(classes):
            allowed = f"allowed are 0 to {len(classes) - 1}"
            return "bad-label", f"label {feedback.label} of {task}; {allowed}"
        elif (is_now := here.moments.compare(moment, feedback.label)) is Said.AGAIN:
            return "said-again", ""
        else:
            here.told.append(heard)  # first, since it may be learned at once
            if self.agents.feedback(
                here.row, task, feedback.episode, t_us, feedback.label, is_now is Said.OTHER
            ):
                here.moments.learned(moment, feedback.label)
                return None
            here.told.remove(heard)
            return "unknown-moment", (
                f"feedback on {task} at {feedback.t_us} us of episode {feedback.episode}: "
                "no frame closed that moment, or it is more than 65 s ago"
            )
        return None

    async def learn_once(self) -> list[Score]:
        """Learn what was told since the last time; answers use it from the next tick on."""
        await self.tell_once()
        async with self._learning:
            async with self._answering:  # where feedback is told
                told = self.agents.take()
                waiting = [(here, here.told) for here in self._here.values() if here.told]
                for here, _ in waiting:
                    here.told = []
            if not told:
                return []
            scores = await self._learned(Learner.learn, told)
            version = self.agents.answering.prepared.version
            for here, heard in waiting:
                here.learned += [(version, at) for at in heard]
            rows = {p.member.name: row for row, p in self.agents.seated.items()}
            for score in scores:
                self.scoreboard.score(rows[score.name], score, self.agents)
            return scores

    async def work_once(self) -> bool:
        """One slice of what takes longer: the round that is wanted, else personal steps that are
        due; False when there was nothing to do."""
        async with self._learning:
            rows = sorted(self.agents.seated) if self.round_wanted else []
            self.round_wanted = False
            done = await self._learned(Learner.work, rows)
            if done.report is not None:
                self.agents.met(done.report)
                self.scoreboard.round(done.report)
            if done.report is not None or not done.busy:
                self.scoreboard.labels.round_ends(time.monotonic())
            if done.wanted or self.round_wanted:
                self.scoreboard.labels.round_begins(time.monotonic())
            return done.busy

    async def round_due(self) -> None:
        """A round of everyone who is here is wanted; :meth:`work_once` holds it."""
        self.round_wanted = True
        self.scoreboard.labels.round_begins(time.monotonic())

    async def save_once(self) -> None:
        """Save what has changed of every headset."""
        for here in list(self._here.values()):
            async with self._learning:
                if here.session.id in self._here:
                    await self._learned(Learner.save, here.row, self.agents.normal(here.row))
        async with self._learning:
            await self._learned(Learner.tend)

    def close(self) -> None:
        """Stop the learner and the threads, after the server has stopped; takes seconds where the
        learner is busy."""
        self.agents.learner.close()
        for thread in (self._thread, self._learner):
            thread.shutdown()

    async def _learned(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have the learner do it, and answer with what it learned from the next tick on."""
        ask = partial(self.agents.ask, what, *args, **kwargs)
        found, prepared = await self._run(self._learner, ask)
        self.agents.adopt(prepared)
        return found

    @staticmethod
    async def _run(thread: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, call)
