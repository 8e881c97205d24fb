"""Small made-up users of one task, for the tests of headless runs."""

from __future__ import annotations

import numpy as np

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.scenarios.users import User

WATCH = Channel("watch", "motion/wrist", 100)


def users(n: int) -> list[User]:
    """Each with 12 episodes to adapt on and 6 to be tested on; three classes take turns."""
    return [
        User(
            "made",
            f"u{i}",
            "companion",
            (WATCH,),
            ("doing",),
            tuple(_episode(i, k) for k in range(18)),
        )
        for i in range(n)
    ]


def _episode(user: int, number: int) -> Episode:
    """A wave whose tempo is the label, upside down for odd users."""
    rng = np.random.default_rng((user, number))
    label = number % 3
    t = np.arange(120) * 10_000
    wave = np.sin(2 * np.pi * (1 + 3 * label) * t / 1e6 + rng.uniform(0, 6))
    values = wave[:, None] * (1 - 2 * (user % 2)) + 0.5 * rng.standard_normal((120, 6))
    asked = Query("doing", 36 * TICK_US, label)
    samples = {"watch": Samples(t.astype(np.int64), values.astype(np.float32))}
    return Episode(f"{user}-{number}", samples, (asked,), number < 12, 1.2)
