"""The average of several updates, block by block over the headsets that own the block.

Legend: H headsets, P columns, K blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fedxr.federation.blocks import Updates

COLUMNS = 16_384
"""Columns per product: with 64 rows of float32 that is 4 MB, which the cache still holds."""


def average(updates: Updates) -> Updates:
    """One row: each block's mean over the headsets with weight, by weight (FedAvg).

    Never averages zeros in: a headset that does not own a block has no say in it, whatever its row
    holds there. A block without any owner has weight 0 in the result.
    """
    values = blank(updates, 1)
    for columns, weight_H in updates.runs():
        share_1H = (weight_H / weight_H.sum())[None]
        product(share_1H, updates.values[:, columns], weight_H > 0, values[:, columns])
    return Updates(
        updates.blocks,
        values,
        updates.weights.sum(0, keepdim=True),
        updates.owns.any(0, keepdim=True),
    )


def blank(updates: Updates, rows: int) -> Tensor:
    """(rows, P) to be filled run by run; 0 already where no run will come, as nobody has weight."""
    values = updates.values.new_empty(rows, updates.blocks.length)
    for block, weight in zip(updates.blocks, updates.weights.sum(0).tolist(), strict=True):
        if weight == 0:
            values[:, block.columns] = 0.0
    return values


def product(shares: Tensor, values: Tensor, owners: Tensor, out: Tensor) -> None:
    """out (R, p) = shares (R, H) @ values (H, p) over the rows where ``owners`` (H,) is True.

    The others' rows are not read at all: 0 x NaN would be NaN.
    """
    if not bool(owners.all()):
        shares, values = shares[:, owners], values[owners]
    shares = shares.to(values.dtype)
    for start in range(0, values.shape[1], COLUMNS):
        part = slice(start, start + COLUMNS)
        torch.mm(shares, values[:, part], out=out[:, part])


def disagreement(values: Tensor, updates: Updates, mean: Updates) -> float:
    """Root mean square of ``values`` (H, P) - ``mean`` over the blocks that each headset owns."""
    square, count = 0.0, 0
    for columns, weight_H in updates.runs():
        rows = weight_H > 0
        deviation = values[:, columns] if bool(rows.all()) else values[rows][:, columns]
        square += float((deviation - mean.values[:, columns]).square().sum(dtype=torch.float64))
        count += deviation.numel()
    return (square / count) ** 0.5 if count else 0.0
