"""Named blocks of a flat vector: the only thing that leaves a headset.

Legend: H headsets, P length of the flat vector, K blocks.

The model knows layers; the federation knows only that columns ``start`` to ``stop`` of a row are
called ``name``. A headset *owns* a block when its model has that part; how many samples stand
behind its values is the block's weight. Everything in this package moves such rows about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import torch
from torch import Tensor

MOST_SAMPLES = 1e7
"""A headset that claims more samples of one block is not believed: ten a second for eleven days."""


@dataclass(frozen=True)
class Block:
    """Columns ``start`` to ``stop`` of every row.

    ``kind`` says what they hold (``lora_A``, ``lora_B``, ``head``, ...); the exchange
    rules look at it and at nothing else. ``most`` is the largest magnitude that a value can have;
    who brings a larger one is left out of the round.
    """

    name: str
    start: int
    stop: int
    kind: str = ""
    most: float = 1e6

    def __post_init__(self) -> None:
        if not self.name or self.start < 0 or self.stop <= self.start:
            raise ValueError(
                f"block {self.name!r} covers {self.start}..{self.stop}; "
                "give it a name and 0 <= start < stop"
            )

    @property
    def columns(self) -> slice:
        return slice(self.start, self.stop)

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Factors:
    """Where a row has the factors of one low-rank change ΔW = Bᵀ A: the columns of ``a`` (r, in)
    and ``b`` (r, out), int64. A rank's columns of one factor are of one block."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True)
class Blocks:
    """All blocks of a row, in order and without gaps: they tile columns 0 to P. ``factors``: which
    of them belong together, for exchange ``stacked``."""

    all: tuple[Block, ...]
    factors: tuple[Factors, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        end = 0
        for block in self.all:
            if block.start != end:
                raise ValueError(
                    f"block {block.name!r} starts at column {block.start}, but the one before it "
                    f"ends at {end}; blocks must follow each other without gap or overlap"
                )
            end = block.stop
        names = [block.name for block in self.all]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            raise ValueError(f"blocks need different names and at least one block; twice: {twice}")

    @classmethod
    def of(cls, parameters: Iterable[tuple[str, Tensor]]) -> Blocks:
        """A block for each of a model's ``named_parameters()``, in their order: that of
        ``torch.nn.utils.parameters_to_vector``, which makes the row."""
        blocks, start = [], 0
        for name, values in parameters:
            blocks.append(Block(name, start, start + values.numel()))
            start += values.numel()
        return cls(tuple(blocks))

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Block]:
        return iter(self.all)

    @property
    def length(self) -> int:
        """P."""
        return self.all[-1].stop

    @cached_property
    def sizes(self) -> Tensor:
        """(K,) int64: columns in each block."""
        return torch.tensor([block.size for block in self.all])

    @cached_property
    def _stops(self) -> Tensor:
        return torch.tensor([block.stop for block in self.all])

    def at(self, columns: Tensor) -> Tensor:
        """Of which block each of the ``columns`` is."""
        return torch.bucketize(columns.contiguous(), self._stops, right=True)

    def tiles(self, columns: slice, most: int) -> Iterator[slice]:
        """The blocks in ``columns``, one after another, in parts of at most ``most`` columns."""
        for block in self.all:
            if columns.start <= block.start < columns.stop:
                for start in range(block.start, block.stop, most):
                    yield slice(start, min(start + most, block.stop))

    @cached_property
    def digest(self) -> bytes:
        """8 bytes that two headsets share exactly when their blocks are the same."""
        text = repr([(b.name, b.start, b.stop, b.kind) for b in self.all]).encode()
        return blake2b(text, digest_size=8).digest()


@dataclass(frozen=True, eq=False)
class Effort:
    """What local adaptation cost each headset; for the ledger and the deadline, never sent.

    ``seconds`` and ``joules``: (H,). ``raw_bytes``: (H,), size of the raw samples behind the
    update; only pooled training, which moves them, needs it.
    """

    seconds: Tensor
    joules: Tensor
    raw_bytes: Tensor | None = None

    def rows(self, rows: Tensor) -> Effort:
        raw = None if self.raw_bytes is None else self.raw_bytes[rows]
        return Effort(self.seconds[rows], self.joules[rows], raw)


@dataclass(frozen=True, init=False, eq=False)
class Updates:
    """What H headsets have to say: row h of ``values`` is headset h's flat vector.

    ``values``: (H, P) floating. ``weights``: (H, K), the number of samples behind a block, 0 where
    the headset has nothing to say about it; the content of such a block is never looked at. What
    cannot be a number of samples makes its headset :meth:`broken`, and nobody else.
    ``owns``: (H, K) bool, who takes part in a block's result; by default whoever has weight. A
    headset that has the block but no sample yet owns it with weight 0: it listens only. During
    consensus a headset also carries weight for blocks that it does not own and only passes on.
    """

    blocks: Blocks
    values: Tensor
    weights: Tensor
    owns: Tensor
    effort: Effort | None = None

    def __init__(
        self,
        blocks: Blocks,
        values: Tensor,
        weights: Tensor,
        owns: Tensor | None = None,
        effort: Effort | None = None,
    ) -> None:
        for name, value in (
            ("blocks", blocks),
            ("values", values),
            ("weights", weights.to(torch.float64)),
            ("owns", weights > 0 if owns is None else owns),
            ("effort", effort),
        ):
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        n = len(self.values)
        want = {"values": (n, self.blocks.length), "weights": (n, len(self.blocks))}
        want["owns"] = want["weights"]
        for name, shape in want.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"updates: {name} has shape {got}; expected {shape} (H rows)")
        if not self.values.is_floating_point():
            raise ValueError(f"updates: values are {self.values.dtype}; give floating point")

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, rows: Tensor) -> Updates:
        """The updates of some headsets, in the order given (a copy)."""
        effort = None if self.effort is None else self.effort.rows(rows)
        return Updates(self.blocks, self.values[rows], self.weights[rows], self.owns[rows], effort)

    def only(self, exchanged: Tensor) -> Updates:
        """As if nobody owned the blocks where ``exchanged`` (K,) is False. No values are copied."""
        return replace(self, weights=self.weights * exchanged, owns=self.owns & exchanged)

    def runs(self, by_kind: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """Columns and weights (H,) of neighbouring blocks that have the same weights, and with
        ``by_kind`` the same kind.

        Products over a run are as large as they can be; blocks without weight are left out.
        """
        same_as_last = (self.weights[:, 1:] == self.weights[:, :-1]).all(0).tolist()
        blocks, start = self.blocks.all, 0
        for k, block in enumerate(blocks):
            goes_on = k + 1 < len(blocks) and same_as_last[k]
            if goes_on and not (by_kind and blocks[k + 1].kind != block.kind):
                continue
            weight_H = self.weights[:, k]
            if bool((weight_H > 0).any()):
                yield slice(start, block.stop), weight_H
            start = block.stop

    def broken(self) -> Tensor:
        """(H,) bool: whether a value that has weight is no finite number or larger than its block
        can hold, or a count of samples is none, or larger than anybody's."""
        counts = (self.weights >= 0) & (self.weights <= MOST_SAMPLES)  # False for NaN
        broken_H = ~counts.all(1)
        for k, block in enumerate(self.blocks):
            # one pass, no (H, P) copy; NaN is not <= anything
            largest_H = torch.linalg.vector_norm(self.values[:, block.columns], torch.inf, dim=1)
            broken_H |= (self.weights[:, k] > 0) & ~(largest_H <= block.most)
        return broken_H


def root_mean_square(blocks: Blocks, values: Tensor, less: Tensor, rows: Tensor) -> Tensor:
    """(H, K) float64 of the difference of each block of ``values`` (H, P) to ``rows`` (H,) of
    ``less``."""
    out = torch.zeros(len(values), len(blocks), dtype=torch.float64)
    for k, block in enumerate(blocks):  # block by block, no (H, P) copy
        part = values[:, block.columns] - less[rows, block.columns]
        out[:, k] = torch.linalg.vector_norm(part, dim=1).double() / block.size**0.5
    return out
