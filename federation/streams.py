"""One seed, many named streams of chance.

Every draw is named by what it decides (``"wake"``, round 7, headset ``"anna"``) and never by the
order in which it is made. So a result does not depend on how many workers there are, on how the
rows are chunked, or on the order in which the headsets are listed.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

Name = str | int


def _digest(seed: int, names: tuple[Name, ...], size: int) -> int:
    # repr keeps ("a", "b") apart from ("ab",) and 1 apart from "1"
    text = repr((int(seed), *names)).encode()
    return int.from_bytes(blake2b(text, digest_size=size).digest(), "little")


def draw(seed: int, *names: Name) -> float:
    """One uniform number in [0, 1) that belongs to these names alone."""
    return (_digest(seed, names, 8) >> 11) * 2.0**-53


def rng(seed: int, *names: Name) -> np.random.Generator:
    """A generator of its own for these names, for when one draw is not enough."""
    return np.random.default_rng(_digest(seed, names, 16))
