"""The pieces of a transformer layer with their backward passes written by hand.

Torch's own ops are correct but pass over memory two to four times as often; on a CPU, where a
small model is bound by memory, that is most of the time. Each function equals the plain formula
in its docstring (tests/agent/test_ops.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        width = x.shape[-1]
        exact = torch.promote_types(x.dtype, torch.float32)
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=exact).square_()
        inverse = square.div_(width).add_(epsilon).rsqrt_().to(x.dtype)
        y: Tensor = x * inverse
        ctx.save_for_backward(y, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        y, inverse = ctx.saved_tensors
        mean = torch.linalg.vecdot(grads[0], y).div_(y.shape[-1])[..., None]
        return torch.addcmul(grads[0], y, mean, value=-1).mul_(inverse), None


def rms_norm(x: Tensor, epsilon: float) -> Tensor:
    """x / sqrt(mean(x²) + ε) over the last axis; the gain belongs to the weights that follow."""
    if not torch.is_grad_enabled():
        return functional.rms_norm(x, x.shape[-1:], None, epsilon)
    return _RmsNorm.apply(x, epsilon)  # type: ignore[no-any-return, no-untyped-call]


class _SwiGlu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, joined: Tensor) -> Tensor:
        gate, up = joined.chunk(2, -1)
        opened = functional.silu(gate)
        ctx.save_for_backward(joined, opened)
        return opened * up

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        joined, opened = ctx.saved_tensors
        gate, up = joined.chunk(2, -1)
        out = torch.empty_like(joined)
        dgate, dup = out.chunk(2, -1)
        torch.mul(opened, grads[0], out=dup)
        torch.ops.aten.silu_backward.grad_input(grads[0] * up, gate, grad_input=dgate)
        return out


def swiglu(joined: Tensor) -> Tensor:
    """silu(gate) · up of ``joined`` = (gate, up) on the last axis (arXiv:2002.05202)."""
    if not torch.is_grad_enabled():
        gate, up = joined.chunk(2, -1)
        return functional.silu(gate).mul_(up)
    return _SwiGlu.apply(joined)  # type: ignore[no-any-return, no-untyped-call]


def rotary(ticks: Tensor, each: int, base: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin (H, B, 1, N, E) of the angles of ``ticks`` (H, B, N), Llama's half split: the
    two halves of E share their angles, and sin is negative in the first.

    Computed in float64, which keeps days of ticks exact.
    """
    speed = base ** (-torch.arange(0, each, 2, dtype=torch.float64, device=ticks.device) / each)
    angle = ticks.to(torch.float64)[:, :, None, :, None] * speed
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((cos, cos), -1).to(dtype), torch.cat((-sin, sin), -1).to(dtype)


def _swapped(x: Tensor) -> Tensor:
    """The two halves of the last axis, exchanged."""
    low, high = x.chunk(2, -1)
    return torch.cat((high, low), -1)


def _split(qkv: Tensor, cos: Tensor, sin: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    narrow = (qkv.shape[3] - heads) // 2
    q, k, v = (t.transpose(2, 3).contiguous() for t in torch.split(qkv, [heads, narrow, narrow], 3))
    q, k = (_swapped(t).mul_(sin).addcmul_(t, cos) for t in (q, k))
    return q, k, v


class _SplitHeads(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor, heads: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(cos, sin)
        return _split(qkv, cos, sin, heads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        cos, sin = ctx.saved_tensors
        dq, dk, dv = grads
        sizes = [d.shape[2] for d in grads]
        h, b, _, n, each = dq.shape
        out = dq.new_empty(h, b, n, sum(sizes), each)
        q, k, v = (t.transpose(2, 3) for t in torch.split(out, sizes, 3))
        for place, d in ((q, dq), (k, dk)):
            place.copy_((d * cos).addcmul_(_swapped(d), sin, value=-1))
        v.copy_(dv)
        return out, None, None, None


def split_heads(qkv: Tensor, cos: Tensor, sin: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """q (H, B, G, N, E), k and v (H, B, V, N, E) of qkv (H, B, N, G + 2V, E), q and k turned.

    Rotary positions (arXiv:2104.09864): t · cos + swapped(t) · sin with :func:`rotary`'s tables,
    where swapped exchanges the two halves of E.
    """
    if not torch.is_grad_enabled():
        return _split(qkv, cos, sin, heads)
    return _SplitHeads.apply(qkv, cos, sin, heads)  # type: ignore[no-any-return, no-untyped-call]


def _softmax(x: Tensor) -> Tensor:
    """Over the last axis. In bf16 torch is several times slower unless its width divides by 16."""
    if x.dtype == torch.bfloat16 and x.shape[-1] % 16:
        return torch.softmax(x, -1, dtype=torch.float32).to(x.dtype)
    return torch.softmax(x, -1)


def _weights(q: Tensor, k: Tensor, bias: Tensor) -> Tensor:
    """(M, N, S): how much of each place is seen, from q (M, N, E) and k (M, S, E)."""
    scale, (m, n, s) = q.shape[-1] ** -0.5, (*q.shape[:2], k.shape[1])
    scores = torch.bmm(q, k.transpose(1, 2)).view(len(bias), -1, n, s)
    return _softmax(torch.add(bias, scores, alpha=scale)).view(m, n, s)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        p = _weights(q, k, bias)
        ctx.save_for_backward(q, k, v, p)
        return torch.bmm(p, v)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, p = ctx.saved_tensors
        exact = torch.promote_types(p.dtype, torch.float32)
        dv = torch.bmm(p.transpose(1, 2), grads[0])
        dp = torch.bmm(grads[0], v.transpose(1, 2)).to(exact)
        ds = torch.ops.aten._softmax_backward_data(dp, p.to(exact), -1, exact)
        ds = ds.mul_(q.shape[-1] ** -0.5).to(q.dtype)
        return torch.bmm(ds, k), torch.bmm(ds.transpose(1, 2), q), dv, None


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """softmax(q kᵀ / √E + bias) v, heads side by side: (H, B, N, G·E).

    q (H, B, G, N, E), k and v (H, B, V, S, E) with G a multiple of V, bias (H, B, N, S).
    Explicit products: at these lengths they are several times faster on a CPU than the fused
    attention of torch, in bf16 most of all.
    """
    h, b, heads, n, each = q.shape
    if heads != k.shape[2]:
        k, v = (t.repeat_interleave(heads // t.shape[2], 2) for t in (k, v))
    q, k, v = (t.reshape(h * b * heads, -1, each) for t in (q, k, v))
    bias = bias.reshape(h * b, 1, n, -1)
    seen: Tensor
    if torch.is_grad_enabled():
        seen = _Attention.apply(q, k, v, bias)  # type: ignore[no-untyped-call]
    else:
        seen = torch.bmm(_weights(q, k, bias), v)
    return seen.view(h, b, heads, n, each).transpose(2, 3).reshape(h, b, n, -1)
