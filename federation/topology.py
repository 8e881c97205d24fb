"""Who can talk to whom, and with what weights they average.

Legend: n headsets of one cluster; A (n, n) bool links; V (n, n) float64 mixing matrix.

A cluster's links form a connected graph; Metropolis weights on it (Xiao, Boyd and Lall 2005)
make V symmetric and doubly stochastic, so that the mean is kept and every headset's value goes to
it. How fast is told by the spectral norm of V - J, J = 11'/n: the largest *modulus* of the other
eigenvalues. Public code of 2020 takes the largest signed eigenvalue instead; on K3,3 with step
1/d_max that promises agreement in one round where there never is any (:func:`spectral_norm`
refuses such a V).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fedxr.federation.streams import rng


@dataclass(frozen=True)
class Topology:
    """How headsets are put into clusters and which of a cluster's members are linked.

    ``cluster_by``: ``proximity`` makes ceil(H / ``cluster_size``) groups of near headsets;
    ``label`` takes the label that each headset brings (a room, a use case).
    ``graph``: ``complete``; ``ring``; ``k-regular`` with ``degree`` links each, drawn by seed;
    ``geometric``: whoever is within ``radius_m`` metres.
    """

    cluster_by: Literal["proximity", "label"] = "proximity"
    cluster_size: int = 4
    graph: Literal["complete", "ring", "k-regular", "geometric"] = "geometric"
    degree: int = 4
    radius_m: float = 10.0

    def __post_init__(self) -> None:
        if self.cluster_by not in ("proximity", "label"):
            raise ValueError(f"cluster_by {self.cluster_by!r}; allowed are proximity and label")
        if self.graph not in ("complete", "ring", "k-regular", "geometric"):
            raise ValueError(
                f"graph {self.graph!r}; allowed are complete, ring, k-regular and geometric"
            )
        if self.cluster_size < 1 or self.degree < 2 or not self.radius_m > 0:
            raise ValueError(
                f"topology: cluster_size {self.cluster_size} (1 or more), degree {self.degree} "
                f"(2 or more), radius {self.radius_m} m (above 0)"
            )


@dataclass(frozen=True, eq=False)
class Cluster:
    """``members``: n indices of headsets; ``links``: (n, n) bool, symmetric, no self-links."""

    members: tuple[int, ...]
    links: Tensor

    def __len__(self) -> int:
        return len(self.members)


def complete(n: int) -> Tensor:
    """(n, n): everyone with everyone."""
    return ~torch.eye(n, dtype=torch.bool)


def ring(n: int) -> Tensor:
    """(n, n): each with the one before and the one after."""
    return _circulant(n, (1,)) if n > 1 else complete(n)


def k_regular(n: int, degree: int, seed: int) -> Tensor:
    """(n, n): ``degree`` links each, shuffled by seed, connected. Small n: the complete graph.

    Starts from a circulant and swaps the ends of random pairs of links, which keeps all degrees; a
    draw that falls apart is repeated. An odd degree needs an even n.
    """
    if degree >= n - 1:
        return complete(n)
    if degree < 2 or (degree % 2 and n % 2):
        raise ValueError(
            f"no connected graph where {n} headsets have {degree} links each; take a degree of 2 "
            "or more, an even one when the number of headsets is odd"
        )
    offsets = tuple(range(1, degree // 2 + 1)) + ((n // 2,) if degree % 2 else ())
    for attempt in range(100):
        links = _swap_ends(_circulant(n, offsets), rng(seed, "k-regular", attempt))
        if len(components(links)) == 1:
            return links
    return _circulant(n, offsets)  # connected, if not random


def _circulant(n: int, offsets: Sequence[int]) -> Tensor:
    i = torch.arange(n)
    links = torch.zeros(n, n, dtype=torch.bool)
    for offset in offsets:
        links[i, (i + offset) % n] = links[(i + offset) % n, i] = True
    return links


def _swap_ends(links: Tensor, chance: np.random.Generator) -> Tensor:
    """a-b and c-d become a-d and c-b, many times, unless that makes a self-link or a double one."""
    edges = [(int(a), int(b)) for a, b in torch.triu(links).nonzero()]
    for _ in range(10 * len(edges)):
        i, j = (int(k) for k in chance.integers(len(edges), size=2))
        (a, b), (c, d) = edges[i], edges[j]
        if len({a, b, c, d}) == 4 and not links[a, d] and not links[c, b]:
            for x, y, up in ((a, b, False), (c, d, False), (a, d, True), (c, b, True)):
                links[x, y] = links[y, x] = up
            edges[i], edges[j] = (a, d), (c, b)
    return links


def geometric(positions: Tensor, radius_m: float) -> Tensor:
    """(n, n): linked when within ``radius_m`` metres; positions (n, d) in metres.

    When that leaves several components, the two nearest headsets of different components are
    linked, until there is one: a cluster is by definition a group that can agree.
    """
    distance = torch.cdist(positions.double(), positions.double(), compute_mode=_EXACT)
    links = (distance <= radius_m) & complete(len(positions))
    while len(parts := components(links)) > 1:
        part_of = torch.empty(len(positions), dtype=torch.int64)
        for k, part in enumerate(parts):
            part_of[list(part)] = k
        apart = distance.masked_fill(part_of[:, None] == part_of[None], torch.inf)
        a, b = divmod(int(apart.argmin()), len(positions))
        links[a, b] = links[b, a] = True
    return links


_EXACT = "donot_use_mm_for_euclid_dist"


def proximity(positions: Tensor, count: int, seed: int) -> list[tuple[int, ...]]:
    """Groups of near headsets: ``count`` or fewer lists of indices into positions (n, d).

    k-means. The first centre is the headset furthest along a direction drawn from the seed, each
    next one the headset furthest from all centres: nothing depends on the order of the headsets.
    """
    x = positions.double()
    direction = torch.from_numpy(rng(seed, "proximity").standard_normal(x.shape[1]))
    first = int((x @ direction).argmax())
    chosen, gap = [first], (x - x[first]).norm(dim=1)  # gap: distance to the nearest centre
    while len(chosen) < min(count, len(x)):
        chosen.append(int(gap.argmax()))
        gap = torch.minimum(gap, (x - x[chosen[-1]]).norm(dim=1))
    centres = x[chosen]
    nearest = torch.cdist(x, centres, compute_mode=_EXACT).argmin(1)
    for _ in range(25):
        sizes = torch.bincount(nearest, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, nearest, x)
        centres = torch.where(sizes[:, None] > 0, sums / sizes.clamp_min(1)[:, None], centres)
        before, nearest = nearest, torch.cdist(x, centres, compute_mode=_EXACT).argmin(1)
        if torch.equal(nearest, before):
            break
    groups: list[list[int]] = [[] for _ in centres]
    for i, k in enumerate(nearest.tolist()):
        groups[k].append(i)
    return [tuple(group) for group in groups if group]


def components(links: Tensor) -> list[tuple[int, ...]]:
    """The connected parts of a graph, each sorted, in order of their first member."""
    left, parts = set(range(len(links))), []
    neighbours = [set(row.nonzero().flatten().tolist()) for row in links]
    while left:
        part, edge = set[int](), {min(left)}
        while edge:
            part |= edge
            edge = set().union(*(neighbours[i] for i in edge)) - part
        left -= part
        parts.append(tuple(sorted(part)))
    return parts


def metropolis(links: Tensor) -> Tensor:
    """V (n, n) float64: V_ij = 1 / (1 + max(d_i, d_j)) on links, the rest stays with i.

    Each headset needs only its own and its neighbours' degrees.
    """
    degree = links.sum(1).double()
    v = links.double() / (1 + torch.maximum(degree[:, None], degree[None]))
    return v + torch.diag(1 - v.sum(1))


def spectral_norm(v: Tensor) -> float:
    """||V - J||_2: what one round leaves of the disagreement, at most. 0 for a single headset.

    Raises ValueError for a V that does not keep the mean or under which headsets never agree.
    """
    n = len(v)
    ones = torch.ones(n, dtype=v.dtype)
    if v.shape != (n, n) or not torch.allclose(v, v.T, rtol=0, atol=1e-9):
        raise ValueError(f"mixing matrix {tuple(v.shape)} is not symmetric; use metropolis(links)")
    if bool((v < -1e-9).any()) or not torch.allclose(v.sum(1), ones, rtol=0, atol=1e-9):
        raise ValueError(
            "mixing matrix is not doubly stochastic (entries 0 or more, rows and columns that sum "
            "to 1): it would not keep the mean; use metropolis(links)"
        )
    norm = float(torch.linalg.eigvalsh(v - 1 / n).abs().max())
    if norm < 1 - 1e-9:
        return norm
    parts = len(components(v > 0))
    cause = (
        f"its graph falls into {parts} parts: mix each part by itself"
        if parts > 1
        else "an eigenvalue is -1, so that two groups swap values for ever (1/d_max weights on a "
        "bipartite graph such as K3,3): use metropolis(links)"
    )
    raise ValueError(f"spectral norm {norm:.6g}; it must be below 1 to ever agree. Cause: {cause}")
