"""Play a player through a bridge: every agent with a sensor of ours is a session of its own.

    player -- turns --> frames --> bridge --> answers, cues --> actions, side channel --> player

Numbered comments in `Drive` are one step.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import Scalar
from fedxr.bridge.unity.agent_headset import AgentHeadset, Lived
from fedxr.bridge.unity.clock import PlayerClock
from fedxr.bridge.unity.player import UnityPlayer
from fedxr.bridge.unity.side_channels import SceneFeedback, SceneTime
from fedxr.bridge.unity.turns import Action, Behaviour, PlayerError, PlayerQuitError, Turn

T = TypeVar("T")


@dataclass(frozen=True)
class Wearer:
    """Who the agents are to the bridge at ``url``.

    Agent ``overlays/0`` becomes user ``<user>-overlays-0``. A behaviour named like one of
    ``scenarios`` is of that scenario, others of ``scenario``. ``tasks`` are those wanted, none: all
    of the scenario. ``classes`` names the classes of every known task. ``trust`` and
    ``retry`` are those of `fedxr.bridge.connecting.connect.connect`; ``steps_hz`` is the player's
    nominal number of decisions a second."""

    url: str
    scenario: str
    scenarios: Sequence[str] = ()
    user: str = "unity"
    tasks: Sequence[str] = ()
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    device: Mapping[str, Scalar] = field(default_factory=dict)
    token: str | None = None
    trust: Path | None = None
    retry: Retry | None = None
    steps_hz: float = 30.0


@dataclass
class Driven:
    """What came of it. ``ended`` says why, ``skipped`` which behaviours were not streamed,
    ``stats`` what the scene's StatsRecorder said last, ``clock`` how often the player's clock was
    wrong, and how."""

    lived: list[Lived] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    steps: int = 0
    seconds: float = 0.0
    ended: str = ""
    stats: dict[str, float] = field(default_factory=dict)
    clock: Counter[str] = field(default_factory=Counter)


class Drive:
    """One run. The player computes in a thread of its own, the sessions live on the event loop."""

    def __init__(self, player: UnityPlayer, wearer: Wearer) -> None:
        self.player, self.wearer = player, wearer
        self.driven = Driven()
        self._clock = PlayerClock(self._tell_clock)
        self._headsets: dict[str, AgentHeadset] = {}
        self._listening: list[asyncio.Task[None]] = []
        self._thread = ThreadPoolExecutor(1, "player")
        self._stopped = False

    def stop(self) -> None:
        """End the run soon, even if the player hangs."""
        self._stopped = True
        self.player.interrupt()

    async def run(self, seconds: float = 0.0) -> Driven:
        """Play until the player quits, `stop` is called, or ``seconds`` (0: no limit) have passed.

        Raises PlayerError when the player cannot be had, crashes or hangs, and BridgeError when the
        bridge refuses or loses a session; the player is closed and every session ended in any case.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            turns = await self._call(self.player.reset)
            begun = loop.time()
            while not seconds or loop.time() - begun < seconds:
                turns = await self._step(turns)
                self.driven.steps += 1
            self.driven.ended = "its time is over"
        except PlayerQuitError as error:
            self.driven.ended = str(error)
        except PlayerError as error:
            self.driven.ended = "stopped" if self._stopped else str(error)
            if not self._stopped:
                raise
        finally:
            self.driven.seconds = loop.time() - begun
            await self._end()
        return self.driven

    async def _step(self, turns: Sequence[Turn]) -> list[Turn]:
        # 1. When was this? The player's own stamp came with the observations.
        said = self.player.scene.take()
        stamps = [s.us for s in said if isinstance(s, SceneTime)]
        capture_us = self._clock.capture(stamps[-1] if stamps else None, now_us())
        # 2. What every agent sensed goes up as a frame; what came back so far becomes its action.
        actions: dict[str, Action] = {}
        for turn in turns:
            headset = await self._headset(turn)
            if headset is not None:
                await headset.sense(turn, capture_us)
                if not turn.over:
                    actions[turn.agent] = headset.act(turn)
        # 3. What users said is handed on; a session that was lost ends the run.
        for feedback in said:
            if isinstance(feedback, SceneFeedback):
                await self._hear(feedback)
        self._check()
        # 4. The player goes on, and answers arrive while it computes.
        return await self._call(lambda: self.player.step(actions))

    def _tell_clock(self, kind: str, text: str) -> None:
        """Count it, and let the scene know once."""
        if not self.driven.clock[kind]:
            self.player.scene.tell("notice", {"code": "clock", "text": text})
        self.driven.clock[kind] += 1

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _headset(self, turn: Turn) -> AgentHeadset | None:
        """The agent's headset, opened with its first turn; None where it has no sensor of ours."""
        if turn.agent in self._headsets:
            return self._headsets[turn.agent]
        behaviour = self.player.behaviours[turn.behaviour]
        channels = [s.offered(self.wearer.steps_hz) for s in behaviour.sensors if s.layout]
        if not channels:
            self.driven.skipped[behaviour.name] = _nothing_of_ours(behaviour)
            return None
        headset = await self._open(turn.agent, behaviour, channels)
        self._headsets[turn.agent] = headset
        self.driven.lived.append(headset.lived)
        self._listening.append(asyncio.create_task(headset.listen()))
        return headset

    async def _open(
        self, agent: str, behaviour: Behaviour, channels: Sequence[Channel]
    ) -> AgentHeadset:
        who = self.wearer
        client = await connect(
            who.url,
            user=f"{who.user}-{agent.replace('/', '-')}"[:64],
            scenario=behaviour.name if behaviour.name in who.scenarios else who.scenario,
            channels=channels,
            tasks=who.tasks,
            device=who.device,
            token=who.token,
            trust=who.trust,
            retry=who.retry,
        )
        scene = self.player.scene
        return AgentHeadset(agent, behaviour, client, self._clock, scene, who.classes, who.steps_hz)

    async def _hear(self, feedback: SceneFeedback) -> None:
        """Who is meant may be left out when there is one."""
        only = next(iter(self._headsets)) if len(self._headsets) == 1 else ""
        headset = self._headsets.get(feedback.agent or only)
        if headset is not None:
            await headset.feedback(feedback)
            return
        known = ", ".join(self._headsets) or "none"
        text = f"feedback of agent {feedback.agent!r}; there are {known}"
        self.player.scene.tell("notice", {"code": "unknown-agent", "text": text})

    def _check(self) -> None:
        """Raise BridgeError when a session has been lost, PlayerError when there is nothing to
        stream at all."""
        for task in self._listening:
            if task.done():
                task.result()
        if not self._headsets:
            raise PlayerError("; ".join(self.driven.skipped.values()))

    async def _end(self) -> None:
        self.player.interrupt()  # a cancelled run leaves it computing
        for headset in self._headsets.values():
            await headset.client.close((self.driven.ended or "the run is over")[:200])
        await asyncio.gather(*self._listening, return_exceptions=True)
        stats = self.player.stats.get_and_reset_stats()
        self.driven.stats = {name: float(values[-1][0]) for name, values in stats.items()}
        await self._call(self.player.close)
        self._thread.shutdown()


def _nothing_of_ours(behaviour: Behaviour) -> str:
    names = ", ".join(repr(s.name) for s in behaviour.sensors) or "none"
    return (
        f"behaviour {behaviour.name}: no sensor is named after a layout; it has {names}. "
        "Name one for example motion/head, gaze/ray, hands/webxr25:left or vision/rgb"
    )
