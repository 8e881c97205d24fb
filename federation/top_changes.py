"""Uplinks that carry the largest changes alone (top-k with error feedback).

What goes up is the change since that answer of the server which the sender has heard last, and of
it the numbers that are largest. What is left is added to the next change that the same headset
sends (Stich, Cordonnier and Jaggi, arXiv:1809.07599, algorithm 1), so that nothing is lost for
ever. Whoever has heard no answer yet sends everything.

    4 bytes      length of the header, little-endian
    header       MessagePack: digest of the blocks, number format, weights, the round of the answer
                 that is changed, and how many numbers follow
    places       of these among the columns that are carried: a bit a column, or four bytes a
                 number, whichever is shorter
    blob         the numbers

Legend: P columns, K blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np
import torch
from torch import Tensor

from fedxr.federation.blocks import Blocks, Updates
from fedxr.federation.codec import (
    NumberFormat,
    PacketError,
    format_named,
    numbers_bytes,
    numbers_from,
    numbers_to,
    rounded,
    split,
    weights_from,
    weights_to,
)

PLACE = 4
"""Bytes of a place, where places are listed."""


class Header(msgspec.Struct, array_like=True):
    """``since``: the round of the answer; ``count``: how many numbers follow."""

    digest: bytes
    codec: str
    weights: bytes
    since: int
    count: int


@dataclass(frozen=True, eq=False)
class Change:
    """``numbers`` (count,) in the columns ``where`` (count,), ascending, since the answer of round
    ``since``; ``weights`` (K,) stand behind the blocks."""

    blocks: Blocks
    weights: Tensor
    since: int
    where: Tensor
    numbers: Tensor

    def to_bytes(self, codec: NumberFormat = "float32") -> bytes:
        """As one packet."""
        count, carried = len(self.where), _columns(self.blocks, self.weights)
        header = self._header(codec)
        places = torch.searchsorted(carried, self.where).numpy()
        if _listed(len(carried), count):
            raw = places.astype("<u4").tobytes()
        else:
            marks = np.zeros(len(carried), dtype=bool)
            marks[places] = True
            raw = np.packbits(marks).tobytes()
        size = len(header).to_bytes(4, "little")
        return b"".join((size, header, raw, numbers_to(self.numbers[None], codec)))

    def packet_bytes(self, codec: NumberFormat) -> int:
        """How long that packet is."""
        carried, count = int((self.blocks.sizes * (self.weights > 0)).sum()), len(self.where)
        header = len(self._header(codec))
        return 4 + header + _places_bytes(carried, count) + numbers_bytes(count, codec)

    def _header(self, codec: NumberFormat) -> bytes:
        digest, weights = self.blocks.digest, weights_to(self.weights)
        return msgspec.msgpack.encode(Header(digest, codec, weights, self.since, len(self.where)))

    @classmethod
    def from_bytes(cls, data: bytes, blocks: Blocks) -> Change:
        """Raises PacketError for truncated or foreign bytes, and for other blocks."""
        header, rest = split(data, Header)
        if header.digest != blocks.digest:
            raise PacketError("the packet is of other blocks; both ends must build the same model")
        codec, weights = format_named(header.codec), weights_from(header.weights, len(blocks))
        carried = _columns(blocks, weights)
        if not 0 <= header.count <= len(carried):
            raise PacketError(f"{header.count} numbers of {len(carried)} columns that are carried")
        places = _places_bytes(len(carried), header.count)
        expected = places + numbers_bytes(header.count, codec)
        if len(rest) != expected:
            raise PacketError(f"{len(rest)} bytes of values; the header announces {expected}")
        where = _places_from(rest[:places], len(carried), header.count)
        numbers = numbers_from(rest[places:], header.count, codec)
        return cls(blocks, weights, header.since, carried[where], numbers)


def _columns(blocks: Blocks, weights: Tensor) -> Tensor:
    """Those of the blocks that have weight."""
    return (weights > 0).repeat_interleave(blocks.sizes).nonzero().flatten()


def _listed(columns: int, count: int) -> bool:
    return PLACE * count < (columns + 7) // 8


def _places_bytes(columns: int, count: int) -> int:
    return min(PLACE * count, (columns + 7) // 8)


def _places_from(data: bytes, columns: int, count: int) -> Tensor:
    if _listed(columns, count):
        found = np.frombuffer(data, dtype="<u4").astype(np.int64)
    else:
        found = np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=columns).nonzero()[0]
    if len(found) != count or (count and (found[-1] >= columns or (np.diff(found) <= 0).any())):
        raise PacketError(f"{len(found)} places for {count} numbers, or not in ascending order")
    return torch.from_numpy(found)


@dataclass
class Heard:
    """Which answer (P,) each headset has heard last, by its round, and what each has not yet sent;
    kept for as long as the headsets meet."""

    answers: dict[int, Tensor] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, Tensor] = field(default_factory=dict)

    def hear(self, number: int, answer: Tensor, names: list[str]) -> None:
        """The ``answer`` (P,) of round ``number`` has reached ``names``."""
        self.answers[number] = answer
        self.last |= dict.fromkeys(names, number)
        used = set(self.last.values())
        self.answers = {n: a for n, a in self.answers.items() if n in used}

    def send(
        self, name: str, said: Updates, top: float, codec: NumberFormat
    ) -> tuple[Change, Tensor] | None:
        """Of what ``name`` has to say (one row) the ``top`` part of the numbers, and the row (P,)
        that the server then has; what is not sent is remembered. None where ``name`` has heard no
        answer yet."""
        since, (weights,) = self.last.get(name), said.weights
        if since is None or len(self.answers[since]) != said.blocks.length:
            return None
        columns, answer = _columns(said.blocks, weights), self.answers[since]
        left = self.unsent.get(name, torch.zeros_like(answer)).clone()
        left[columns] += (said.values[0] - answer)[columns]
        count = max(1, round(top * len(columns))) if len(columns) else 0
        best = columns[left[columns].abs().topk(count).indices.sort().values]
        change = Change(said.blocks, weights, since, best, rounded(left[best][None], codec)[0])
        left[best] -= change.numbers
        self.unsent[name], seen = left, answer.clone()
        seen[best] += change.numbers
        return change, seen
