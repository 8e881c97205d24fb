"""The ridge head: its sums are exact under any split, and leaving out is exact."""

from __future__ import annotations

import torch
from tolerance import rounding

from fedxr.agent.checkpoints.ridge_fit import GRID, UserExamples, fit
from fedxr.agent.model.nystroem import FEATURES, JITTER, WIDTH, Nystroem, landmarks_from
from fedxr.agent.model.ridge_head import Fit, RidgeHead, RidgeStats, flatten, unflatten


def _rows(seed: int, n: int = 60, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Summaries (n, 10 + 1) of which the first three tell the label (n,)."""
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(classes, (n,), generator=g)
    x = torch.randn(n, 10, generator=g) + 2.5 * torch.nn.functional.one_hot(label, 10)
    return torch.cat((x, torch.ones(n, 1)), 1), label


def _kernel() -> Nystroem:
    return Nystroem(("k",), (10,), landmarks_from(_rows(99, 200)[0], 0))


def _data(seed: int, n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    x, label = _rows(seed, n)
    return _kernel().of(x), label


def test_features_make_the_kernel_where_there_are_landmarks() -> None:
    """z·z' less the constant is exp(-|x - x'|² / 8X) between landmarks: K (K + εI)⁻¹ K, which is ε
    less at most; z is a sum over landmarks with factors up to ‖R⁻¹‖ = 1 / √ε."""
    kernel = _kernel()
    x = torch.cat((kernel.landmarks, torch.ones(len(kernel.landmarks), 1)), 1)
    z = kernel.of(x)[:, :-1]
    want = torch.exp(-(WIDTH**2) * torch.cdist(x, x) ** 2 / 20)
    atol = JITTER + 2 * rounding(torch.float32, len(x), JITTER**-0.5)  # z as often as z'
    torch.testing.assert_close(z @ z.T, want, atol=atol, rtol=0)


def test_an_absent_channel_counts_as_average() -> None:
    land = torch.randn(30, 10, generator=torch.Generator().manual_seed(0)).half().float()
    kernel = Nystroem(("a", "b"), (4, 6), land)
    a, at = torch.randn(5, 4), torch.arange(5)
    alone = kernel.features({"a": (a, at)}, 5)
    beside = kernel.features({"a": (a, at), "b": (torch.zeros(5, 6), at)}, 5)
    torch.testing.assert_close(alone, beside)


def _regularised(a: torch.Tensor, ridge: float) -> torch.Tensor:
    """A + λ mean(diag A) I, in double precision."""
    a = a.double()
    return a + ridge * a.diagonal().mean() * torch.eye(len(a), dtype=a.dtype)


def _assert_same(found: RidgeStats, want: RidgeStats, terms: int, ridge: float) -> None:
    """Sums of ``terms`` rows in double precision, and what they are solved to: there a rounding of
    A grows by its condition (Higham, section 7.2), in single precision to the fourth digit."""
    for x, y in ((found.a, want.a), (found.b, want.b), (found.n, want.n)):
        torch.testing.assert_close(x, y, atol=rounding(torch.float64, terms, y), rtol=0)
    w = want.solve(ridge)
    condition = float(torch.linalg.cond(_regularised(want.a, ridge)))
    atol = condition * rounding(torch.float64, FEATURES + terms, w)
    assert atol < 1e-9
    torch.testing.assert_close(found.solve(ridge), w, atol=atol, rtol=0)


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    z, y = _data(0)
    z = z.double()
    parts = RidgeStats.of(z[:20], y[:20], 3).plus(RidgeStats.of(z[20:], y[20:], 3))
    _assert_same(parts, RidgeStats.of(z, y, 3), len(z), 0.1)


def test_w_is_ridge_regression() -> None:
    """(A + λ mean(diag A) I)⁻¹ B, the dumb way in double precision; of sums in single precision W
    is only rounded to it at the end."""
    z, y = _data(1)
    sums, zz = RidgeStats.of(z, y, 3), z.double()
    one_hot = torch.nn.functional.one_hot(y, 3).double()
    for got, exact in ((sums.a, zz.T @ zz), (sums.b, zz.T @ one_hot)):
        atol = rounding(torch.float32, len(z), exact)
        torch.testing.assert_close(got.double(), exact, atol=atol, rtol=0)
    want = torch.linalg.inv(_regularised(sums.a, 0.3)) @ sums.b.double()
    atol = rounding(torch.float32, 1, want)
    torch.testing.assert_close(sums.solve(0.3).double(), want, atol=atol, rtol=0)


def test_leaving_out_equals_never_having_seen() -> None:
    z, y = _data(2)
    z = z.double()
    total = RidgeStats.of(z, y, 3).plus(RidgeStats.of(z[:15], y[:15], 3), -1.0)
    _assert_same(total, RidgeStats.of(z[15:], y[15:], 3), len(z), 0.1)


def test_it_travels_flat_and_comes_back() -> None:
    z, y = _data(3)
    sums = RidgeStats.of(z, y, 3)
    back = unflatten(flatten(sums), FEATURES, 3)
    assert torch.equal(back.a, sums.a)
    assert torch.equal(back.b, sums.b)
    assert torch.equal(back.n, sums.n)


def test_it_learns_what_a_label_teaches() -> None:
    z, y = _data(4, 200)
    weights = RidgeStats.of(z[:100], y[:100], 3).solve(0.1)
    assert ((z[100:] @ weights).argmax(1) == y[100:]).float().mean() > 0.8


def test_without_a_summary_it_is_silent() -> None:
    z = _kernel().features({}, 4)
    assert torch.equal(z, torch.zeros(4, FEATURES))


def _told(seed: int, shift: float = 0.0, noise: bool = False) -> UserExamples:
    """A user; ``shift`` rotates which label their summaries mean, so that others mislead."""
    x, label = _rows(seed, 60)
    g = torch.Generator().manual_seed(1000 + seed)
    label = torch.randint(3, label.shape, generator=g) if noise else (label + int(shift)) % 3
    return UserExamples(x, label, torch.arange(60) < 30, x[:0], label[:0])


def test_calibration_is_bolder_with_labels_that_say_something() -> None:
    def boldness(noise: bool) -> float:
        found = fit(("k",), (10,), [_told(s, noise=noise) for s in range(4)], 3).fits[0.0]
        return found.sharpness / found.ridge

    assert boldness(noise=False) > boldness(noise=True)


def test_own_sums_count_where_users_differ() -> None:
    """Where everyone means the same, own examples count little more than others'; where each user
    means another label, they need much more. They always count: 0 is none of the weights."""
    alike = fit(("k",), (10,), [_told(s) for s in range(4)], 3)
    apart = fit(("k",), (10,), [_told(s, shift=s) for s in range(4)], 3)
    assert apart.own > alike.own
    assert apart.own >= 10
    assert min(GRID.own) >= 1
    assert set(alike.fits) == {0.0, *GRID.own}  # 0 is the fit of those of whom nothing is known


def test_a_crowd_counts_as_it_would_have_served_pretraining_users() -> None:
    """Everyone means the label that is ``shift`` further; in the federation are those like the one
    who is asked (every other user), and pretrained on were the others. Where both mean the same the
    crowd is worth what it is; where the pretrained mean something else it must outweigh them."""
    same = fit(("k",), (10,), [_told(s) for s in range(6)], 3)
    other = fit(("k",), (10,), [_told(s, shift=s % 2) for s in range(6)], 3)
    assert other.federated > same.federated
    few = fit(("k",), (10,), [_told(s, shift=s % 2) for s in range(3)], 3)
    assert few.federated == 1.0  # three users are no federation and its outside


def test_sums_are_weighted_by_whose_they_are() -> None:
    """prior + κ crowd + w own, the dumb way; and solved with the fit of that w."""
    z, y = _data(6)
    prior, federated, own = (RidgeStats.of(z[i : i + 20], y[i : i + 20], 3) for i in (0, 20, 40))
    fits = {0.0: Fit(0.1, 4.0), 10.0: Fit(1.0, 8.0)}
    ridge = RidgeHead(_kernel(), prior, fits, own=10.0, federated=2.0)
    total = ridge.total(own, federated)
    for part in ("a", "b", "n"):
        want = getattr(prior, part) + 2 * getattr(federated, part) + 10 * getattr(own, part)
        assert torch.equal(getattr(total, part), want)
    assert ridge.total(None) is prior
    assert torch.equal(ridge.weights(total, ridge.own), 8 * total.solve(1.0))
    assert torch.equal(ridge.weights(prior), 4 * prior.solve(0.1))


def test_copies_count_as_much_as_what_they_are_copies_of() -> None:
    x, label = _rows(5, 40)
    plain = UserExamples(x, label, torch.arange(40) < 20, x[:0], label[:0])
    copied = UserExamples(x, label, plain.past, x.repeat(3, 1), label.repeat(3))
    single = fit(("k",), (10,), [plain], 3)
    double = fit(("k",), (10,), [copied], 3)
    torch.testing.assert_close(double.prior.n, 2 * single.prior.n)
