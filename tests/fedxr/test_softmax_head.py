"""The softmax baseline of a cold start."""

from __future__ import annotations

import torch

from fedxr.experiments.softmax_head import SoftmaxFit, federated_head, pooled_head

HOW = SoftmaxFit()


def _told(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes told apart by the sign of the first number."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, 4, generator=generator)
    return z, (z[:, 0] > 0).long()


def test_both_heads_learn_what_can_be_learned() -> None:
    told = [_told(seed, 20 + seed) for seed in range(3)]
    z, label = _told(99, 200)
    for head in (federated_head(told, 2, HOW), pooled_head(told, 2, HOW)):
        assert float(((z @ head).argmax(1) == label).float().mean()) > 0.9


def test_the_mean_counts_labels_and_padding_counts_for_nothing() -> None:
    """Copies of one headset average to what it learns alone; a headset of nobody's changes
    nothing; and one that has many labels moves the mean further than one that has few."""
    one, other = _told(1, 6), _told(2, 30)
    none = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    alone = federated_head([one], 2, HOW)
    torch.testing.assert_close(federated_head([one, one, none], 2, HOW), alone)
    both, most = (
        federated_head([one, other], 2, HOW),
        federated_head([other], 2, HOW),
    )
    assert float((both - most).norm()) < float((both - alone).norm())
