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
from fedxr.federation.codec import packet_bytes, rounded_rows
from fedxr.federation.config import Round
from fedxr.federation.consensus import mix, rounds_for
from fedxr.federation.coordination import coordination_named
from fedxr.federation.election import elect, ranking
from fedxr.federation.exchange import exchanged
from fedxr.federation.ledger import Row, consensus_rows, d2d_row, downlink_row, uplink_row
from fedxr.federation.network import D2D, UPLINK, Headset, StragglerDeadline, server_reachable
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
    before = travels.rows(torch.tensor([row_of[i] for i in cluster.members]))
    here = [headsets[i] for i in cluster.members]
    if len(cluster) == 1:
        return ClusterConsensus(cluster, here, before, before)
    v = metropolis(cluster.links)
    norm = spectral_norm(v)
    moved = root_mean_square(before.blocks, before.values, start, torch.tensor(cluster.members))
    needed = rounds_for(before, moved, norm, config.consensus)
    rounds = config.consensus.of(needed)
    carried, mean = mix(v, before, rounds, config.codec), average(before)
    return ClusterConsensus(
        cluster,
        here,
        before,
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
        rows += consensus_rows(
            number, one.cluster, one.here, one.before.blocks, carried, one.rounds, config.codec,
            one.told,
        )  # fmt: skip
    return rows


def elect_representative(
    config: Round, one: ClusterConsensus, number: int, drops: list[Drop]
) -> int | None:
    """The representative's position in its cluster; those lost before it are added to ``drops``."""
    up = [server_reachable(headset, config.seed, number) for headset in one.here]
    ranked = ranking(one.here, config.election, config.seed, number)
    chosen, lost = elect(ranked, up.__getitem__)
    then = "nobody is left" if chosen is None else f"{one.here[chosen].name} takes over"
    cause = f"representative without a link to the server; {then}"
    drops.extend(Drop(one.here[m].name, 5, cause) for m in lost)
    return chosen


def uplink(
    config: Round,
    agreed: Sequence[ClusterConsensus],
    representatives: Sequence[int | None],
    number: int,
    sums: SharedSums[Any],
) -> tuple[Updates | None, list[Row]]:
    """What the representatives send, one row per cluster heard, None when none is; and the server
    takes the ``sums`` that they bring.

    A representative knows the mean weight of its cluster; times its size that is the cluster's.
    """
    pairs = [(one, m) for one, m in zip(agreed, representatives, strict=True) if m is not None]
    if not pairs:
        return None, []
    values = torch.stack([one.carried.values[m] for one, m in pairs])
    weights = torch.stack([one.carried.weights[m] * len(one.cluster) for one, m in pairs])
    blocks = pairs[0][0].before.blocks
    sent = Updates(blocks, rounded_rows(blocks, values, config.codec), weights)
    sizes = packet_bytes(sent.blocks, sent.weights > 0, config.codec).tolist()
    messages = [
        uplink_row(number, one.here[m], size + sums.uplink(one.here[m].name))
        for (one, m), size in zip(pairs, sizes, strict=True)
    ]
    sums.settle()
    return sent, messages


def held_before(
    travels: Updates, here: Sequence[int], row_of: dict[int, int], start: Tensor
) -> Updates:
    """The mean (one row) of what the headsets ``here`` held, rows of ``start`` (H, P), before they
    learned, by the samples that they now have."""
    rows = torch.tensor([row_of[i] for i in here])
    got = travels.rows(rows)
    return average(replace(got, values=start[torch.tensor(here)]))


def broadcast(
    config: Round,
    agreed: Sequence[ClusterConsensus],
    representatives: Sequence[int | None],
    answer: Updates | None,
    mixed: Tensor,
    number: int,
    sums: SharedSums[Any],
) -> tuple[list[Row], list[Row], list[list[int]]]:
    """Merge the server's answer (one row) into ``mixed``, and tell what it has of ``sums``; the
    downlink and D2D messages it took, and whom of each cluster it has reached."""
    down: list[Row] = []
    spread: list[Row] = []
    reached: list[list[int]] = [[] for _ in agreed]
    if answer is None:
        return down, spread, reached
    seen = rounded_rows(answer.blocks, answer.values, config.codec)
    answer = replace(answer, values=seen)
    known = answer.weights[0] > 0
    for one, representative, heard in zip(agreed, representatives, reached, strict=True):
        by = None if representative is None else one.here[representative]
        if config.broadcast == "all":
            # the server knows who owns what and sends no more than that
            heard += [m for m, h in enumerate(one.here) if server_reachable(h, config.seed, number)]
            sizes = packet_bytes(answer.blocks, one.before.owns[heard] & known, config.codec)
            down += [
                downlink_row(number, h, size + sums.downlink(h.name, by.name if by else None))
                for h, size in zip([one.here[m] for m in heard], sizes.tolist(), strict=True)
            ]
        elif by is not None and representative is not None:
            # a representative passes everything on, hence gets everything
            size = int(packet_bytes(answer.blocks, known, config.codec))
            near = one.cluster.links[representative].nonzero().flatten().tolist()
            told = [one.here[m] for m in near]
            more = sums.downlink(by.name, by.name, [h.name for h in told])
            down.append(downlink_row(number, by, size + more))
            spread += [
                d2d_row(number, by, h, [size + sums.downlink(h.name, by.name)]) for h in told
            ]
            heard += [representative, *near]
        else:
            continue
        merge(mixed, [one.cluster.members[m] for m in heard], answer, one.before.owns[heard])
    return down, spread, reached
