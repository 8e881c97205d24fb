"""What was promised to arrive and is not yet known to have: kept by the headset until it is."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.transport.queues import FEEDBACK_BYTES


@dataclass(frozen=True)
class Retry:
    """How a headset comes back after a lost connection.

    It waits ``first_s``, then twice as long after each attempt, ``most_s`` at most, each wait cut
    by chance to between half and the whole, so that many headsets do not return in one instant.
    After ``give_up_s`` without a connection the session ends.
    """

    first_s: float = 0.25
    most_s: float = 10.0
    give_up_s: float = 600.0

    def waits(self) -> Iterator[float]:
        wait = self.first_s
        while True:
            yield wait * random.uniform(0.5, 1.0)
            wait = min(2 * wait, self.most_s)


class Unacknowledged:
    """Feedback and the blocks of `reliable` channels, oldest first, until the server has them.

    ``reliable`` names those channels. `full` tells the caller to wait: beyond ``max_bytes`` nothing
    more should be sent before something is acknowledged.
    """

    def __init__(self, reliable: frozenset[str], max_bytes: int) -> None:
        self._reliable = reliable
        self._max_bytes = max_bytes
        self._items: deque[tuple[int, Frame | Feedback]] = deque()
        self.nbytes = 0
        self.acknowledged = 0
        """Everything up to this number has arrived."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        return self.nbytes > self._max_bytes

    def keep(self, item: Frame | Feedback) -> None:
        """Remember what of ``item`` must arrive, if anything."""
        if isinstance(item, Frame):
            samples = {n: s for n, s in item.samples.items() if n in self._reliable}
            if not samples:
                return
            nbytes = FEEDBACK_BYTES + sum(s.nbytes for s in samples.values())
            item = Frame(item.seq, item.capture_us, samples, item.episode, item.episode_start_us)
        else:
            nbytes = FEEDBACK_BYTES
        self._items.append((nbytes, item))
        self.nbytes += nbytes

    def acknowledge(self, seq: int) -> None:
        """The server has everything up to ``seq``."""
        self.acknowledged = max(self.acknowledged, seq)
        while self._items and self._items[0][1].seq <= seq:
            self.nbytes -= self._items.popleft()[0]

    def up_to(self, seq: int) -> list[Frame | Feedback]:
        """What is kept and numbered ``seq`` or less, oldest first."""
        return [item for _, item in self._items if item.seq <= seq]
