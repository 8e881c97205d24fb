"""What waits for a slow reader: bounded queues that know each channel's delivery policy.

`FrameQueue` holds frames in order, on the headset before a congested socket and on the server
before a slow application. `Outbox` holds encoded messages before one client's socket. Both are
bounded in bytes, never block the caller, and count every drop.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Protocol

from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback

FEEDBACK_BYTES = 256
"""What one waiting feedback or empty frame is taken to cost."""


def queue_length(delivery: str) -> int:
    """Blocks that may wait under a policy of `fedxr.bridge.channels.Channel`; 0 means no such
    bound."""
    if delivery == "latest":
        return 1
    return 0 if delivery == "reliable" else int(delivery.split(" ")[1])


class FrameQueue:
    """Frames and feedback in order, thinned channel by channel.

    When a channel has more blocks waiting than its policy allows, its oldest block is taken out of
    the frame that holds it; when all together exceed ``max_bytes``, the oldest block of any channel
    that may be dropped goes. Feedback and `reliable` blocks are never dropped: `full` then tells
    the caller to stop the source. A frame that lost all its blocks leaves the queue with them
    unless it is the newest (its ``capture_us`` still says how far the time has come).
    """

    def __init__(self, delivery: Mapping[str, str], max_bytes: int) -> None:
        self._limit = {name: queue_length(policy) for name, policy in delivery.items()}
        self._max_bytes = max_bytes
        self._items: deque[Frame | Feedback] = deque()
        self._holders: dict[str, deque[Frame]] = {name: deque() for name in delivery}
        self._bytes = 0
        self.drops: Counter[str] = Counter()
        """Blocks dropped so far, by channel."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def nbytes(self) -> int:
        return self._bytes

    @property
    def full(self) -> bool:
        """Whether what may not be dropped has reached the bound."""
        return self._bytes > self._max_bytes

    def put(self, item: Frame | Feedback) -> None:
        """Add at the end; drops older blocks as the policies say."""
        if isinstance(item, Frame):
            last = self._items[-1] if self._items else None
            if isinstance(last, Frame) and not last.samples and last.episode == item.episode:
                self._items.pop()
                self._bytes -= FEEDBACK_BYTES
        self._items.append(item)
        self._bytes += FEEDBACK_BYTES
        if isinstance(item, Frame):
            for name, samples in item.samples.items():
                self._bytes += samples.nbytes
                holders = self._holders[name]
                holders.append(item)
                limit = self._limit[name]
                if limit and len(holders) > limit:
                    self._drop_oldest(name)
        while self._bytes > self._max_bytes and self._drop_any():
            pass

    def take(self) -> Frame | Feedback | None:
        """The oldest item, or None when nothing waits."""
        if not self._items:
            return None
        item = self._items.popleft()
        self._bytes -= FEEDBACK_BYTES
        if isinstance(item, Frame):
            for name, samples in item.samples.items():
                self._holders[name].popleft()
                self._bytes -= samples.nbytes
        return item

    def drain(self) -> list[Frame | Feedback]:
        """Everything that waits, oldest first."""
        items = list(self._items)
        self._items.clear()
        for holders in self._holders.values():
            holders.clear()
        self._bytes = 0
        return items

    def _drop_oldest(self, name: str) -> None:
        frame = self._holders[name].popleft()
        self._bytes -= frame.samples.pop(name).nbytes
        self.drops[name] += 1
        if not frame.samples and frame is not self._items[-1]:
            # Holders are oldest first, so the frame stands near the left end: the search is short.
            for at, item in enumerate(self._items):
                if item is frame:
                    del self._items[at]
                    break
            self._bytes -= FEEDBACK_BYTES

    def _drop_any(self) -> bool:
        """Drop the oldest block that may be dropped; False when there is none but the newest."""
        oldest = [
            (holders[0].seq, name)
            for name, holders in self._holders.items()
            if self._limit[name] and holders and holders[0] is not self._items[-1]
        ]
        if not oldest:
            return False
        self._drop_oldest(min(oldest)[1])
        return True


class Writer(Protocol):
    """The socket end that an `Outbox` writes to; see `fedxr.bridge.transport.connection`."""

    @property
    def congested(self) -> bool:
        """Whether the socket's own buffer is above its limit."""

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the socket at once, never waiting."""


class Outbox:
    """Messages for one client, of two kinds.

    While the socket takes them they are written at once. While it is congested, only the newest
    `latest` message waits (a reply replaces the reply before it), and `control` messages wait in
    order up to ``max_bytes``; beyond that the oldest goes. Control messages leave first: a notice
    never stands behind data. ``flush`` is called when the socket has drained.
    """

    def __init__(self, writer: Writer, max_bytes: int) -> None:
        self._writer = writer
        self._max_bytes = max_bytes
        self._control: deque[bytes] = deque()
        self._control_bytes = 0
        self._latest: bytes | None = None
        self.drops: Counter[str] = Counter()
        """Messages dropped so far: ``reply`` and ``control``."""

    @property
    def waiting(self) -> int:
        """Bytes held back here, beyond the socket's own buffer."""
        return self._control_bytes + len(self._latest or b"")

    def send_latest(self, data: bytes) -> bool:
        """Returns whether it was written now; otherwise it waits until a newer one comes."""
        if not self._writer.congested:
            self._writer.write(data)
            return True
        if self._latest is not None:
            self.drops["reply"] += 1
        self._latest = data
        return False

    def send_control(self, data: bytes) -> None:
        if not self._writer.congested:
            self._writer.write(data)
            return
        self._control.append(data)
        self._control_bytes += len(data)
        while self._control_bytes > self._max_bytes:
            self._control_bytes -= len(self._control.popleft())
            self.drops["control"] += 1

    def flush(self) -> None:
        """Write what waits, as far as the socket takes it."""
        while self._control and not self._writer.congested:
            data = self._control.popleft()
            self._control_bytes -= len(data)
            self._writer.write(data)
        if self._latest is not None and not self._writer.congested:
            data, self._latest = self._latest, None
            self._writer.write(data)
