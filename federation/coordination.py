"""The five ways of working together, as choices of where values are mixed.

With X (H, P) the stacked values after local adaptation, p the weights / their sum, V_c the mixing
matrix of cluster c, S the rows of the representatives and rho_c = s_c / n:

| word | what happens to X | links |
|---|---|---|
| local | X | none |
| pooled | each row is trained on everyone's samples; X stays as it is | uplink (raw), downlink |
| centralized | 1 p' X | uplink, downlink |
| decentralized | V^G X, one graph over all headsets | d2d |
| semi-decentralized | 1 rho' S diag(V_c^G_c) X | d2d, uplink, downlink |

They differ only in who forms a cluster and whether there is a server: ``centralized`` is
``semi-decentralized`` with every headset a cluster of its own, ``decentralized`` is one cluster of
everyone without a server. ``pooled`` is no federation: the raw samples move. Mixing cannot express
that, so the function that adapts is asked to let every row learn from the ``union`` of the awake
headsets' samples, and the ledger counts those samples as uplink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from fedxr.federation.network import Headset, draw_link
from fedxr.federation.topology import (
    Cluster,
    Topology,
    complete,
    components,
    geometric,
    k_regular,
    proximity,
    ring,
)
from fedxr.plugins import Registry


@dataclass(frozen=True)
class Coordination:
    """``name``: the word by which it is chosen. ``clusters``: ``each`` headset alone, the ``near``
    ones (by topology), or ``everyone``.

    ``server``: whether representatives uplink and the server broadcasts. ``union``: whether local
    adaptation sees the samples of all. ``links``: the kinds of link the ledger may show.
    """

    name: str
    clusters: Literal["each", "near", "everyone"]
    server: bool
    union: bool
    links: tuple[str, ...]


COORDINATIONS: Registry[Coordination] = Registry(
    "coordination",
    (
        Coordination("local", "each", False, False, ()),
        Coordination("pooled", "each", False, True, ("uplink", "downlink")),
        Coordination("centralized", "each", True, False, ("uplink", "downlink")),
        Coordination("decentralized", "everyone", False, False, ("d2d",)),
        Coordination("semi-decentralized", "near", True, False, ("d2d", "uplink", "downlink")),
    ),
)


def coordination_named(name: str) -> Coordination:
    """The coordination called ``name``; raises ValueError that lists the known ones."""
    return COORDINATIONS.named(name)


def form_clusters(
    plan: Coordination, topology: Topology, headsets: Sequence[Headset], seed: int
) -> list[Cluster]:
    """The clusters of all headsets, awake or not; their links as if everything were up.

    Members stand in order of their names, so that a graph drawn by index (ring, k-regular) does
    not change when the headsets are listed in another order.
    """
    every = range(len(headsets))
    if plan.clusters == "each":
        groups: list[tuple[int, ...]] = [(i,) for i in every]
    elif plan.clusters == "everyone":
        groups = [tuple(every)]
    elif topology.cluster_by == "label":
        labels = sorted({headset.label for headset in headsets})
        groups = [tuple(i for i in every if headsets[i].label == label) for label in labels]
    else:
        positions = torch.tensor([headset.position for headset in headsets])
        groups = proximity(positions, -(-len(headsets) // topology.cluster_size), seed)
    by_name = [tuple(sorted(group, key=lambda i: headsets[i].name)) for group in groups]
    return [_linked(group, topology, headsets, seed) for group in by_name]


def _linked(
    group: tuple[int, ...], topology: Topology, headsets: Sequence[Headset], seed: int
) -> Cluster:
    n = len(group)
    if topology.graph == "complete":
        return Cluster(group, complete(n))
    if topology.graph == "ring":
        return Cluster(group, ring(n))
    if topology.graph == "k-regular":
        return Cluster(group, k_regular(n, topology.degree, seed))
    positions = torch.tensor([headsets[i].position for i in group])
    return Cluster(group, geometric(positions, topology.radius_m))


def survivors(
    clusters: Sequence[Cluster],
    active: set[int],
    headsets: Sequence[Headset],
    seed: int,
    number: int,
) -> list[Cluster]:
    """What is left of the clusters in round ``number``: each connected part is one by itself.

    A part without a link to the rest has nobody to speak for it but itself, so it elects its own
    representative. Mixing weights are made later, from the degrees that are left.
    """
    left = []
    for cluster in clusters:
        here = [k for k, i in enumerate(cluster.members) if i in active]
        links = cluster.links[here][:, here]
        members = [cluster.members[k] for k in here]
        for a, b in torch.triu(links).nonzero().tolist():
            up = draw_link(headsets[members[a]], headsets[members[b]], seed, number)
            links[a, b] = links[b, a] = up
        for part in components(links):
            rows = list(part)
            left.append(Cluster(tuple(members[k] for k in rows), links[rows][:, rows]))
    return left
