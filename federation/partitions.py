"""Anyone's labelled samples, dealt out to headsets as unevenly as one likes.

For experiments on data that no people stand behind: which sample goes to which headset, by index.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedxr.federation.streams import rng

Indices = NDArray[np.int64]
MOST_ALIKE = 1e6
"""Beyond, nothing changes but that numbers overflow."""


def dirichlet(labels: Sequence[int], headsets: int, alpha: float, seed: int) -> list[Indices]:
    """Indices of each headset's samples. Of each class every headset has the part that it draws
    from Dirichlet(``alpha``) (Hsu et al., arXiv:1909.06335): 0.1 leaves most with a class or two,
    100 with all alike. Each sample goes to one headset; some may have none."""
    _check(headsets, alpha)
    known = np.asarray(labels)
    if known.ndim != 1:
        raise ValueError(f"labels of shape {known.shape}; give one a sample")
    out: list[list[Indices]] = [[] for _ in range(headsets)]
    for label in np.unique(known):
        chance = rng(seed, "dirichlet", str(label))
        mine = chance.permutation(np.flatnonzero(known == label))
        for headset, part in enumerate(_dealt(mine, chance.dirichlet(np.full(headsets, alpha)))):
            out[headset].append(part)
    return [np.sort(np.concatenate(parts or [_NOBODYS])) for parts in out]


def quantity(samples: int, headsets: int, alpha: float, seed: int) -> list[Indices]:
    """Indices of each headset's samples: all classes alike, but amounts from
    Dirichlet(``alpha``)."""
    _check(headsets, alpha)
    chance = rng(seed, "quantity")
    order = chance.permutation(samples)
    return [np.sort(p) for p in _dealt(order, chance.dirichlet(np.full(headsets, alpha)))]


_NOBODYS: Indices = np.zeros(0, np.int64)


def _dealt(order: Indices, shares: NDArray[np.float64]) -> list[Indices]:
    """``order`` in consecutive parts, in proportion to ``shares``."""
    cuts = np.rint(np.cumsum(shares)[:-1] * len(order)).astype(np.int64)
    return np.split(order, cuts)


def _check(headsets: int, alpha: float) -> None:
    if headsets < 1 or not 0 < alpha <= MOST_ALIKE:
        raise ValueError(
            f"a partition over {headsets} headsets with alpha {alpha}; take at least 1 headset and "
            f"an alpha above 0 (small: uneven), up to {MOST_ALIKE:g} (all alike)"
        )
