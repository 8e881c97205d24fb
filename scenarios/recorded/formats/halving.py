"""A user's labelled moments in two halves, the earlier to learn from, the later to be tested on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from fedxr.agent.tasks import Episode
from fedxr.scenarios.recorded.reading import cut

HALVES = (
    "time forward: the episodes with the earlier half of a user's labels to learn from, the later "
    "to test; where no end of an episode is near the middle, one is cut there and its context "
    "starts anew"
)
_LEAST = 0.25
"""Share of the labels that either half has at least, where a cut between episodes allows it."""


def halved(episodes: Sequence[Episode]) -> Iterator[Episode]:
    """``episodes`` (in the order of time) each in its half, so that no window reaches from one into
    the other."""
    counts = list(accumulate(len(episode.queries) for episode in episodes))
    total = counts[-1]
    ends = [n for n in counts if _LEAST * total <= n <= (1 - _LEAST) * total]
    first = min(ends, key=lambda n: abs(2 * n - total)) if ends else total // 2
    before = 0
    for episode in episodes:
        yield from _cut_after(episode, first - before)
        before += len(episode.queries)


def _cut_after(episode: Episode, moments: int) -> Iterator[Episode]:
    """``episode`` in two where only its first ``moments`` are to learn from; two labels of one
    instant stay together."""
    asked = episode.queries
    end_us = asked[min(moments, len(asked)) - 1].t_us if moments > 0 else 0
    earlier = tuple(query for query in asked if query.t_us <= end_us)
    later = tuple(query for query in asked if query.t_us > end_us)
    if not later or not earlier:
        yield replace(episode, adapt=bool(earlier))
        return
    yield Episode(episode.key, cut(episode.samples, 0, end_us), earlier, True, end_us / 1e6)
    rest = tuple(replace(query, t_us=query.t_us - end_us) for query in later)
    samples = cut(episode.samples, end_us, later[-1].t_us)
    yield Episode(f"{episode.key}/later", samples, rest, False, episode.seconds - end_us / 1e6)
