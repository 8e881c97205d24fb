"""Each hand-written piece equals its plain formula, forward and backward, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tolerance import rounding
from torch import Tensor
from torch.nn import functional

from fedxr.agent.model.backbone import attend_within
from fedxr.agent.model.lora import lora_linear, stack_ranks
from fedxr.agent.model.ops import attention, rms_norm, rotary, split_heads, swiglu

Formula = Callable[..., Tensor | tuple[Tensor, ...]]


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _same(ours: Formula, plain: Formula, *inputs: Tensor, size: float = 1.0) -> None:
    """Values, with and without gradients, and the gradients of a random projection of them.

    No sum in them has more terms than an input has numbers; ``size`` is how large they are on
    their way, in sizes of the result."""
    terms = max(x.numel() for x in inputs)

    def same(x: Tensor, y: Tensor) -> None:
        atol = rounding(torch.float64, terms, size * y.detach())
        torch.testing.assert_close(x, y, atol=atol, rtol=0)

    results = []
    for f in (ours, plain):
        leaves = [x.detach().clone().requires_grad_(x.requires_grad) for x in inputs]
        out = f(*leaves)
        outs = out if isinstance(out, tuple) else (out,)
        weights = [_random(*o.shape, seed=9 + i).to(o.dtype) for i, o in enumerate(outs)]
        total = sum((o * w).sum() for o, w in zip(outs, weights, strict=True))
        wanted = [x for x in leaves if x.requires_grad]
        results.append([*outs, *torch.autograd.grad(total, wanted)])  # type: ignore[arg-type]
    for x, y in zip(*results, strict=True):
        assert x.shape == y.shape
        same(x, y)
    with torch.no_grad():  # answering takes a shorter way
        alone = ours(*(x.detach() for x in inputs))
    for x, y in zip(alone if isinstance(alone, tuple) else (alone,), outs, strict=True):
        same(x, y.detach())


def test_rms_norm() -> None:
    x = _random(3, 5, 16).requires_grad_()

    def plain(x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 1e-3).sqrt()

    _same(lambda x: rms_norm(x, 1e-3), plain, x)


def test_swiglu() -> None:
    x = _random(2, 3, 20).requires_grad_()
    _same(swiglu, lambda x: functional.silu(x[..., :10]) * x[..., 10:], x)


@pytest.mark.parametrize("kv", [4, 2])
def test_split_heads_turns_as_complex_numbers_do(kv: int) -> None:
    """Llama's half split: (x[i], x[i + E/2]) is a complex number, multiplied by exp(i · angle)."""
    h, b, n, heads, each, base = 2, 3, 5, 4, 8, 100.0
    qkv = _random(h, b, n, heads + 2 * kv, each).requires_grad_()
    ticks = torch.randint(0, 1000, (h, b, n), generator=torch.Generator().manual_seed(1))
    cos, sin = rotary(ticks, each, base, torch.float64)

    def plain(qkv: Tensor) -> tuple[Tensor, ...]:
        number = torch.complex(qkv[..., : each // 2], qkv[..., each // 2 :])
        angle = ticks[..., None, None] * base ** (-2 * torch.arange(each // 2).double() / each)
        turned = number * torch.polar(torch.ones_like(angle), angle)
        turned = torch.cat((turned.real, turned.imag), -1)
        q, k = turned[..., :heads, :], turned[..., heads : heads + kv, :]
        return tuple(t.transpose(2, 3) for t in (q, k, qkv[..., heads + kv :, :]))

    # An angle of some hundred is as inexact as its size; sine and cosine are then off by as much.
    size = float(ticks.max())
    _same(lambda x: split_heads(x, cos, sin, heads), plain, qkv, size=size)


@pytest.mark.parametrize("kv", [4, 2, 1])
def test_attention_is_that_of_torch(kv: int) -> None:
    h, b, n, s, heads, each = 2, 3, 5, 7, 4, 8
    q = _random(h, b, heads, n, each, seed=1).requires_grad_()
    k = _random(h, b, kv, s, each, seed=2).requires_grad_()
    v = _random(h, b, kv, s, each, seed=3).requires_grad_()
    bias = _random(h, b, n, s, seed=4)

    def plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        k, v = (t.repeat_interleave(heads // kv, 2) for t in (k, v))
        seen = functional.scaled_dot_product_attention(q, k, v, bias[:, :, None])
        return seen.transpose(2, 3).flatten(3)

    _same(lambda q, k, v: attention(q, k, v, bias), plain, q, k, v)


def test_attend_within_sees_what_the_mask_shows() -> None:
    """The dumb way: for each position alone, softmax over the positions that it may see."""
    h, b, n, heads, each = 2, 2, 6, 2, 4
    q, k, v = (_random(h, b, heads, n, each, seed=i) for i in range(3))
    mask = _random(h, b, 1, n, n, seed=5) > 0
    mask |= torch.eye(n, dtype=torch.bool)
    found = attend_within(mask)(0, q, k, v).view(h, b, n, heads, each)
    for i in range(n):
        for row in range(h):
            for episode in range(b):
                seen = mask[row, episode, 0, i]
                scores = k[row, episode][:, seen] @ q[row, episode, :, i, :, None] / each**0.5
                expected = (torch.softmax(scores, 1) * v[row, episode][:, seen]).sum(1)
                torch.testing.assert_close(found[row, episode, i], expected)


@pytest.mark.parametrize("own_a", [False, True], ids=["common A", "own A"])
@pytest.mark.parametrize("need_x", [False, True], ids=["first layer", "later layer"])
def test_lora_linear(own_a: bool, need_x: bool) -> None:
    rows, rank = 3, 2
    x = _random(rows, 2, 5, 8, seed=1).requires_grad_(need_x)
    weight = _random(6, 8, seed=2)
    a = _random(rows, rank, 8, seed=3).requires_grad_() if own_a else _random(rank, 8, seed=3)
    b = _random(rows, rank, 6, seed=4).requires_grad_()

    def plain(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        own = [a[i] if own_a else a for i in range(rows)]
        return torch.stack([x[i] @ (weight.T + own[i].T @ b[i]) for i in range(rows)])

    _same(lambda x, a, b: lora_linear(x, weight, (a, b)), plain, x, a, b)


def test_lora_linear_without_an_adapter_is_the_base() -> None:
    x, weight = _random(1, 2, 3, 4), _random(5, 4)
    assert torch.equal(lora_linear(x, weight, None), functional.linear(x, weight))


@pytest.mark.parametrize("widths", [[4, 3, 2], [9]], ids=["three layers", "one layer"])
def test_stack_ranks_gives_each_layer_rows_of_its_own(widths: list[int]) -> None:
    """The dumb way: a block-diagonal matrix of each part and headset, one part below the other."""
    shared, personal = _random(2, 3, 9).requires_grad_(), _random(2, 2, 9, seed=1).requires_grad_()

    def plain(shared: Tensor, personal: Tensor) -> Tensor:
        pairs = zip(2.0 * shared, 0.5 * personal, strict=True)
        return torch.stack(
            [torch.cat([torch.block_diag(*b.split(widths, 1)) for b in pair]) for pair in pairs]
        )

    def ours(*parts: Tensor) -> Tensor:
        return stack_ranks(list(parts), [2.0, 0.5], widths, torch.float64)

    _same(ours, plain, shared, personal)


def test_bf16_is_close_to_exact() -> None:
    """Rounding of one operand is 2⁻⁹; the pieces add a small multiple of it."""
    qkv = _random(2, 3, 5, 12, 8)
    cos, sin = rotary(torch.arange(5).expand(2, 3, 5), 8, 1e4, torch.float64)

    def run(dtype: torch.dtype) -> Tensor:
        q, k, v = split_heads(qkv.to(dtype), cos.to(dtype), sin.to(dtype), 4)
        return attention(q, k, v, torch.zeros(2, 3, 5, 5, dtype=dtype))

    exact = run(torch.float64)
    assert (run(torch.bfloat16).double() - exact).abs().max() < 16 * 2**-9 * exact.abs().max()
