"""The steps of a round that are more than one call; fedxr.federation.rounds.run_round orders them.

Legend: H headsets, A of them awake, s members of a cluster, P columns, K blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from fedxr.federation.aggregation import average, disagreement
from fedxr.federation.blocks import Updates, root_mean_square
from fedxr.federation.codec import packet_bytes
from fedxr.federation.config import Round
from fedxr.federation.consensus import mix, rounds_for
from fedxr.federation.coordination import coordination_named
from fedxr.federation.exchange import exchanged
from fedxr.federation.ledger import Row, consensus_rows
from fedxr.federation.low_rank import factor_blocks
from fedxr.federation.network import D2D, UPLINK, Headset, StragglerDeadline
from fedxr.federation.report import ClusterReport, Drop
from fedxr.federation.rules import check_kinds
from fedxr.federation.shared_sums import SharedSums
from fedxr.federation.topology import Cluster, metropolis, spectral_norm


@dataclass(frozen=True, eq=False)
class ClusterConsensus:
    """A cluster after its consensus.

    ``here`` are its members, ``before`` what they brought, ``carried`` what each then holds,
    relayed blocks too; ``told`` is how many bytes of sums went over each link, exchange by
    exchange; the rest as in :class:`fedxr.federation.report.ClusterReport`.
    """

    cluster: Cluster
    here: list[Headset]
    before: Updates
    carried: Updates
    norm: float = 0.0
    rounds: int = 0
    met: bool = True
    error_before: float = 0.0
    error_after: float = 0.0
    told: Mapping[tuple[int, int], list[int]] = field(default_factory=dict)

    def report(self, representative: int | None, answered: Sequence[int]) -> ClusterReport:
        return ClusterReport(
            members=tuple(headset.name for headset in self.here),
            norm=self.norm,
            rounds=self.rounds,
            met=self.met,
            error_before=self.error_before,
            error_after=self.error_after,
            representative=None if representative is None else self.here[representative].name,
            answered=tuple(self.here[m].name for m in answered),
        )


@dataclass(frozen=True, eq=False)
class LocalUpdates:
    """What step 2 has brought: ``updates`` of the awake (A rows; whoever is broken owns nothing),
    the indices of the ``active`` headsets, which go on, and why the others do not."""

    updates: Updates
    active: set[int]
    drops: list[Drop]
    deadline: float


def learn(
    config: Round,
    headsets: Sequence[Headset],
    awake: list[int],
    got: Updates,
    pace: StragglerDeadline,
) -> LocalUpdates:
    """Judge what ``adapt`` has returned: who is broken, who is late."""
    plan = coordination_named(config.coordination)
    sent = exchanged(got.blocks, config.exchange).tolist()
    travelling = [b.kind for b, goes in zip(got.blocks, sent, strict=True) if goes]
    check_kinds(config.aggregation, travelling)
    if plan.union and (got.effort is None or got.effort.raw_bytes is None):
        raise ValueError("pooled moves raw samples: let adapt return Effort(raw_bytes=...)")
    if len(got) != len(awake):
        raise ValueError(f"adapt returned {len(got)} rows for {len(awake)} awake headsets")
    if bool(((got.weights > 0) & ~got.owns).any()):
        raise ValueError("adapt returned samples for a block that the headset does not own")
    broken = got.broken()
    weights = got.weights.masked_fill(broken[:, None], 0.0)
    got = replace(got, weights=weights)
    updates = replace(got, owns=got.owns & ~broken[:, None])
    travels = plan.server or "d2d" in plan.links
    durations = _durations(config, [headsets[i] for i in awake], updates) if travels else []
    deadline = pace.deadline() if durations else math.inf
    active, drops, late = set(awake), list[Drop](), set[str]()
    for row, i in enumerate(awake):
        cause = ""
        if broken[row]:
            cause = "its update holds values or counts that are not finite or cannot be so large"
        elif durations and durations[row] > deadline and headsets[i].name not in pace.late:
            cause = f"late: {durations[row]:.3g} s, the deadline was {deadline:.3g} s"
            late.add(headsets[i].name)
        if cause:
            active.remove(i)
            drops.append(Drop(headsets[i].name, 2, cause))
    # Who had nothing to learn from was done at once: that says nothing of how long learning takes.
    taught = (got.weights > 0).any(dim=1).tolist()
    pace.observe(seconds for seconds, some in zip(durations, taught, strict=False) if some)
    pace.late = late
    return LocalUpdates(updates, active, drops, deadline)


def _durations(config: Round, here: Sequence[Headset], updates: Updates) -> list[float]:
    """Seconds from the start of the round to the first message being sent; [] when not told."""
    if updates.effort is None:
        return []
    carried = (updates.weights > 0) & exchanged(updates.blocks, config.exchange)
    sizes = packet_bytes(updates.blocks, carried, config.codec).tolist()
    to_server = "d2d" not in coordination_named(config.coordination).links
    return [
        float(seconds)
        + (
            UPLINK.seconds(size, headset.server_bytes_per_s)
            if to_server
            else D2D.seconds(size, headset.d2d_bytes_per_s)
        )
        for headset, seconds, size in zip(here, updates.effort.seconds, sizes, strict=True)
    ]


def keep(mixed: Tensor, awake: Sequence[int], learned: Updates) -> None:
    """Each headset's new values replace its old ones in ``mixed`` (H, P), where it owns them."""
    _replace(mixed, awake, learned, learned.owns)


def merge(mixed: Tensor, members: Sequence[int], carried: Updates, owns: Tensor) -> None:
    """Replace rows of ``mixed`` (H, P) where ``owns`` (s, K) and somebody's weight is behind it.

    ``carried`` has one row for each member, or a single one for all.
    """
    _replace(mixed, members, carried, owns & (carried.weights > 0))


def _replace(mixed: Tensor, rows: Sequence[int], new: Updates, takes: Tensor) -> None:
    index = torch.tensor(rows, dtype=torch.int64)
    if bool(takes.all()):
        mixed[index] = new.values
    else:
        columns = takes.repeat_interleave(new.blocks.sizes, dim=1)
        mixed[index] = torch.where(columns, new.values, mixed[index])


def agree(
    config: Round,
    headsets: Sequence[Headset],
    cluster: Cluster,
    row_of: dict[int, int],
    travels: Updates,
    start: Tensor,
    sums: SharedSums[Any],
) -> ClusterConsensus:
    """Consensus in one cluster: Gamma, the mixing, and how far off it was before and after; and its
    members tell each other their ``sums``.

    ``row_of`` tells in which row of ``travels`` a headset's update is, ``start`` (H, P) what all
    held before they learned.
    """
    whole = travels.rows(torch.tensor([row_of[i] for i in cluster.members]))
    here = [headsets[i] for i in cluster.members]
    if len(cluster) == 1:
        return ClusterConsensus(cluster, here, whole, whole)
    before = whole
    if config.exchange == "stacked":  # mixing is no mean of what factors stand for
        before = whole.only(~factor_blocks(whole.blocks))
    v = metropolis(cluster.links)
    norm = spectral_norm(v)
    moved = root_mean_square(before.blocks, before.values, start, torch.tensor(cluster.members))
    needed = rounds_for(before, moved, norm, config.consensus)
    rounds = config.consensus.of(needed)
    carried, mean = mix(v, before, rounds, config.codec), average(before)
    return ClusterConsensus(
        cluster,
        here,
        whole,
        carried,
        norm,
        rounds,
        needed <= rounds,
        disagreement(before.values, before, mean),
        disagreement(carried.values, before, mean),
        sums.spread([headset.name for headset in here], cluster.links),
    )


def consensus_messages(config: Round, agreed: Sequence[ClusterConsensus], number: int) -> list[Row]:
    """Every D2D message of step 4."""
    rows = []
    for one in agreed:
        carried = one.before.weights > 0
        if config.exchange == "stacked":
            carried &= ~factor_blocks(one.before.blocks)
        rows += consensus_rows(
            number, one.cluster, one.here, one.before.blocks, carried, one.rounds, config.codec,
            one.told,
        )  # fmt: skip
    return rows
