"""The steps of a round between clusters and server: who speaks, what goes up, what is made of it,
and what comes back. fedxr.federation.rounds.run_round orders them.

Legend: H headsets, s members of a cluster, P columns, K blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from fedxr.federation.aggregation import average
from fedxr.federation.blocks import Updates
from fedxr.federation.codec import packet_bytes, rounded_rows
from fedxr.federation.config import Round
from fedxr.federation.election import elect, ranking
from fedxr.federation.ledger import Row, d2d_row, downlink_row, uplink_row
from fedxr.federation.low_rank import factor_blocks, stacked
from fedxr.federation.network import server_reachable
from fedxr.federation.report import Drop
from fedxr.federation.rules import aggregate
from fedxr.federation.shared_sums import SharedSums, Ways
from fedxr.federation.steps import ClusterConsensus, merge
from fedxr.federation.top_changes import Heard


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
    memory: Heard,
) -> tuple[Updates | None, list[Row]]:
    """What the representatives send, one row per cluster heard, None when none is; and the server
    takes the ``sums`` that they bring.

    A representative knows the mean weight of its cluster; times its size that is the cluster's.
    """
    pairs = [(one, m) for one, m in zip(agreed, representatives, strict=True) if m is not None]
    if not pairs:
        return None, []
    said = [spoken(config, one, m) for one, m in pairs]
    values, weights = torch.stack([v for v, _ in said]), torch.stack([w for _, w in said])
    blocks = pairs[0][0].before.blocks
    sent = Updates(blocks, rounded_rows(blocks, values, config.codec), weights)
    sizes = packet_bytes(sent.blocks, sent.weights > 0, config.codec).tolist()
    for row, (one, m) in enumerate(pairs) if config.top < 1 else ():
        whole = Updates(blocks, values[row : row + 1], weights[row : row + 1])
        found = memory.send(one.here[m].name, whole, config.top, config.codec)
        if found is not None:
            change, sent.values[row] = found
            sizes[row] = change.packet_bytes(config.codec)
    messages = [
        uplink_row(number, one.here[m], size + sums.uplink(one.here[m].name))
        for (one, m), size in zip(pairs, sizes, strict=True)
    ]
    sums.settle()
    return sent, messages


def spoken(config: Round, one: ClusterConsensus, m: int) -> tuple[Tensor, Tensor]:
    """Values (P,) and weights (K,) that member ``m`` has to say for its cluster."""
    values, weights = one.carried.values[m], one.carried.weights[m] * len(one.cluster)
    if config.exchange != "stacked" or len(one.cluster) == 1:
        return values, weights
    brought, here = stacked(one.before), factor_blocks(one.before.blocks)
    columns = here.repeat_interleave(one.before.blocks.sizes)
    values = torch.where(columns, brought.values[0], values)
    return values, torch.where(here, brought.weights[0], weights)


def relayed(
    config: Round,
    agreed: Sequence[ClusterConsensus],
    representatives: Sequence[int | None],
    number: int,
) -> list[Row]:
    """With exchange ``stacked``, the D2D messages by which each member's factors come to its
    representative, along the shortest way."""
    rows: list[Row] = []
    for one, m in zip(agreed, representatives, strict=True):
        if config.exchange != "stacked" or m is None or len(one.cluster) == 1:
            continue
        carried = (one.before.weights > 0) & factor_blocks(one.before.blocks)
        sizes = packet_bytes(one.before.blocks, carried, config.codec).tolist()
        ways, sent = Ways(one.cluster.links), dict[tuple[int, int], list[int]]()
        for k in carried.any(1).nonzero().flatten().tolist():
            for _, a, b in ways.to([m], frozenset([k])):
                sent.setdefault((a, b), []).append(sizes[k])
        rows += [d2d_row(number, one.here[a], one.here[b], s) for (a, b), s in sorted(sent.items())]
    return rows


def combined(config: Round, sent: Updates) -> Updates:
    """What the server makes of what it was ``sent``: one row."""
    answer = aggregate(config.aggregation, sent)
    return stacked(sent, answer) if config.exchange == "stacked" else answer


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
    memory: Heard,
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
    if config.top < 1:
        names = [one.here[m].name for one, some in zip(agreed, reached, strict=True) for m in some]
        memory.hear(number, answer.values[0], names)
    return down, spread, reached
