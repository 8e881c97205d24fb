"""What the well-behaved headsets of benchmarks/load.py lived through while others acted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fedxr.bridge.clock import now_us


@dataclass
class Act:
    """What the calm headsets lived through while someone else acted."""

    sent: int = 0
    took_us: list[int] = field(default_factory=list)
    captured_us: list[int] = field(default_factory=list)

    def answered(self, capture_us: int) -> None:
        self.took_us.append(now_us() - capture_us)
        self.captured_us.append(capture_us)

    def calm_p99(self) -> float:
        """Milliseconds: p99 of each quarter of a second, of these the lower quartile. What other
        jobs on the machine do for less than three quarters of the time does not show in it."""
        window = np.array(self.captured_us) // 250_000
        took = np.array(self.took_us)
        each = [np.percentile(took[window == w], 99) for w in np.unique(window)]
        return float(np.percentile(each, 25)) / 1e3 if each else float("nan")
