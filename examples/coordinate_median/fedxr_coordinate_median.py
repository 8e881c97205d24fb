"""Coordinate-wise median (Yin et al. 2018, arXiv:1803.01498, algorithm 1, option I).

Of each number the server takes the middle one of those it was sent. As long as fewer than half of
the senders lie, the result stays between values that honest ones have sent, however large the lies.

Where it differs from the paper: there all m workers have equally many samples. Here a headset with
ten times the samples still counts once, since a median by weight would let a liar claim many. In a
``semi-decentralized`` federation the senders are clusters: one liar spoils the mean of its cluster,
and the median outvotes that cluster; two clusters cannot outvote each other.
"""

from torch import Tensor

from fedxr.federation import AGGREGATIONS, AggregationRule


def coordinate_median(values: Tensor, weights: Tensor) -> Tensor:
    """(R, p) rows of one block to (p,): the middle one, or the mean of the two in the middle."""
    ordered, rows = values.sort(dim=0).values, len(weights)
    return (ordered[(rows - 1) // 2] + ordered[rows // 2]) / 2


AGGREGATIONS.add(
    AggregationRule(
        name="coordinate-median",
        about="coordinate-wise median, arXiv:1803.01498",
        # The sums of ridge heads ("ridge") are not among them: only a mean keeps a sum.
        kinds=frozenset({"lora_A", "lora_B", "head"}),
        combine=coordinate_median,
    )
)
