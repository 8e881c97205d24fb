"""Low-rank layers of many headsets at once, with their backward passes written by hand.

LoRA (Hu et al., arXiv:2106.09685), each headset with an adapter of its own over one frozen weight.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def _lora(x: Tensor, weight: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """x Wᵀ + (x Aᵀ) B, and x Aᵀ: x (H, M, in), A (K, in) or (H, K, in), B (H, K, out)."""
    rows, m, _ = x.shape
    y = functional.linear(x.view(rows * m, -1), weight).view(rows, m, -1)
    inner = functional.linear(x, a) if a.dim() == 2 else torch.bmm(x, a.transpose(1, 2))
    return y.baddbmm_(inner, b), inner


class _LoraLinear(torch.autograd.Function):
    """No frozen dW, no dA where A is frozen, and products in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor) -> Tensor:
        y, inner = _lora(x, weight, a, b)
        ctx.save_for_backward(x, weight, a, b, inner)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, a, b, inner = ctx.saved_tensors
        dy = grads[0].contiguous()
        rows, m, out = dy.shape
        need_x, _, need_a, need_b = ctx.needs_input_grad
        db = torch.bmm(inner.transpose(1, 2), dy) if need_b else None
        dinner = torch.bmm(dy, b.transpose(1, 2)) if need_x or need_a else None
        da = torch.bmm(dinner.transpose(1, 2), x) if need_a and dinner is not None else None
        dx = None
        if need_x and dinner is not None:
            dx = torch.mm(dy.view(rows * m, out), weight)
            if a.dim() == 2:
                dx = dx.addmm_(dinner.view(rows * m, -1), a).view(rows, m, -1)
            else:
                dx = dx.view(rows, m, -1).baddbmm_(dinner, a)
        return dx, None, da, db


def lora_linear(x: Tensor, weight: Tensor, pair: tuple[Tensor, Tensor] | None) -> Tensor:
    """x Wᵀ + (x Aᵀ) B, each headset with its own B (and A): (H, B, N, in) -> (H, B, N, out).

    LoRA (Hu et al., arXiv:2106.09685) with the scale α/R inside B. ``pair`` is (A, B); A (K, in)
    is frozen and common to all (FFA-LoRA, arXiv:2403.12313), A (H, K, in) is each headset's own.
    """
    if pair is None:
        return functional.linear(x, weight)
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    y: Tensor
    if torch.is_grad_enabled():
        y = _LoraLinear.apply(flat, weight, *pair)  # type: ignore[no-untyped-call]
    else:
        y = _lora(flat, weight, *pair)[0]
    return y.view(*x.shape[:-1], -1)


class _StackRanks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, widths: list[int], scales: list[float], dtype: torch.dtype, *parts: Tensor
    ) -> Tensor:
        ctx.layout = _places(widths, [p.shape[1] for p in parts]), scales
        ctx.dtype = parts[0].dtype
        total = len(widths) * sum(p.shape[1] for p in parts)
        out = parts[0].new_zeros(len(parts[0]), total, sum(widths), dtype=dtype)
        for part, scale, places in zip(parts, scales, ctx.layout[0], strict=True):
            for rows, columns in places:
                torch.mul(part[:, :, columns], scale, out=out[:, rows, columns])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        found: list[Tensor | None] = []
        for need, places, scale in zip(ctx.needs_input_grad[3:], *ctx.layout, strict=True):
            cut = [grads[0][:, rows, columns] for rows, columns in places] if need else None
            found.append(torch.cat(cut, 2).to(ctx.dtype).mul_(scale) if cut else None)
        return None, None, None, *found


def _places(widths: list[int], ranks: list[int]) -> list[list[tuple[slice, slice]]]:
    """For each part and layer: the rows and columns of its block."""
    out, at = [], 0
    for rank in ranks:
        part, left = [], 0
        for width in widths:
            part.append((slice(at, at + rank), slice(left, left + width)))
            at, left = at + rank, left + width
        out.append(part)
    return out


def stack_ranks(
    parts: list[Tensor], scales: list[float], widths: list[int], dtype: torch.dtype
) -> Tensor:
    """B (H, K·ΣR, ΣO) that the K layers of a group and several adapters use at once.

    ``parts`` (H, R, ΣO) hold one adapter each, its K layers (``widths`` O) side by side. Every
    layer of every part gets rows of its own, in that order, zero outside its columns, so that it
    reads its own rows of the stacked A.
    """
    return _StackRanks.apply(widths, scales, dtype, *parts)  # type: ignore[no-any-return, no-untyped-call]
