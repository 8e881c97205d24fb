"""One headset's visit: what waits for its next tick, and where its time stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from fedxr.agent.inputs.tokens import tick_of
from fedxr.bridge.channels import Samples
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.serving.session import Session
from fedxr.dashboard.preview import Look
from fedxr.learning.walls import Strikes
from fedxr.live.electrodes import Montage, picked
from fedxr.live.moments import Moments
from fedxr.live.waiting_frames import HeldFrames, closes
from fedxr.scenarios.cues import Cues

EPISODES = 64
"""Episodes whose start is remembered."""
LEAP = 1800
"""Ticks (60 s) without a frame after which an episode cannot go on."""


AHEAD = 30
"""Ticks (1 s) by which a label may be ahead of its headset's frames."""
WAIT = 300
"""Pieces of feedback that wait for frames; where there are more, none does."""


@dataclass
class HeadsetSession:
    """``ticked``: the (episode, tick) that was answered last; ``look``: for the live page, while
    somebody has this headset open there. ``feedback`` waits with the time (monotonic seconds) at
    which it was heard; ``told`` are the times of what the learner has not learned yet, ``learned``
    of what no answer was given with yet, each after the version of what answers are computed with
    that first knows it. ``out``: it is put out, and nothing more is done for it
    (:mod:`fedxr.learning.walls`). ``leaving``: no more frames of it will come."""

    row: int
    session: Session
    montages: Mapping[str, Montage] = field(default_factory=dict)
    cues: Cues = field(default_factory=Cues)
    moments: Moments = field(default_factory=Moments)
    feedback: list[tuple[float, Feedback]] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    learned: list[tuple[int, float]] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ticked: tuple[int, int] = (-1, -1)
    look: Look | None = None
    strikes: Strikes = field(default_factory=Strikes)
    out: bool = False
    leaving: bool = False

    def __post_init__(self) -> None:
        channels = self.session.channels.values()
        self.frames = HeldFrames(channels, self.session.budget, self.session.shed)

    @property
    def due(self) -> bool:
        """Whether its frames have closed a tick that has not been answered."""
        last = self.frames.last
        if self.out or last is None:
            return False
        return closes(last) >= 0 and (last.episode, closes(last)) > self.ticked

    @property
    def early(self) -> bool:
        """Whether what was said first is of a moment that no tick was answered with yet, but soon
        will be: it waits until then, or until the headset leaves."""
        last = self.frames.last
        episode, newest = (last.episode, closes(last)) if last else self.ticked
        if self.leaving or not 0 < len(self.feedback) <= WAIT:
            return False
        if self.feedback[0][1].episode != episode:
            return False
        start = last.episode_start_us if last else self.starts.get(episode, 0)
        tick = tick_of(self.feedback[0][1].t_us - start)
        return (episode, tick) > self.ticked and tick <= newest + AHEAD

    @property
    def answered(self) -> bool:
        """Whether it ever was: who only sits there costs a round as much as who learns."""
        return self.ticked > (-1, -1)

    def refuse(self, frame: Frame) -> bool:
        """True, and the headset is told, where the frame's time cannot be."""
        last = self.frames.last
        known, tick = (last.episode, closes(last)) if last else self.ticked
        ahead = tick if known == frame.episode else 0
        if frame.capture_us >= frame.episode_start_us and closes(frame) <= LEAP + ahead:
            return False
        self.session.notice(
            "bad-time",
            f"a frame {(frame.capture_us - frame.episode_start_us) / 1e6:.3f} s after its "
            "episode's start; allowed are 0 to 60 s after the last one: begin a new episode",
            seq=frame.seq,
        )
        return True

    def take(self) -> list[list[Frame]]:
        """Its waiting frames, episode by episode; where each started is remembered for late
        feedback."""
        frames = self.frames.take()
        for frame in frames:
            self.starts[frame.episode] = frame.episode_start_us
        while len(self.starts) > EPISODES:
            del self.starts[next(iter(self.starts))]
        return [list(run) for _, run in groupby(frames, key=lambda f: f.episode)]

    def since_start(self, frame: Frame) -> dict[str, Samples]:
        """The frame's samples as its checkpoint reads them, with times from its episode's start.
        What cannot be is left out as they are looked at: nothing of a channel may be left."""
        start, samples = frame.episode_start_us, picked(frame.samples, self.montages)
        return {n: Samples(s.t_us - start, s.values) for n, s in samples.items() if len(s)}
