"""Named random streams: what one part draws never depends on how much another has drawn."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """The random sub-stream called ``names`` of ``seed``."""
    return np.random.default_rng((seed, *(crc32(str(n).encode()) for n in names)))
