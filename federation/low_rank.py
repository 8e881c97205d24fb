"""The mean of low-rank changes, which is no mean of their factors.

``stacked`` (FlexLoRA, Bai et al., arXiv:2402.11505): of the changes ΔW = Bᵀ A of several headsets,
which may have different ranks, the weighted mean is the product of all factors stacked along the
rank; its best approximation of a lower rank comes from a singular value decomposition. Both are
found without the dense matrix: QR of the stacked factors, and an SVD of their small product.

What to know: a scale such as alpha / r has to be inside B before (or the mean is of something
else). A then comes back with rows of length 1 and B with the singular values, largest first: who
has a lower rank takes the first rows, which are the best of that rank, and rows that nobody has
used yet can still be learned.

Legend: R headsets, r ranks, K blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from fedxr.federation.aggregation import average
from fedxr.federation.blocks import Blocks, Factors, Updates


def factor_blocks(blocks: Blocks) -> Tensor:
    """(K,) bool: blocks that hold factors. Raises ValueError where there are none."""
    if not blocks.factors:
        raise ValueError(
            "exchange 'stacked' needs to know which columns are the factors of one change: give "
            "Blocks(..., factors=(Factors(a, b), ...)), or take another exchange"
        )
    found = torch.zeros(len(blocks), dtype=torch.bool)
    for one in blocks.factors:
        found[blocks.at(one.a[:, 0])] = True
        found[blocks.at(one.b[:, 0])] = True
    return found


def stacked(updates: Updates, mean: Updates | None = None) -> Updates:
    """One row: ``mean`` (the :func:`average`, where none is given) with the factors of the weighted
    mean of the changes, of as high a rank as anybody here has. What has one owner stays as it is.
    """
    mean = average(updates) if mean is None else mean
    values = mean.values.clone()
    by_shape = sorted(updates.blocks.factors, key=_shapes)
    for _, alike in groupby(by_shape, _shapes):
        _fill(updates, alike, values)
    return replace(mean, values=values)


def _shapes(one: Factors) -> tuple[tuple[int, ...], ...]:
    return tuple(one.a.shape), tuple(one.b.shape)


def _fill(updates: Updates, factors: Iterable[Factors], out: Tensor) -> None:
    """The factors of the mean into ``out`` (1, P), for changes of one shape together."""
    chosen, a, b = list[Factors](), list[Tensor](), list[Tensor]()
    for one in factors:
        weight, rows = _owned(updates, one)
        owners = weight > 0
        if int(owners.sum()) < 2:
            continue
        has = rows[owners][..., None]
        share = (weight[owners] / weight.sum())[:, None, None]
        chosen.append(one)
        a.append(torch.where(has, updates.values[owners][:, one.a].double(), 0.0).flatten(0, 1))
        b.append(
            torch.where(has, share * updates.values[owners][:, one.b].double(), 0.0).flatten(0, 1)
        )
    for one, (new_a, new_b) in zip(chosen, _best(a, b), strict=True):
        rank = len(one.a)
        out[0, one.a], out[0, one.b] = new_a[:rank].to(out), new_b[:rank].to(out)


def _owned(updates: Updates, one: Factors) -> tuple[Tensor, Tensor]:
    """(R,) weight behind the change, and (R, r) bool which of its ranks each has."""
    both = [updates.weights[:, updates.blocks.at(f[:, 0])] for f in (one.a, one.b)]
    rows = (both[0] > 0) & (both[1] > 0)
    return both[1][:, 0] * rows[:, 0], rows


def _best(a: list[Tensor], b: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """For each A (m, in) and B (m, out) factors of the same product, by falling singular value; A
    has orthonormal rows."""
    if not a:
        return []
    if len({x.shape for x in a}) > 1:  # owners differ from change to change
        return [pair for one in zip(a, b, strict=True) for pair in _best([one[0]], [one[1]])]
    qa, ra = torch.linalg.qr(torch.stack(a).mT)
    qb, rb = torch.linalg.qr(torch.stack(b).mT)
    left, size, right = torch.linalg.svd(ra @ rb.mT, full_matrices=False)
    return list(zip((qa @ left).mT, (qb @ (right.mT * size[:, None])).mT, strict=True))
