"""The analytic head: its sums are exact under any split, and leaving out is exact."""

from __future__ import annotations

import torch

from agent.analytic import FEATURES, Sums, calibrate, features, flatten, unflatten


def _data(seed: int, n: int = 60, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(classes, (n,), generator=g)
    x = torch.randn(n, 10, generator=g) + 2.5 * torch.nn.functional.one_hot(label, 10)
    rows = {"k": (x, torch.arange(n))}
    return features(rows, ("k",), (10,), n), label


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    z, y = _data(0)
    whole = Sums.of(z, y, 3)
    parts = Sums.of(z[:20], y[:20], 3).plus(Sums.of(z[20:], y[20:], 3))
    torch.testing.assert_close(parts.a, whole.a, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(parts.solve(0.1), whole.solve(0.1), atol=1e-4, rtol=1e-3)


def test_w_is_ridge_regression() -> None:
    """(A + λ mean(diag A) I)⁻¹ B, the dumb way in double precision."""
    z, y = _data(1)
    zz, one_hot = z.double(), torch.nn.functional.one_hot(y, 3).double()
    a = zz.T @ zz
    want = torch.linalg.inv(a + 0.3 * a.diagonal().mean() * torch.eye(FEATURES)) @ zz.T @ one_hot
    torch.testing.assert_close(
        Sums.of(z, y, 3).solve(0.3).double(), want, atol=1e-4, rtol=1e-3
    )


def test_leaving_out_equals_never_having_seen() -> None:
    z, y = _data(2)
    total = Sums.of(z, y, 3).plus(Sums.of(z[:15], y[:15], 3), -1.0)
    torch.testing.assert_close(
        total.solve(0.1), Sums.of(z[15:], y[15:], 3).solve(0.1), atol=1e-3, rtol=1e-2
    )


def test_it_travels_flat_and_comes_back() -> None:
    z, y = _data(3)
    sums = Sums.of(z, y, 3)
    back = unflatten(flatten(sums), FEATURES, 3)
    assert torch.equal(back.a, sums.a)
    assert torch.equal(back.b, sums.b)
    assert torch.equal(back.n, sums.n)


def test_it_learns_what_a_label_teaches() -> None:
    z, y = _data(4, 200)
    weights = Sums.of(z[:100], y[:100], 3).solve(0.1)
    assert ((z[100:] @ weights).argmax(1) == y[100:]).float().mean() > 0.8


def test_without_a_summary_it_is_silent() -> None:
    z = features({}, ("k",), (10,), 4)
    assert torch.equal(z, torch.zeros(4, FEATURES))


def test_calibration_prefers_more_ridge_for_noise() -> None:
    """Labels that say nothing must not be believed: less sharp than clear ones."""
    clear = [_data(s, 80) for s in range(4)]
    g = torch.Generator().manual_seed(9)
    noise = [(z, torch.randint(3, y.shape, generator=g)) for z, y in clear]
    sharp = calibrate(clear, 3)[1] / calibrate(clear, 3)[0]
    dull = calibrate(noise, 3)[1] / calibrate(noise, 3)[0]
    assert sharp > dull
