"""Samples dealt out to headsets: each once, as unevenly as was said."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.federation.partitions import Indices, dirichlet, quantity

LABELS = np.random.default_rng(0).integers(0, 5, 2000)


def each_once(parts: list[Indices], count: int) -> bool:
    return bool(np.array_equal(np.sort(np.concatenate(parts)), np.arange(count)))


def classes(part: Indices) -> np.ndarray:
    """(5,) the part of each class among the samples of a headset."""
    counts = np.bincount(LABELS[part], minlength=5)
    return counts / max(1, counts.sum())


@pytest.mark.parametrize("alpha", [0.01, 0.5, 100.0])
def test_each_sample_goes_to_one_headset(alpha: float) -> None:
    for parts in (dirichlet(LABELS.tolist(), 7, alpha, 1), quantity(2000, 7, alpha, 1)):
        assert len(parts) == 7
        assert each_once(parts, 2000)


def test_alpha_says_how_uneven() -> None:
    """Of the classes by Dirichlet, of the amounts by quantity."""
    alike, apart = (dirichlet(LABELS.tolist(), 8, a, 3) for a in (1000.0, 0.05))
    whole = np.bincount(LABELS, minlength=5) / 2000
    assert max(float(np.abs(classes(p) - whole).max()) for p in alike) < 0.1
    assert np.mean([classes(p).max() for p in apart if len(p)]) > 0.7
    even, uneven = ([len(p) for p in quantity(2000, 8, a, 3)] for a in (1000.0, 0.1))
    assert max(even) < 1.3 * min(even)
    assert max(uneven) > 1000


def test_a_seed_repeats_and_another_differs() -> None:
    one, same, other = (dirichlet(LABELS.tolist(), 4, 0.5, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_classes_are_named_and_their_order_is_nothing() -> None:
    """A class that is not there takes nothing from the others."""
    few = [label for label in LABELS.tolist() if label != 2]
    assert each_once(dirichlet(few, 3, 0.5, 0), len(few))
    assert [len(p) for p in dirichlet([], 3, 0.5, 0)] == [0, 0, 0]


def test_what_cannot_be_dealt_is_refused() -> None:
    with pytest.raises(ValueError, match="0 headsets"):
        dirichlet([0, 1], 0, 0.5, 0)
    with pytest.raises(ValueError, match="alpha inf"):
        dirichlet([0, 1], 2, float("inf"), 0)
    with pytest.raises(ValueError, match="alpha 0"):
        quantity(10, 2, 0.0, 0)
