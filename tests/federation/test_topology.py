from __future__ import annotations

import math

import pytest
import torch
from tolerance import rounding

from fedxr.federation.topology import (
    Topology,
    complete,
    components,
    geometric,
    k_regular,
    metropolis,
    proximity,
    ring,
    spectral_norm,
)

GRAPHS = {
    "ring of 5": ring(5),
    "ring of 8": ring(8),
    "complete": complete(6),
    "pair": ring(2),
    "k-regular": k_regular(12, 4, seed=3),
    "k-regular odd": k_regular(10, 3, seed=3),
    "geometric": geometric(torch.rand(15, 2, generator=torch.Generator().manual_seed(1)), 0.2),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_links_are_symmetric_connected_and_metropolis_is_doubly_stochastic(name: str) -> None:
    links = GRAPHS[name]
    assert torch.equal(links, links.T)
    assert not links.diagonal().any()
    assert len(components(links)) == 1
    v = metropolis(links)
    one = torch.ones(len(v), dtype=v.dtype)
    torch.testing.assert_close(v.sum(0), one, rtol=0, atol=rounding(v.dtype, len(v)))
    assert torch.equal(v, v.T)
    assert (v >= 0).all()
    assert spectral_norm(v) < 1


def test_ring_norm_by_its_known_eigenvalues() -> None:
    # Metropolis on a ring is 1/3 for each neighbour and oneself: a circulant matrix, whose
    # eigenvalues are 1/3 + 2/3 cos(2 pi k / n)
    for n in (5, 6, 8, 13):
        eigenvalues = [1 / 3 + 2 / 3 * math.cos(2 * math.pi * k / n) for k in range(1, n)]
        assert spectral_norm(metropolis(ring(n))) == pytest.approx(max(map(abs, eigenvalues)))
    assert spectral_norm(metropolis(ring(5))) == pytest.approx(0.539, abs=1e-3)
    assert spectral_norm(metropolis(complete(7))) < rounding(torch.float64, 7 * 7)
    assert spectral_norm(torch.ones(1, 1, dtype=torch.float64)) == 0


def test_norm_counts_the_modulus_not_the_sign() -> None:
    # K3,3 with 1/d_max: everyone takes the mean of the other side, the sides swap for ever. The
    # largest signed eigenvalue besides 1 is 0, which would promise agreement at once.
    side = torch.zeros(6, 6, dtype=torch.bool)
    side[:3, 3:] = side[3:, :3] = True
    v = side.double() / 3
    assert torch.linalg.eigvalsh(v).sort().values[-2].abs() < rounding(torch.float64, 6 * 6)
    with pytest.raises(ValueError, match=r"eigenvalue is -1.*K3,3"):
        spectral_norm(v)
    assert spectral_norm(metropolis(side)) < 1  # the same graph with Metropolis weights


def test_matrices_that_do_not_keep_the_mean_are_refused() -> None:
    with pytest.raises(ValueError, match="not symmetric"):
        spectral_norm(torch.tensor([[0.5, 0.5], [0.4, 0.6]], dtype=torch.float64))
    with pytest.raises(ValueError, match="not doubly stochastic"):
        spectral_norm(torch.full((2, 2), 0.4, dtype=torch.float64))
    with pytest.raises(ValueError, match="not doubly stochastic"):
        spectral_norm(torch.tensor([[1.5, -0.5], [-0.5, 1.5]], dtype=torch.float64))
    with pytest.raises(ValueError, match="2 parts"):
        spectral_norm(torch.eye(2, dtype=torch.float64))


def test_k_regular_has_that_degree_and_goes_by_seed() -> None:
    for n, degree in ((12, 4), (9, 2), (10, 3), (64, 6)):
        links = k_regular(n, degree, seed=0)
        assert links.sum(1).tolist() == [degree] * n
        assert torch.equal(links, k_regular(n, degree, seed=0))
    assert not torch.equal(k_regular(12, 4, 0), k_regular(12, 4, 1))
    assert torch.equal(k_regular(4, 6, 0), complete(4))
    with pytest.raises(ValueError, match="9 headsets have 3 links"):
        k_regular(9, 3, 0)


def test_geometric_links_the_near_and_joins_what_is_apart_at_the_nearest_pair() -> None:
    # two pairs on a line: 0, 1 and 10, 12; the gap is closed between 1 and 10
    links = geometric(torch.tensor([[0.0], [1.0], [10.0], [12.0]]), 2.0)
    assert {tuple(e) for e in torch.triu(links).nonzero().tolist()} == {(0, 1), (2, 3), (1, 2)}


def test_proximity_finds_separate_groups_whatever_the_order() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]]).repeat_interleave(4, 0)
    positions = centres + torch.randn(12, 2, generator=generator)
    want = {(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)}
    for seed in range(5):
        assert set(proximity(positions, 3, seed)) == want
    order = torch.randperm(12, generator=generator)
    shuffled = proximity(positions[order], 3, seed=0)
    assert {tuple(sorted(order[list(group)].tolist())) for group in shuffled} == want
    # more groups than places: every headset in exactly one group
    groups = proximity(torch.zeros(5, 2), 3, 0)
    assert sorted(i for group in groups for i in group) == list(range(5))


def test_topology_refuses_unknown_words() -> None:
    for wrong in ({"graph": "star"}, {"cluster_by": "colour"}, {"radius_m": 0}, {"degree": 1}):
        with pytest.raises(ValueError):
            Topology(**wrong)
