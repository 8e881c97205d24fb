"""Memories hold a quarter of each class back, stay fair, and say how examples can be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import made
import numpy as np
import pytest
import torch

from fedxr.agent.adaptation.replay import Example, Remembering, ReplayBuffer, splits
from fedxr.agent.inputs.normalization import Normalizer
from fedxr.agent.inputs.tokens import TokenizedEpisode, TokenizedQuery


def _told(label: int, task: str = "doing") -> TokenizedEpisode:
    return TokenizedEpisode((), (TokenizedQuery(task, 5, label, {}),))


def _filled(labels: Sequence[int], name: str = "a user") -> list[Example]:
    memory = ReplayBuffer(name)
    return [memory.add(_told(label), torch.zeros(1)) for label in labels]


@pytest.mark.parametrize("period", [4, 5, 8, 14])
def test_every_class_is_held_back_one_in_four(period: int) -> None:
    """Labels that go round: with one in four by count, a period of 4 or 8 would hold the same
    classes back always, and others never."""
    examples = _filled([i % period for i in range(period * 40)])
    for label in range(period):
        held = [x.held for x in examples if x.label == label]
        # Of every four of a class one, and not always the same.
        turns = [tuple(held[i : i + Remembering.hold]) for i in range(0, 40, Remembering.hold)]
        assert {sum(turn) for turn in turns} == {1}
        assert len(set(turns)) > 1


@pytest.mark.parametrize("period", [4, 5, 8, 14])
def test_once_each_class_has_four_examples_both_sides_show_the_same(period: int) -> None:
    examples = _filled([i % period for i in range(period * Remembering.hold)])
    for side in (True, False):
        assert {x.label for x in examples if x.held is side} == set(range(period))
    ((train, check),) = splits(examples)
    assert [x.held for x in train] == [False] * (3 * period)
    assert [x.held for x in check] == [True] * period


def test_what_is_held_back_is_drawn_by_the_headsets_name() -> None:
    labels = [i % 5 for i in range(80)]
    mine, again, theirs = (
        [x.held for x in _filled(labels, name)] for name in ("one", "one", "two")
    )
    assert mine == again
    assert mine != theirs


def test_other_tasks_and_classes_do_not_change_what_is_held_back() -> None:
    alone = [x.held for x in _filled([2] * 12)]
    among = [x.held for x in _filled([0, 2, 1] * 12) if x.label == 2]
    assert alone == among


def _example(label: int, held: bool, task: str = "doing") -> Example:
    return Example(_told(label, task), task, label, torch.zeros(1), held)


def test_where_a_class_has_no_example_on_one_side_there_are_two_folds() -> None:
    """Class 1 is held back nowhere: nothing that is held back could tell that it was learned."""
    examples = [_example(0, False), _example(0, True), _example(1, False), _example(1, False)]
    (a, b), (c, d) = splits(examples)
    assert (a, b) == (d, c)
    assert Counter(x.label for x in a) == Counter(x.label for x in b) == {0: 1, 1: 1}
    assert len(a) + len(b) == len(examples)
    # The same class of another task is another class.
    both = [_example(0, False), _example(0, True), _example(0, False, "mood")]
    assert len(splits(both)) == 2


def test_single_examples_are_dealt_to_both_sides() -> None:
    """One example of each of three classes: two sides, neither empty."""
    examples = [_example(label, False) for label in range(3)]
    (train, check), _ = splits(examples)
    assert sorted([len(train), len(check)]) == [1, 2]


def test_what_cannot_be_checked_has_no_split() -> None:
    assert splits([]) == []
    assert splits([_example(0, False)]) == []
    assert splits([_example(0, False), _example(2, False)]) == []  # both would be on one side


def test_the_reservoir_is_a_fair_sample() -> None:
    """Of 2000 told, 100 are kept; early and late ones about alike (±4 deviations)."""
    memory = ReplayBuffer(capacity=100)
    for i in range(2000):
        memory.add(_told(i % 5), torch.tensor([float(i)]))
    kept = [int(x.z) for x in memory.examples["doing"]]
    assert len(kept) == 100
    early = sum(k < 1000 for k in kept)
    assert abs(early - 50) < 4 * np.sqrt(100 * 0.25)
    assert memory.label_counts["doing"] == Counter(dict.fromkeys(range(5), 400))


def test_what_is_taken_back_is_not_counted() -> None:
    memory = ReplayBuffer("a user")
    examples = [memory.add(_told(label), torch.zeros(1)) for label in (1, 1, 2)]
    assert memory.forget("doing", "", 5) is examples[-1]
    assert memory.forget("doing", "", 6) is None
    assert memory.label_counts["doing"] == Counter({1: 2, 2: 0})
    assert memory.count("doing") == 2
    assert memory.per_class(["doing", "mood"]) == 2  # of the one class that is left
    assert memory.of(["mood", "doing"]) == examples[:2]


def test_own_standardisation_starts_from_the_population() -> None:
    """With few observations close to the population's, with many close to one's own."""
    key = "mood|audio/pcm16"
    normal = Normalizer({"stress|physiology/eda": (np.zeros(2), np.ones(2))})
    few, many = Normalizer(dict(normal.population)), Normalizer(dict(normal.population))
    rng = np.random.default_rng(0)
    for i in range(400):
        v = (10 + rng.standard_normal(2)).astype(np.float32)
        ask = TokenizedEpisode((), (TokenizedQuery("stress", 0, 0, {"physiology/eda": v}),))
        many.observe(ask)
        if i < 1:
            few.observe(ask)
    now = TokenizedQuery("stress", 0, 0, {"physiology/eda": np.full(2, 10, np.float32)})
    assert np.abs(many.ask(now).summary["physiology/eda"]).max() < 0.3
    assert few.ask(now).summary["physiology/eda"].min() > 3
    plain = made.tokens(1).queries[0]  # `doing` is not standardised per user
    assert many.ask(plain) is plain
    assert key not in many.own
