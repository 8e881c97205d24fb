"""Streams that something else fills: devices that send on their own, from a thread that listens.

A listener pushes what comes; a stream begins to be offered with its first sample. Such streams
never end by themselves: a device that goes is silent, and goes on when it is back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from fedxr.bridge.clock import Exchange, now_us
from fedxr.bridge.sensors.source import Floats, Source

_FRESH_US = 100_000
"""What is first read is not older than this: what a device has sent before it is used would all be
taken to have come at once, where its clock is not known."""
_KEPT = 20_000
"""Samples that wait for a reader that is busy: over a minute of a fast device."""


class PushedStream:
    """Samples with stamps in microseconds: of this machine where the device has none, which is what
    `read_clock` says."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._waiting: deque[tuple[Floats, float, int]] = deque(maxlen=_KEPT)
        self._fresh = True

    def push(self, values: Sequence[float] | Floats, stamp_us: float | None = None) -> None:
        """A sample (columns,); without a stamp it was taken when it came. Any thread."""
        now = now_us()
        stamp = float(now) if stamp_us is None else stamp_us
        self._waiting.append((np.asarray(values, np.float64).ravel(), stamp, now))

    def read(self) -> tuple[Floats, Floats]:
        """See `fedxr.bridge.sensors.source.Stream`."""
        some = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if self._fresh and some:
            self._fresh, since = False, now_us() - _FRESH_US
            some = [one for one in some if one[2] >= since]
        values = np.array([v for v, _, _ in some]).reshape(len(some), len(self.source.columns))
        return values, np.array([stamp for _, stamp, _ in some])

    def read_clock(self) -> Exchange | None:
        """This machine's clock; a device's own has a zero that nobody knows, and is anchored
        (`fedxr.bridge.stamp_clock`)."""
        now = now_us()
        return Exchange(now, now, now, now)

    def clock_was_reset(self) -> bool:
        return False

    def close(self) -> None: ...


class PushedOffering:
    def __init__(self, stream: PushedStream) -> None:
        self._stream, self.key = stream, stream.source.key

    def open(self) -> list[PushedStream]:
        return [self._stream]


class PushedStreams:
    """Those of one listener, as a finder offers them."""

    def __init__(self) -> None:
        self._streams: dict[str, PushedStream] = {}
        self._lock = threading.Lock()

    def push(
        self, source: Source, values: Sequence[float] | Floats, stamp_us: float | None = None
    ) -> None:
        """A sample of ``source``, which is known by its key."""
        with self._lock:
            stream = self._streams.get(source.key)
            if stream is None:
                stream = self._streams[source.key] = PushedStream(source)
        stream.push(values, stamp_us)

    def find(self) -> list[PushedOffering]:
        """See `fedxr.bridge.sensors.source.Finder`."""
        with self._lock:
            return [PushedOffering(stream) for stream in self._streams.values()]
