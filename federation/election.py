"""Who speaks for a cluster at the server.

By ``score``, the member that can best afford it: battery x link to the server x (1 - load), each
from 0 to 1; a product, because being without any one of them is enough to be a bad choice. By
``random``, every member with the same chance, which makes the server's mean unbiased even when the
clusters have not agreed (head sampling, arXiv:2103.10481). Among equal scores the draw decides,
too: were it always the same one, whatever it has not agreed on would pull the server to its side in
every round, for ever. The election is held anew in every round: speaking costs battery, so whoever
has spoken hands over to its equals by itself, and one whose link to the server is down is replaced
by the next in rank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from fedxr.federation.network import Headset
from fedxr.federation.streams import draw

Election = Literal["score", "random"]


def score(headset: Headset) -> float:
    """How well a headset could represent its cluster: 0 (not at all) to 1."""
    return headset.battery * headset.server_link * (1 - headset.load)


def ranking(headsets: Sequence[Headset], rule: str, seed: int, number: int) -> list[int]:
    """Positions in ``headsets`` (one cluster), best first; round ``number`` names the draws.

    Independent of the order of ``headsets``. Raises ValueError for an unknown rule.
    """
    if rule not in ("score", "random"):
        raise ValueError(f"unknown election {rule!r}; allowed are score and random")

    def key(i: int) -> tuple[float, float]:
        lot = draw(seed, "representative", number, headsets[i].name)
        return (-score(headsets[i]) if rule == "score" else 0.0), lot

    return sorted(range(len(headsets)), key=key)


def elect(ranked: Sequence[int], reachable: Callable[[int], bool]) -> tuple[int | None, list[int]]:
    """The first in rank that reaches the server, and those elected before it that did not.

    None when nobody does: the cluster keeps its own consensus this round.
    """
    lost: list[int] = []
    for i in ranked:
        if reachable(i):
            return i, lost
        lost.append(i)
    return None, lost
