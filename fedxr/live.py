"""The live composition: bridge, agents and federation, wired together.

Frames arrive on the event loop and wait for their tick. Whenever one is due, all that are due are
answered together in the answering thread (one torch thread), a few milliseconds after the first
came, so that headsets that tick together share a pass. Learning, rounds and saving take turns in a
second thread; what was learned is taken up whole between ticks. Answers never wait for learning.

    one tick:   Live.frame -> Live.tick_once -> reply, cues
    feedback:   Live.feedback -> (Agents.feedback) -> Live.learn_once
    a round:    Live.round_once, every ``round_s`` seconds
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TypeVar

import msgspec
import torch

from agent.answering import Prepared, Probabilities
from agent.fleet import Member
from agent.state import StateError, Store
from agent.tasks import USE_CASES, task_named
from bridge.application import Application, RefusalError
from bridge.channels import TICK_US, Samples
from bridge.frames import Frame
from bridge.protocol import Answer, Feedback
from bridge.server import BridgeServer
from bridge.session import Session
from federation import RoundReport
from fedxr.agents import Agents, Profile, Score, Told, readable
from fedxr.scoreboard import Scoreboard
from scenarios.cues import Cues
from scenarios.devices import DEVICES, MOBILE

T = TypeVar("T")
MOST_TASKS = 8
"""Tasks that one headset may have answered."""
EPISODES = 64
"""Episodes whose start is remembered."""
LEAP = 1800
"""Ticks (60 s) without a frame after which an episode cannot go on."""


@dataclass(frozen=True)
class Tempo:
    """Seconds: ``gather`` from the first due frame to the pass, ``gap`` between two passes,
    ``learn`` between learning steps, ``round`` between rounds, ``publish`` of the live page and
    ``save`` of each headset's state."""

    gather: float = 0.003
    gap: float = 0.010
    learn: float = 0.5
    round: float = 10.0
    publish: float = 0.4
    save: float = 1.0


@dataclass
class _Here:
    """One seated headset: what waits for its next tick, and where its time stands."""

    row: int
    session: Session
    cues: Cues = field(default_factory=Cues)
    frames: list[Frame] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ticked: tuple[int, int] = (-1, -1)

    @property
    def due(self) -> bool:
        """Whether its frames have closed a tick that has not been answered."""
        if not self.frames:
            return False
        last = self.frames[-1]
        return closes(last) >= 0 and (last.episode, closes(last)) > self.ticked

    def take(self) -> list[Frame]:
        """Its waiting frames; where each episode started is remembered for late feedback."""
        frames, self.frames = self.frames, []
        for frame in frames:
            self.starts[frame.episode] = frame.episode_start_us
        while len(self.starts) > EPISODES:
            del self.starts[next(iter(self.starts))]
        return frames


class Live(Application):
    """The application of a :class:`bridge.server.BridgeServer`: agents for whoever connects."""

    def __init__(
        self, agents: Agents, store: Store, tempo: Tempo | None = None, scenario: str = "all"
    ) -> None:
        self.agents, self.store, self.tempo = agents, store, tempo or Tempo()
        self.scenario = scenario
        self.scoreboard = Scoreboard()
        self.model_seconds: list[float] = []
        self._here: dict[str, _Here] = {}
        self._due = asyncio.Event()
        self._learning = asyncio.Lock()
        self._answering = asyncio.Lock()
        self._threads = [
            ThreadPoolExecutor(1, name, initializer=_start_thread, initargs=(nice,))
            for name, nice in (("answering", 0), ("learning", 10))
        ]

    # -- the bridge's calls ----------------------------------------------------------------------

    async def joined(self, session: Session) -> Sequence[str]:
        """Seat a headset and restore what is known of it; raises RefusalError where nothing of it
        can be answered. Channels that cannot be read are refused one by one."""
        for channel in list(session.channels.values()):
            reason = readable(self.agents.brain, channel)
            if reason is not None:
                session.refuse(channel.name, reason)
        tasks = self._tasks(session)
        profile = profile_of(session, tasks, len(self._here))
        async with self._learning, self._answering:
            if any(p.member.name == profile.member.name for p in self.agents.seated.values()):
                raise RefusalError(
                    "taken", f"{profile.member.name} is here already; use another user or device"
                )
            row = self.agents.join(profile)
            self._restore(row, session)
        self._here[session.id] = _Here(row, session)
        self.scoreboard.join(row, profile.member.name, session, tasks)
        return tasks

    def frame(self, session: Session, frame: Frame) -> None:
        here = self._here[session.id]
        last = here.frames[-1] if here.frames else None
        known, tick = (last.episode, closes(last)) if last else here.ticked
        if frame.capture_us < frame.episode_start_us or closes(frame) > LEAP + (
            tick if known == frame.episode else 0
        ):
            session.notice(
                "bad-time",
                f"a frame {(frame.capture_us - frame.episode_start_us) / 1e6:.3f} s after its "
                "episode's start; allowed are 0 to 60 s after the last one: begin a new episode",
                seq=frame.seq,
            )
            return
        here.frames.append(frame)
        for name, samples in frame.samples.items():
            self.scoreboard.boards[here.row].arrived[name] += len(samples)
        if here.due:
            self._due.set()

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self._here[session.id].feedback.append(feedback)

    async def left(self, session: Session, reason: str) -> None:
        self.scoreboard.leaving(self._here[session.id].row, reason)
        await self.learn_once()  # what its user said last
        here = self._here.pop(session.id)
        async with self._learning, self._answering:
            await self._run(1, lambda: self.store.save(self.agents.fleet, here.row))
            del self.scoreboard.boards[here.row]
            self.agents.leave(here.row)

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        """The page shows it; the bridge has told the headset."""
        if session.id in self._here:
            self.scoreboard.dropped(self._here[session.id].row, counts)

    def _tasks(self, session: Session) -> tuple[str, ...]:
        """The wanted tasks (none named: all of the scenario) that some channel can answer."""
        known = [
            t
            for t in self.agents.brain.model.plan.tasks
            if self.scenario in ("all", task_named(t).use_case)
        ]
        senses = {c.modality for c in session.channels.values()}
        scenario = session.hello.scenario
        wanted = session.hello.tasks or [
            t for t in known if scenario not in USE_CASES or task_named(t).use_case == scenario
        ]
        tasks = tuple(
            t for t in wanted if t in known and senses & set(task_named(t).modalities)
        )[:MOST_TASKS]
        if tasks:
            return tasks
        refused = "; ".join(f"{n}: {why}" for n, why in session.refused.items())
        raise RefusalError(
            "nothing-to-answer",
            f"of the tasks {', '.join(wanted) or 'of ' + scenario} none can be answered from "
            f"{', '.join(sorted(senses)) or 'no channel'}. This server answers "
            f"{', '.join(known)}." + (f" Refused channels: {refused}" if refused else ""),
        )

    def _restore(self, row: int, session: Session) -> None:
        try:
            self.store.load(self.agents.fleet, row)
        except StateError as error:
            session.notice("state", f"{error}; starting anew")
        self.agents.adopt(self.agents.answering.prepare())

    # -- one step of each kind -------------------------------------------------------------------

    async def tick_once(self) -> int:
        """Answer every headset whose tick is closed; returns how many."""
        async with self._answering:
            due = [here for here in self._here.values() if here.due]
            if not due:
                return 0
            frames = {here.row: here.take() for here in due}
            before = {here.row: here.ticked for here in due}
            answers = await self._run(0, lambda: self._answer(frames, before))
            for here in due:
                last = frames[here.row][-1]
                here.ticked = (last.episode, closes(last))
                self._reply(here, last, answers[here.row])
            return len(due)

    def _answer(
        self, frames: dict[int, list[Frame]], before: dict[int, tuple[int, int]]
    ) -> dict[int, dict[str, Probabilities]]:
        """In the answering thread. Where an episode ended among the frames, its last tick is
        answered first. ``before``: (episode, tick) answered last."""
        started = time.perf_counter()
        out: dict[int, dict[str, Probabilities]] = {}
        runs = {
            row: [list(run) for _, run in groupby(some, key=lambda f: f.episode)]
            for row, some in frames.items()
        }
        for i in range(max(map(len, runs.values()))):
            due = {}
            for row, parts in runs.items():
                if i >= len(parts):
                    continue
                for frame in parts[i]:
                    self.agents.push(row, frame.episode, since_start(frame))
                tick = closes(parts[i][-1])
                if (parts[i][-1].episode, tick) > before[row] and tick >= 0:
                    due[row] = tick
            out.update(self.agents.tick(due))
        self.model_seconds.append(time.perf_counter() - started)
        return out

    def _reply(self, here: _Here, last: Frame, answers: dict[str, Probabilities]) -> None:
        version = self.agents.answering.prepared.version
        packed = {task: Answer.of(p, version) for task, p in answers.items()}
        here.session.send_reply(last.seq, last.capture_us, packed)
        board = self.scoreboard.boards[here.row]
        board.answers = answers
        for task, p in answers.items():
            cue = here.cues(task, p.tolist(), board.confidence(task))
            if cue is not None:
                here.session.send_cue(cue.act, cue.as_json())

    async def tell_once(self) -> None:
        """Hand waiting feedback to the agents."""
        async with self._answering:
            waiting = [(h, f) for h in self._here.values() for f in h.feedback]
            for here in self._here.values():
                here.feedback = []
            if waiting:
                await self._run(0, lambda: self._tell_all(waiting))

    def _tell_all(self, waiting: list[tuple[_Here, Feedback]]) -> None:
        for here, feedback in waiting:
            self._tell(here, feedback)

    def _tell(self, here: _Here, feedback: Feedback) -> None:
        task, classes = feedback.task, task_named(feedback.task).classes
        t_us = feedback.t_us - here.starts.get(feedback.episode, 0)
        if feedback.kind == "rating":
            self.scoreboard.boards[here.row].count(task, feedback.label >= 5)
        elif feedback.kind == "undo":
            self.agents.undo(here.row, task, feedback.episode, t_us)
        elif feedback.label >= len(classes):
            self._loop_call(
                here.session.notice,
                "bad-label",
                f"label {feedback.label} of {task}; allowed are 0 to {len(classes) - 1}",
            )
        elif not self.agents.feedback(here.row, task, feedback.episode, t_us, feedback.label):
            self._loop_call(
                here.session.notice,
                "unknown-moment",
                f"feedback on {task} at {feedback.t_us} us of episode {feedback.episode}: "
                "no frame closed that moment, or it is more than 65 s ago",
            )

    async def learn_once(self) -> list[Score]:
        """Learn what was told since the last time; answers use it from the next tick on."""
        await self.tell_once()
        async with self._learning:
            told = self.agents.take()
            if not told:
                return []
            scores, prepared = await self._run(1, lambda: self._learn(told))
            self.agents.adopt(prepared)
            rows = {p.member.name: row for row, p in self.agents.seated.items()}
            for score in scores:
                self.scoreboard.score(rows[score.name], score)
            return scores

    def _learn(self, told: list[Told]) -> tuple[list[Score], Prepared]:
        return self.agents.learn(told), self.agents.answering.prepare()

    async def personalise_once(self) -> bool:
        """Personal steps of one headset; False when none is due."""
        async with self._learning:
            if not await self._run(1, self.agents.personalise):
                return False
            self.agents.adopt(await self._run(1, self.agents.answering.prepare))
            return True

    async def _learn_all(self) -> None:
        await self.learn_once()
        await self.personalise_once()

    async def round_once(self) -> RoundReport | None:
        """One round of everyone who is here."""
        async with self._learning:
            report, prepared = await self._run(1, self._round)
            self.agents.adopt(prepared)
            if report is not None:
                self.scoreboard.round(report)
            return report

    def _round(self) -> tuple[RoundReport | None, Prepared]:
        return self.agents.round(), self.agents.answering.prepare()

    async def save_once(self) -> None:
        """Save what has changed of every headset."""
        for here in list(self._here.values()):
            async with self._learning:
                if here.session.id in self._here:
                    await self._run(1, partial(self.store.save, self.agents.fleet, here.row))

    # -- all together ----------------------------------------------------------------------------

    async def run(self, server: BridgeServer) -> None:
        """Answer, learn, meet, publish and save, until cancelled."""

        def publish() -> None:
            server.publish(msgspec.json.encode(self.scoreboard.state(self.agents)))

        async with asyncio.TaskGroup() as group:
            group.create_task(self._answer_all())
            group.create_task(_every(self.tempo.learn, self._learn_all))
            group.create_task(_every(self.tempo.round, self.round_once))
            group.create_task(_every(self.tempo.save, self.save_once))
            while True:
                await asyncio.sleep(self.tempo.publish)
                publish()

    async def _answer_all(self) -> None:
        while True:
            await self._due.wait()
            await asyncio.sleep(self.tempo.gather)
            self._due.clear()
            started = time.monotonic()
            await self.tick_once()
            await self.tell_once()
            await asyncio.sleep(max(0.0, self.tempo.gap - (time.monotonic() - started)))

    def close(self) -> None:
        """Stop the threads and close the store, after the server has stopped."""
        for thread in self._threads:
            thread.shutdown()
        self.store.close()

    async def _run(self, thread: int, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        self._loop_call = loop.call_soon_threadsafe
        return await loop.run_in_executor(self._threads[thread], call)


def _start_thread(nice: int) -> None:
    """One torch thread each; where threads have priorities of their own (Linux), learning yields
    to answering."""
    torch.set_num_threads(1)
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


async def _every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await step()


def closes(frame: Frame) -> int:
    """The last tick that ``frame`` closes, -1 before the first."""
    return max(-1, (frame.capture_us - frame.episode_start_us) // TICK_US - 1)


def since_start(frame: Frame) -> dict[str, Samples]:
    """The frame's samples with times from its episode's start."""
    start = frame.episode_start_us
    return {n: Samples(s.t_us - start, s.values) for n, s in frame.samples.items()}


def profile_of(session: Session, tasks: tuple[str, ...], place: int) -> Profile:
    """Who a headset says that it is; what it does not say is taken from its device's table, and
    its position from a circle of 4 m."""
    told = session.hello.device
    device = str(told.get("model", "headset"))
    known = DEVICES.get(device)
    angle = 2.4 * place  # the golden angle: neighbours on the circle are never the same

    def number(key: str, default: float, low: float, high: float) -> float:
        value = told.get(key, default)
        fine = isinstance(value, int | float) and math.isfinite(value)
        return min(max(float(value), low), high) if fine else default

    return Profile(
        Member(f"{session.user}/{device}", tuple(session.channels.values()), tasks),
        user=session.user,
        use_case=session.hello.scenario,
        device=device,
        position=(
            number("x", 4 * math.cos(angle), -1e4, 1e4),
            number("z", 4 * math.sin(angle), -1e4, 1e4),
        ),
        battery=number("battery", 1.0, 0.0, 1.0),
        battery_j=known.battery_wh * 3600 if known else 0.0,
        computer=known.computer if known else MOBILE,
        d2d_bytes_per_s=known.d2d_bps / 8 if known else None,
        uplink_bytes_per_s=known.uplink_bps / 8 if known else None,
    )
