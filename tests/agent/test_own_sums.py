"""The sums of one's own labels: what they cost, what has been added, and what is taken back."""

from __future__ import annotations

import pytest
import torch
from tolerance import rounding

from fedxr.agent.adaptation.own_sums import KEPT, OwnSums, Term, packed, unpacked
from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats, flatten

CLASSES = 5


def terms(count: int, seed: int = 0) -> list[Term]:
    """Features within 1, as they are."""
    made = torch.Generator().manual_seed(seed)
    z = torch.nn.functional.normalize(torch.randn(count, FEATURES, generator=made), dim=1)
    return [Term(row, i % CLASSES) for i, row in enumerate(z)]


def told(some: list[Term], start: OwnSums | None = None) -> OwnSums:
    sums = start or OwnSums(CLASSES)
    for term in some:
        sums = sums.plus(term)
    return sums


def dense(some: list[Term]) -> RidgeStats:
    """Added up in double precision, the dumb way."""
    z = torch.stack([t.z for t in some]).double()
    times = torch.tensor([t.times for t in some]).double()
    label = torch.tensor([t.label for t in some])
    y = torch.nn.functional.one_hot(label, CLASSES).double() * times[:, None]
    return RidgeStats((z * times[:, None]).T @ z, z.T @ y, y.sum(0))


def assert_close(mine: RidgeStats, want: RidgeStats, count: int) -> None:
    for part in "abn":
        got, exact = getattr(mine, part).double(), getattr(want, part)
        atol = rounding(torch.float32, count, exact.abs().max().clamp_min(1.0), layers=3)
        torch.testing.assert_close(got, exact, rtol=0, atol=atol)


@pytest.mark.parametrize("count", [1, 7, KEPT, 2 * KEPT - 1, 2 * KEPT, 5 * KEPT + 3])
def test_they_are_the_sums_of_the_labels(count: int) -> None:
    some = terms(count)
    assert_close(told(some).sums, dense(some), count)
    assert len(told(some).terms) < 2 * KEPT


@pytest.mark.parametrize(("before", "count"), [(0, 3), (5, 5), (5, 9), (90, 250), (300, 310)])
def test_what_has_been_added_is_the_last_terms(before: int, count: int) -> None:
    some = terms(count)
    was = told(some[:before])
    now = told(some[before:], was)
    change = now.change(was)
    rest = some[before:]
    if rest:
        assert_close(change, dense(rest), count)
    else:
        assert not flatten(change).any()
    few = count - before
    said = few * (FEATURES + CLASSES + 1) + CLASSES
    assert now.numbers(was) == (min(said, now.whole) if few < KEPT else now.whole)


def test_nobody_elses_sums_are_its_past() -> None:
    """Whoever comes back with another state is told the difference, as it is."""
    one, other = told(terms(6, 1)), told(terms(4, 2))
    assert one.numbers(other) == one.whole
    assert_close(one.change(other), one.sums.plus(other.sums, -1.0).double(), 10)
    grown = told(terms(3, 3), told(terms(2 * KEPT)))
    assert grown.numbers(None) == grown.whole


def test_what_is_taken_back_leaves_no_rounding_while_it_is_kept() -> None:
    some = terms(12)
    all_but = told(some[:4] + some[5:])
    back = told([*some, Term(some[4].z, some[4].label, -1.0)])
    assert back.sums.same(all_but.sums)
    assert back.same(all_but)
    # The other side has it already, and is told that it is gone.
    assert_close(back.change(told(some)), dense([Term(some[4].z, some[4].label, -1.0)]), 12)
    was = told(some)
    gone = was.plus(Term(some[4].z, some[4].label, -1.0))
    assert gone.numbers(was) == FEATURES + CLASSES + 1 + CLASSES


@pytest.mark.parametrize("count", [1, 2, 40, KEPT])
def test_packed_numbers_say_it_all(count: int) -> None:
    """As many as are counted, one of them taken back among them."""
    some = terms(count)
    if count > 2:
        some[1] = Term(some[1].z, some[1].label, -1.0)
    said = packed(some, CLASSES)
    assert len(said) == count * (FEATURES + CLASSES + 1) + CLASSES
    assert said.dtype == torch.float32
    assert_close(unpacked(said, count, CLASSES), dense(some), count * count)
    with pytest.raises(ValueError, match=f"{len(said) - 1} numbers for {count} terms; there must"):
        unpacked(said[1:], count, CLASSES)


def test_features_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        OwnSums(CLASSES).plus(Term(torch.full((FEATURES,), torch.nan), 0))
