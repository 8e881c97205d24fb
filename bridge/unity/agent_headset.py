"""One ML-Agents agent as a headset: its turns go up as frames, what comes back becomes actions.

The life of a step: `AgentHeadset.sense` sends the turn's samples, `act` chooses from the newest
answers and cues (it never waits for them, so a scene runs at its own pace), and `listen` hands
each answer, cue and notice on to the scene.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.protocol import BridgeError, Cue, Notice, Reply
from fedxr.bridge.unity.actions import ActionPlan
from fedxr.bridge.unity.clock import PlayerClock
from fedxr.bridge.unity.observations import Sensor, samples_of
from fedxr.bridge.unity.side_channels import SceneChannel, SceneFeedback
from fedxr.bridge.unity.turns import Action, Behaviour, Turn

_EPISODES = 64
"""Episodes whose start is remembered for late feedback."""
_CLOSE_US = 1
"""A frame closes this much after its step: ticks are half open, so that one that ends with the step
would not hold what the step brought, and its answer would come a tick late."""
PAUSE_US = 20_000_000
"""After a gap this long, of our time or of the player's (it was paused, or leapt ahead), context
starts anew: a new episode begins."""
_EARLY_US = 1000
"""A sample of a sensor that is slower than the steps is due with a step that is this much early."""
_AHEAD = 1.5
"""Nominal step lengths that samples of one step may be spread over after a pause."""


@dataclass
class Lived:
    """What one agent has lived through. ``counts``: what notices of drops add up to."""

    agent: str
    session: str = ""
    actions: str = ""
    episodes: int = 0
    frames: int = 0
    replies: int = 0
    reward: float = 0.0
    cues: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)


class AgentHeadset:
    """``classes``: names of each task's classes; tasks that it lacks fill no action."""

    def __init__(
        self,
        agent: str,
        behaviour: Behaviour,
        client: HeadsetClient,
        clock: PlayerClock,
        scene: SceneChannel,
        classes: Mapping[str, Sequence[str]],
        steps_hz: float,
    ) -> None:
        self.client, self.clock, self.scene = client, clock, scene
        known = {t: classes[t] for t in client.tasks if t in classes}
        self.plan = ActionPlan(behaviour, {t: len(names) for t, names in known.items()})
        self.lived = Lived(agent, client.session, str(self.plan))
        self._sensors = [s for s in behaviour.sensors if s.layout]
        self._periods = {s.name: s.n * 1e6 / s.offered(steps_hz).rate_hz for s in self._sensors}
        self._answers: dict[str, NDArray[np.float32]] = {}
        self._cues: dict[str, int] = {}
        self._episode = 0
        self._fresh = True
        self._starts: deque[int] = deque(maxlen=_EPISODES)
        self._before_us = 0
        self._due_us: dict[str, float] = {}
        told = [{"task": t, "classes": list(names)} for t, names in known.items()]
        refused = [{"channel": c, "why": why} for c, why in client.welcome.refused.items()]
        self._tell("welcome", {"session": client.session, "tasks": told, "refused": refused})

    async def sense(self, turn: Turn, capture_us: int) -> None:
        """Send what the agent sensed at ``capture_us``; a last turn closes its episode."""
        away_us = capture_us - self._before_us + self.clock.skipped_us
        if not self._fresh and away_us > PAUSE_US:
            self._end_episode()
        if self._fresh:
            self._fresh = False
            self.lived.episodes += 1
            self._before_us = capture_us - round(max(self._periods.values()))
            self._starts.append(self._before_us + _CLOSE_US)
        samples = {}
        for sensor in self._sensors:
            # a server that was started anew may differ
            if sensor.channel in self.client.codecs and self._due(sensor, capture_us):
                since = max(
                    self._before_us, capture_us - round(_AHEAD * self._periods[sensor.name])
                )
                found = self._samples(sensor, turn, since, capture_us)
                if len(found):
                    samples[sensor.channel] = found
        closes_us = capture_us + _CLOSE_US
        await self.client.send_frame(closes_us, samples, self._episode, self._starts[-1])
        self._before_us = capture_us
        self.lived.frames += 1
        self.lived.reward += turn.reward
        if turn.over:
            self._end_episode()

    def _end_episode(self) -> None:
        self._episode += 1
        self._fresh = True

    def _due(self, sensor: Sensor, capture_us: int) -> bool:
        """Whether this step brings something new: a sensor that is slower than the steps repeats
        its last sample in between, since an observation is there at every step."""
        due_us = self._due_us.get(sensor.name, capture_us)
        if sensor.n > 1 or not sensor.rate_hz:
            return True
        if capture_us < due_us - _EARLY_US:
            return False
        self._due_us[sensor.name] = max(due_us + self._periods[sensor.name], capture_us)
        return True

    def _samples(self, sensor: Sensor, turn: Turn, since_us: int, capture_us: int) -> Samples:
        # What cannot be (a NaN, say) the bridge leaves out, and says so.
        return samples_of(sensor, turn.observations[sensor.name], since_us, capture_us)

    def act(self, turn: Turn) -> Action:
        """What the newest answers and cues make of a turn."""
        return self.plan.action(self._answers, self._cues, turn.allowed)

    async def feedback(self, said: SceneFeedback) -> None:
        """Hand on what the user says of a moment of the player's clock."""
        t_us = self.clock.ours(said.us) if said.us else self._before_us
        passed = bisect_right(self._starts, t_us)
        episode = self._episode - self._fresh - len(self._starts) + max(1, passed)
        await self.client.send_feedback(said.task, t_us, said.label, max(0, episode), said.kind)

    async def listen(self) -> None:
        """Take what the bridge sends until the session ends; raises BridgeError when it is lost."""
        try:
            async for message in self.client:
                if isinstance(message, Reply):
                    self._replied(message)
                elif isinstance(message, Cue):
                    self._cued(message)
                else:
                    self.notice(message)
        except BridgeError as error:
            self._tell("ended", {"why": str(error)})
            raise

    def _replied(self, reply: Reply) -> None:
        self.lived.replies += 1
        self._answers |= {task: a.probabilities for task, a in reply.answers.items()}
        told = [
            {"task": task, "best": a.best, "p": [round(float(x), 4) for x in a.probabilities]}
            for task, a in reply.answers.items()
        ]
        us = self.clock.theirs(reply.capture_us - _CLOSE_US)
        self._tell("answers", {"us": us, "answers": told})

    def _cued(self, cue: Cue) -> None:
        self.lived.cues[cue.kind] += 1
        task = str(cue.payload.get("task", ""))
        if cue.kind == "clear":
            self._cues.pop(task, None)
        elif task in self._answers:
            # The bridge sends the answer that caused a cue right before it.
            self._cues[task] = int(self._answers[task].argmax())
        self._tell("cue", {"kind": cue.kind, "payload": cue.payload})

    def notice(self, notice: Notice) -> None:
        """Count it and let the scene know."""
        if notice.counts:
            self.lived.counts.update(notice.counts)
        else:
            self.lived.notices[f"{notice.code}: {notice.text}"] += 1
        counts = [{"what": what, "n": n} for what, n in notice.counts.items()]
        self._tell("notice", {"code": notice.code, "text": notice.text, "counts": counts})

    def _tell(self, kind: str, message: Mapping[str, object]) -> None:
        self.scene.tell(kind, {"agent": self.lived.agent, **message})
