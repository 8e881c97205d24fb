"""What a round cost: bytes, seconds and joules, per link.

Legend: s headsets of a cluster, K blocks.

A D2D exchange is counted as one message per directed link; a radio that broadcasts to all its
neighbours at once would need fewer, so this is the dearer reading. Links work side by side: an
exchange lasts as long as its slowest message, and so do the uplink and the broadcast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest

import torch
from torch import Tensor

from fedxr.federation.blocks import Blocks, Updates
from fedxr.federation.codec import NumberFormat, packet_bytes
from fedxr.federation.network import D2D, DOWNLINK, UPLINK, Headset
from fedxr.federation.topology import Cluster

SERVER = "server"


@dataclass(frozen=True)
class Row:
    """All messages of one kind that went from ``sender`` to ``receiver`` in one round.

    ``link``: ``d2d``, ``uplink``, ``downlink``, or ``compute`` for what a headset spent on itself.
    ``seconds``: time on air (or of computing). ``joules``: spent by headsets.
    """

    round: int
    link: str
    sender: str
    receiver: str
    messages: int
    bytes: int
    seconds: float
    joules: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Total:
    """Sums over some rows."""

    messages: int
    bytes: int
    seconds: float
    joules: float


def total(rows: Iterable[Row], link: str | None = None) -> Total:
    """Sums over the rows of one kind of link, or over all of them."""
    some = [row for row in rows if link is None or row.link == link]
    return Total(
        sum(row.messages for row in some),
        sum(row.bytes for row in some),
        sum(row.seconds for row in some),
        sum(row.joules for row in some),
    )


def d2d_row(number: int, sender: Headset, receiver: Headset, sizes: Sequence[int]) -> Row:
    """Messages of these sizes, one after the other, at the rate of the slower side."""
    rates = [r for r in (sender.d2d_bytes_per_s, receiver.d2d_bytes_per_s) if r is not None]
    seconds = sum(D2D.seconds(size, min(rates, default=None)) for size in sizes)
    return Row(
        number,
        D2D.name,
        sender.name,
        receiver.name,
        len(sizes),
        sum(sizes),
        seconds,
        seconds * D2D.watts,
    )


def uplink_row(number: int, sender: Headset, size: int) -> Row:
    """One message to the server."""
    seconds = UPLINK.seconds(size, sender.server_bytes_per_s)
    return Row(number, UPLINK.name, sender.name, SERVER, 1, size, seconds, seconds * UPLINK.watts)


def downlink_row(number: int, receiver: Headset, size: int) -> Row:
    """One message from the server."""
    seconds = DOWNLINK.seconds(size, receiver.server_bytes_per_s)
    return Row(
        number, DOWNLINK.name, SERVER, receiver.name, 1, size, seconds, seconds * DOWNLINK.watts
    )


def adapt_rows(
    number: int, here: Sequence[Headset], learned: Updates, union: bool, codec: NumberFormat
) -> tuple[list[Row], list[Row], list[Row]]:
    """Local adaptation of the headsets ``here``, as the caller reports it: compute rows.

    With ``union`` also what pooled training moves: raw samples up, and the model back down.
    """
    effort = learned.effort
    if effort is None:
        return [], [], []
    costs = zip(here, effort.seconds.tolist(), effort.joules.tolist(), strict=True)
    compute = [Row(number, "compute", h.name, h.name, 0, 0, s, j) for h, s, j in costs]
    if not union or effort.raw_bytes is None:
        return compute, [], []
    raw = [int(n) for n in effort.raw_bytes.tolist()]
    model = packet_bytes(learned.blocks, learned.owns, codec).tolist()
    up = [uplink_row(number, h, n) for h, n in zip(here, raw, strict=True)]
    return compute, up, [downlink_row(number, h, n) for h, n in zip(here, model, strict=True)]


def written(*steps: list[Row]) -> tuple[tuple[Row, ...], float]:
    """All rows, and the seconds of the round: each step takes as long as its slowest row."""
    seconds = sum(max((row.seconds for row in step), default=0.0) for step in steps)
    return tuple(row for step in steps for row in step), seconds


def consensus_rows(
    number: int,
    cluster: Cluster,
    here: Sequence[Headset],
    blocks: Blocks,
    carried: Tensor,
    rounds: int,
    codec: NumberFormat,
    beside: Mapping[tuple[int, int], Sequence[int]] | None = None,
) -> list[Row]:
    """One row per directed link of the cluster over all its D2D exchanges.

    ``here`` are its members; ``carried`` (s, K) bool: the blocks with weight before the first
    exchange. Each exchange passes them on by one hop, so messages grow until
    everything has been everywhere. ``beside`` them go these bytes, by link and exchange; after the
    last exchange of blocks, in messages of their own.
    """
    beside = beside or {}
    hears = (cluster.links | torch.eye(len(cluster), dtype=torch.bool)).double()
    sizes: list[list[int]] = [[] for _ in cluster.members]
    for _ in range(rounds):
        for k, size in enumerate(packet_bytes(blocks, carried, codec).tolist()):
            sizes[k].append(size)
        carried = hears @ carried.double() > 0
    both = [
        (a, b, [x + y for x, y in zip_longest(sizes[a], beside.get((a, b), ()), fillvalue=0)])
        for a, b in cluster.links.nonzero().tolist()
    ]
    return [d2d_row(number, here[a], here[b], [n for n in s if n]) for a, b, s in both if any(s)]
