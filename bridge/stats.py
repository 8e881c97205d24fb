"""What a session counts."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

_RECENT = 1024


class Latency:
    """The last 1024 latencies in microseconds."""

    def __init__(self) -> None:
        self._ring = array("q", bytes(8 * _RECENT))
        self.count = 0

    def add(self, us: int) -> None:
        self._ring[self.count % _RECENT] = us
        self.count += 1

    def percentile(self, q: float) -> float:
        """The ``q``-th percentile (0..100) in microseconds, NaN before the first."""
        n = min(self.count, _RECENT)
        return float(np.percentile(np.frombuffer(self._ring, np.int64)[:n], q)) if n else np.nan


@dataclass
class SessionStats:
    """Counted since the session began. ``lost`` are sequence numbers that never came (the headset
    dropped them or the network did); ``drops`` are blocks and messages that the server dropped;
    ``absent`` are samples, by channel, in which something was not there (`fedxr.bridge.absences`);
    ``paused_s`` is for how long reading was paused because the headset sent too fast.
    ``latency`` runs from capture to reply on the headset's time base, so it is empty until the
    headset has told its clock estimate.
    """

    frames: int = 0
    feedback: int = 0
    replies: int = 0
    refused: int = 0
    lost: int = 0
    late: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    paused_s: float = 0.0
    drops: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    latency: Latency = field(default_factory=Latency)
