"""The frames of one headset that wait for their tick: what is charged for them, and how much of
them is held.

A frame that closes no tick is taken by nobody, and a client may send a gigabyte of those; one that
leaps in time costs a tick's work for each tick that it leaps over. So a frame is charged for what
it causes before it waits, and what waits is bounded in bytes and in number: the oldest goes, and
counts as dropped.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from fedxr.bridge.channels import TICK_US, Channel, Samples, sizes_vary
from fedxr.bridge.frames import Frame
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.serving.limits import samples_of

BYTES = 16 << 20
FRAMES = 2048
"""Most bytes of samples, and most frames, that wait for their tick; at 30 ticks a second a headset
has a handful waiting."""


class HeldFrames:
    """The frames that wait, oldest first. They are charged to ``budget``; blocks that are not taken
    are counted in ``shed``, by channel."""

    def __init__(self, channels: Iterable[Channel], budget: Budget, shed: Counter[str]) -> None:
        self._budget, self._shed = budget, shed
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ticked = (-1, -1)
        self._pictures = set[str]()
        for channel in channels:
            budget.allow(f"samples of {channel.name}", samples_of(channel))
            if sizes_vary(channel):
                self._pictures.add(channel.name)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @property
    def last(self) -> Frame | None:
        return self._frames[-1] if self._frames else None

    @property
    def nbytes(self) -> int:
        return self._bytes

    def put(self, frame: Frame) -> bool:
        """Let ``frame`` wait, without the blocks that its session may not bring any more; False
        where not even its time may be taken: nothing of it counts then."""
        if not self._afford_time(frame):
            return False
        for name in [n for n, samples in frame.samples.items() if not self._afford(n, samples)]:
            del frame.samples[name]
            self._shed[name] += 1
        self._frames.append(frame)
        self._bytes += _size(frame)
        while len(self._frames) > 1 and (self._bytes > BYTES or len(self._frames) > FRAMES):
            oldest = self._frames.popleft()
            self._bytes -= _size(oldest)
            self._shed.update(oldest.samples.keys())
        return True

    def take(self) -> list[Frame]:
        """All of them; none waits any more."""
        frames = list(self._frames)
        self._frames.clear()
        self._bytes = 0
        return frames

    def _afford_time(self, frame: Frame) -> bool:
        budget, (episode, tick) = self._budget, self._ticked
        now = closes(frame)
        if frame.episode != episode:
            if not budget.spend("episode"):
                return False
            tick = -1
        if now > tick and not budget.spend("tick", now - tick):
            return False
        self._ticked = frame.episode, max(tick, now)
        return True

    def _afford(self, name: str, samples: Samples) -> bool:
        budget = self._budget
        if not budget.spend(f"samples of {name}", samples.sent):
            return False
        return name not in self._pictures or budget.spend("picture", samples.nbytes)


def closes(frame: Frame) -> int:
    """The last tick that ``frame`` closes, -1 before the first."""
    return max(-1, (frame.capture_us - frame.episode_start_us) // TICK_US - 1)


def _size(frame: Frame) -> int:
    return sum(samples.nbytes for samples in frame.samples.values())
