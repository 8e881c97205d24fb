"""Sums as pieces by owner and version: whoever hears of them has each once, at what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
import torch
from torch import Tensor

from fedxr.federation import (
    Block,
    Blocks,
    Headset,
    Round,
    SharedSums,
    StragglerDeadline,
    Topology,
    Updates,
    run_round,
)
from fedxr.federation.ledger import total as total_of
from fedxr.federation.shared_sums import HEADER, NUMBER
from fedxr.federation.topology import components, ring

TERM = 3
"""Numbers of a term in these tests; a sum has ten of them, whole."""


@dataclass(frozen=True)
class Whole:
    """A sum of integers, which every order of adding gives exactly."""

    value: int

    def plus(self, other: Whole, times: float = 1.0) -> Whole:
        return Whole(self.value + int(times) * other.value)

    def double(self) -> Whole:
        return self

    def single(self) -> Whole:
        return self


@dataclass(frozen=True, eq=False)
class Told:
    """So many terms, of which the n-th is ``base`` + n."""

    base: int
    terms: int
    whole: int = 10 * TERM

    @property
    def sums(self) -> Whole:
        return Whole(sum(self.base + n for n in range(self.terms)))

    def numbers(self, since: Told | None) -> int:
        return min(self.whole, TERM * (self.terms - (since.terms if since else 0)))

    def change(self, since: Told | None) -> Whole:
        return self.sums if since is None else self.sums.plus(since.sums, -1.0)

    @classmethod
    def together(cls, added: Sequence[tuple[Told, Told | None]]) -> Whole:
        total, *rest = (one.change(since) for one, since in added)
        for change in rest:
            total = total.plus(change)
        return total


def links_of(n: int, seed: int) -> Tensor:
    """A random graph, not always in one part."""
    up = torch.rand(n, n, generator=torch.Generator().manual_seed(seed)) < 0.35
    return torch.triu(up, 1) | torch.triu(up, 1).T


class Account:
    """Who has heard of how many terms of whom, by the plain rule: whoever meets has the most that
    any of them could tell apart; what is in the server's total cannot be. Nor can what is added
    to the part of one who was away when it was told: it is passed on, and waits."""

    def __init__(self, names: list[str]) -> None:
        self.own = {name: Told(1000 * i, 0) for i, name in enumerate(names)}
        self.pieces = {name: dict[str, int]() for name in names}
        self.heard = {name: dict[str, int]() for name in names}
        self.server = dict[str, int]()
        self.left = set[str]()
        self.closed = {name: set[str]() for name in names}

    def offered(self, name: str) -> dict[str, Told]:
        return {"a": self.own[name]} if self.own[name].terms else {}

    def meet(self, some: list[str]) -> None:
        told = [self.pieces[name] | {name: self.own[name].terms} for name in some]
        for name in some:
            news = most(told).items()
            self.pieces[name] = {o: n for o, n in news if n > self.heard[name].get(o, 0)}

    def uplink(self, name: str) -> None:
        self.server = most([self.server, self.pieces[name], {name: self.own[name].terms}])

    def hear(self, name: str) -> None:
        self.heard[name], self.closed[name] = dict(self.server), set(self.left)
        news = self.pieces[name].items()
        self.pieces[name] = {o: n for o, n in news if n > self.server.get(o, 0)}

    def total(self, name: str) -> int:
        told = {o: n for o, n in self.pieces[name].items() if o not in self.closed[name]}
        known = most([self.heard[name], told]).items()
        return sum(Told(self.own[o].base, n).sums.value for o, n in known if o != name)


def most(told: list[dict[str, int]]) -> dict[str, int]:
    return {owner: max(one.get(owner, 0) for one in told) for one in told for owner in one}


@pytest.mark.parametrize("seed", range(12))
def test_everybody_has_what_they_were_told_of_and_each_once(seed: int) -> None:
    """Graphs, ways to the server, and who tells something, leaves and comes back are drawn."""
    random, sums, names = Random(seed), SharedSums[Whole](), [f"h{i}" for i in range(7)]
    plain, away = Account(names), dict[str, dict[str, str]]()
    for number in range(25):
        here = [name for name in names if name not in away]
        for name in here:
            more, was = random.choice((0, 1, 3)), plain.own[name]
            plain.own[name] = Told(was.base, was.terms + more) if more else was
            sums.offer(name, plain.offered(name), ["a"])
        links = links_of(len(here), 100 * seed + number)
        for part in components(links):
            some = [here[k] for k in part]
            sums.spread(some, links[list(part)][:, list(part)])
            plain.meet(some)
            if random.random() < 0.6:  # its representative has a way to the server
                sums.uplink(some[0])
                plain.uplink(some[0])
        sums.settle()
        for name in [name for name in here if random.random() < 0.5]:
            sums.downlink(name, None)
            plain.hear(name)
        for name in here:
            others = sums.others(name, "a")
            assert (others.sums.value if others else 0) == plain.total(name), (number, name)
        if random.random() < 0.3 and len(here) > 3:
            name = random.choice(here)
            away[name] = sums.leave(name, plain.offered(name))
            if plain.server.get(name):
                plain.server[name] = plain.own[name].terms
                plain.left.add(name)
        elif away and random.random() < 0.5:
            name = random.choice(sorted(away))
            sums.join(name)
            sums.come_back(name, plain.offered(name), away.pop(name))
            plain.pieces[name] = {}
            plain.left.discard(name)
            plain.hear(name)


def test_a_piece_goes_to_each_of_a_cluster_once_and_costs_what_is_new() -> None:
    """A ring of six: the way to the far side is three hops; the second time, a term more is one."""
    sums, names = SharedSums[Whole](), [f"h{i}" for i in range(6)]
    for name in names:
        sums.offer(name, {"a": Told(0, 4)} if name == "h0" else {}, ["a"])
    sent = sums.spread(names, ring(6))
    assert sorted((b, len(hops)) for (_, b), hops in sent.items()) == [
        (1, 1), (2, 2), (3, 3), (4, 2), (5, 1),
    ]  # fmt: skip
    assert {sum(hops) for hops in sent.values()} == {HEADER + NUMBER * 4 * TERM}
    assert sums.spread(names, ring(6)) == {}
    sums.offer("h0", {"a": Told(0, 5)}, ["a"])
    sent = sums.spread(names, ring(6))
    assert [sum(hops) for hops in sent.values()] == [HEADER + NUMBER * TERM] * 5


def test_who_takes_no_part_in_a_sum_passes_it_on() -> None:
    """The middle of three is asked something else; the ends hear of each other through it."""
    sums, line = SharedSums[Whole](), torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]]).bool()
    for name, base in (("h0", 10), ("h2", 20)):
        sums.offer(name, {"a": Told(base, 1)}, ["a"])
    sums.offer("h1", {}, ["b"])
    sums.spread(["h0", "h1", "h2"], line)
    heard = [sums.others(name, "a") for name in ("h0", "h2")]
    assert [x.sums.value for x in heard if x] == [20, 10]


def test_what_is_withdrawn_is_gone() -> None:
    """One of three gives nothing any more: the others are left with each other's; then none."""
    sums, names = SharedSums[Whole](), ["h0", "h1", "h2"]
    for given in (names, ["h0", "h1"], ["h0"], []):
        for i, name in enumerate(names):
            sums.offer(name, {"a": Told(10 * (i + 1), 1)} if name in given else {}, ["a"])
        for name in names:
            sums.uplink(name)
        sums.settle()
        for i, name in enumerate(names):
            sums.downlink(name, name)
            others = sums.others(name, "a")
            want = sum(10 * (k + 1) for k, n in enumerate(names) if n in given and k != i)
            assert (others.sums.value if others else 0) == want


def test_what_comes_down_is_what_is_new_and_never_more_than_the_sum() -> None:
    sums = SharedSums[Whole]()
    sums.offer("h0", {"a": Told(0, 2)}, ["a"])
    sums.offer("h1", {}, ["a"])
    assert sums.uplink("h0") == HEADER + NUMBER * 2 * TERM
    sums.settle()
    assert sums.downlink("h0", "h0") == 0, "it is its own"
    assert sums.uplink("h0") == 0
    assert sums.downlink("h1", None) == HEADER + NUMBER * 2 * TERM
    for terms in (5, 8, 11, 14, 17):
        sums.offer("h0", {"a": Told(0, terms)}, ["a"])
        assert sums.uplink("h0") == HEADER + NUMBER * 3 * TERM
        sums.settle()
    assert sums.downlink("h1", None) == HEADER + NUMBER * 10 * TERM


BLOCKS = Blocks((Block("b", 0, 4, "lora_B"),))


@pytest.mark.parametrize(
    "coordination", ["centralized", "semi-decentralized", "decentralized", "pooled", "local"]
)
def test_a_round_passes_them_on(coordination: str) -> None:
    """All hear of all, but by themselves; the ledger has the bytes of it, beside the blocks'."""
    headsets = [Headset(f"h{i}", position=(8.0 * i, 0.0)) for i in range(6)]
    config = Round(coordination, topology=Topology(cluster_size=3))
    found = {}
    for own in (False, True):
        sums = SharedSums[Whole]()
        for i, headset in enumerate(headsets):
            sums.offer(headset.name, {"a": Told(100 * i, 2)} if own else {}, ["a"])

        def adapt(awake: Tensor, union: bool) -> Updates:
            return Updates(BLOCKS, torch.ones(6, 4), torch.ones(6, 1))

        if coordination == "pooled":
            break
        _, report = run_round(
            config, headsets, torch.zeros(6, 4), adapt, 1, StragglerDeadline(), None, sums
        )
        found[own] = {link: total_of(report.rows, link).bytes for link in ("uplink", "d2d")}
        if not own:
            continue
        every = sum(200 * i + 1 for i in range(6))
        for i, headset in enumerate(headsets):
            others = sums.others(headset.name, "a")
            want = 0 if coordination == "local" else every - 200 * i - 1
            assert (others.sums.value if others else 0) == want
    piece = HEADER + NUMBER * 2 * TERM
    more = {link: found[True][link] - found[False][link] for link in found.get(True, {})}
    if coordination == "semi-decentralized":
        assert more == {"uplink": 6 * piece, "d2d": 2 * 3 * 2 * piece}
    elif coordination == "centralized":
        assert more == {"uplink": 6 * piece, "d2d": 0}
    elif coordination == "decentralized":
        assert more == {"uplink": 0, "d2d": 6 * 5 * piece}
