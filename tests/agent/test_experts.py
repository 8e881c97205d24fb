"""Experts earn weight on labels that nothing has learned yet; feedback may be contrary.

A label is scored as (answers (E, C) in logarithms, experts that are there, class).
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import groupby

import made
import numpy as np
import pytest
import torch
from torch import Tensor

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.exchange import Exchange
from fedxr.agent.adaptation.experts import (
    ADAPTED,
    FEDERATED,
    GENERIC,
    PERSONAL,
    E,
    ExpertWeights,
    Mixing,
    mixed,
)
from fedxr.agent.adaptation.headset_state import HeadsetIdentity

Scored = tuple[Tensor, tuple[int, ...], int]
ALL = tuple(range(E))


def _answers(rng: np.random.Generator, classes: int = 4) -> Tensor:
    """Log-probabilities (E, C) drawn at random, now and then below the cap."""
    return torch.log_softmax(torch.from_numpy(rng.normal(0, 3, (E, classes))).float(), -1)


def _trust(said: list[Scored], mixing: Mixing | None = None) -> ExpertWeights:
    trust = ExpertWeights(mixing or Mixing())
    for answers, present, label in said:
        trust.score(answers, present, label)
    return trust


def _plain(said: list[Scored], mixing: Mixing) -> list[float]:
    """Weights in plain numbers, stretch by stretch, where every expert is there: each times
    exp(-η mean loss), then scaled to 1, then a share back to the start."""
    start = [x / sum(mixing.start) for x in mixing.start]
    weights = list(start)
    for label, stretch in groupby(said, key=lambda one: one[2]):
        losses = [[min(mixing.cap, -float(a[e, label])) for e in ALL] for a, _, _ in stretch]
        mean = [sum(column) / len(losses) for column in zip(*losses, strict=True)]
        weights = [w * math.exp(-mixing.rate * x) for w, x in zip(weights, mean, strict=True)]
        total, share = sum(weights), mixing.share
        weights = [(1 - share) * w / total + share * s for w, s in zip(weights, start, strict=True)]
    return weights


NO_DOUBT = Mixing(doubt=(-1e9, -1e9), floor=0.0)
"""Answers drawn at random contradict the feedback, which is not what these tests are about."""


@pytest.mark.parametrize("mixing", [NO_DOUBT, replace(NO_DOUBT, rate=0.5, share=0.2, cap=2.0)])
def test_weights_are_those_of_the_formula(mixing: Mixing) -> None:
    rng = np.random.default_rng(0)
    said = [(_answers(rng), ALL, int(label)) for label in rng.integers(4, size=30)]
    for count in (2, 5, 30):
        wanted = torch.tensor(_plain(said[:count], mixing))
        # 30 scores of some numbers up to 4 in single precision
        torch.testing.assert_close(
            _trust(said[:count], mixing).weights(ALL), wanted, atol=1e-5, rtol=1e-4
        )


def test_whatever_answers_best_is_believed_most_and_can_come_back() -> None:
    """Expert 2 is right for 40 labels, then expert 1; without a share the second would need as many
    labels as the first had."""
    said: list[Scored] = []
    for n in range(80):
        p = torch.full((E, 4), 0.25)
        best = PERSONAL if n < 40 else FEDERATED
        p[best] = 0.1
        p[best, n % 4] = 0.7
        said.append((p.log(), ALL, n % 4))
    assert int(_trust(said[:40]).weights(ALL).argmax()) == PERSONAL
    assert int(_trust(said[:50]).weights(ALL).argmax()) == FEDERATED
    unshared = _trust(said[:50], Mixing(share=0.0))
    assert int(unshared.weights(ALL).argmax()) == PERSONAL


def test_a_stretch_of_one_label_counts_once() -> None:
    """100 labels in a row are one label with their mean loss, 2 for the generic expert and 1 for
    the others; what comes after them is scored alike."""
    rng = np.random.default_rng(1)

    def told(losses: Tensor) -> Scored:
        p = torch.full((E, 4), float("-inf"))
        p[:, 2] = -losses
        p[:, 0] = torch.log1p(-(-losses).exp())
        return p, ALL, 2

    spread = torch.from_numpy(rng.uniform(-0.9, 0.9, 50))
    mean = torch.tensor([2.0, 1.0, 1.0, 1.0, 1.0])
    hundred = [told(mean + sign * x) for x in spread for sign in (1, -1)]
    more: list[Scored] = [(_answers(rng), ALL, label) for label in (0, 1, 3)]
    before: list[Scored] = [(_answers(rng), ALL, 0)]
    for after in ([], more):
        many = _trust([*before, *hundred, *after], NO_DOUBT).weights(ALL)
        once = _trust([*before, told(mean), *after], NO_DOUBT).weights(ALL)
        torch.testing.assert_close(many, once, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(once, _trust([*before, *more], NO_DOUBT).weights(ALL), atol=1e-3)


def test_a_stretch_says_once_that_feedback_is_contrary() -> None:
    """However often a user says the same, the odds rise by one label's: against following by the
    cap, against chance by log((1 - 0.001) / 3 · 4) = 0.29."""
    p = torch.tensor([0.997, 0.001, 0.001, 0.001]).log().expand(E, 4)
    trust = _trust([(p, (GENERIC,), 1)] * 100)
    following, chance = trust.mixing.doubt
    wanted = torch.tensor([following + trust.mixing.cap, chance + math.log(0.999 / 3 * 4)])
    torch.testing.assert_close(trust._now()[1], wanted, atol=1e-3, rtol=0)
    assert not trust.doubted


def test_an_expert_that_is_absent_neither_gains_nor_loses() -> None:
    """Of the weight of all it has as much as before, whatever the others answer; they share the
    rest by what they answer."""
    rng, mixing = np.random.default_rng(2), replace(NO_DOUBT, share=0.0)
    there = tuple(e for e in ALL if e != FEDERATED)
    said: list[Scored] = [(_answers(rng), there, n % 3) for n in range(20)]
    weights = _trust(said, mixing).weights(ALL)
    start = torch.tensor(mixing.start)
    assert float(weights[FEDERATED]) == pytest.approx(float(start[FEDERATED]), rel=1e-4)
    assert not torch.allclose(weights[list(there)], start[list(there)], atol=0.05)
    # What it would have answered is not looked at.
    other = [(a.clone().index_fill_(0, torch.tensor([FEDERATED]), -50.0), t, y) for a, t, y in said]
    assert torch.equal(_trust(other, mixing).weights(ALL), weights)


def test_who_is_not_there_has_no_say() -> None:
    trust = _trust([(torch.full((E, 2), 0.5).log(), ALL, n % 2) for n in range(4)])
    weights = trust.weights((GENERIC, PERSONAL))
    assert weights[[1, 3, 4]].tolist() == [0, 0, 0]
    # Both have answered alike: as they started, 0.35 each.
    assert weights[[GENERIC, PERSONAL]].tolist() == pytest.approx([0.5, 0.5])


def test_one_class_alone_leaves_the_answers_to_the_generic_but_for_alone() -> None:
    """The user says one class, whatever happens, and what has learned from that answers nothing
    else. Had every label counted, it alone would answer after three, and had their mean counted,
    wherever the generic expert gives that class little: e⁴ (the cap) · Mixing.alone is 2.7."""
    p = torch.full((E, 4), 0.999 / 3)
    p[:, 1] = 0.001
    p[PERSONAL] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    trust = _trust([(p.log(), (GENERIC, PERSONAL), 1)] * 50)
    weights = trust.weights((GENERIC, PERSONAL))
    # Both start with 0.35.
    assert float(weights[PERSONAL]) == pytest.approx(Mixing.alone / (1 + Mixing.alone))
    other = torch.tensor([0.5, 0.1, 0.2, 0.2]).expand(E, 4).clone()
    other[PERSONAL] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    found = mixed(other.log()[:, None], weights)[0]
    assert int(found.argmax()) == 0
    # A second class confirms it: from here on it has all that it earned.
    trust.score(p.log(), (GENERIC, PERSONAL), 2)
    trust.score(p.log(), (GENERIC, PERSONAL), 1)
    assert float(trust.weights((GENERIC, PERSONAL))[PERSONAL]) > Mixing.alone


def test_below_the_floor_the_adapters_are_left_out_and_nobody_else() -> None:
    mixing = replace(NO_DOUBT, floor=0.1, share=0.0)
    p = torch.full((E, 2), 0.5)
    for expert in (FEDERATED, ADAPTED):
        p[expert, 0], p[expert, 1] = 0.01, 0.99
    said: list[Scored] = [(p.log(), ALL, 0), (torch.full((E, 2), 0.5).log(), ALL, 1)]
    weights = _trust(said, mixing).weights(ALL)
    # 0.1 · e⁻⁴ (the cap) of each against 0.8 · 0.5
    assert weights[ADAPTED] == 0
    assert weights[FEDERATED] > 0
    assert float(weights.sum()) == pytest.approx(1)
    assert _trust(said, replace(mixing, floor=0.0)).weights(ALL)[ADAPTED] > 0


def test_start_weights_must_be_positive_and_one_for_each() -> None:
    for wrong in ((1.0, 1.0), (0.5, 0.5, 0.0, 0.0, 0.0)):
        with pytest.raises(ValueError, match=f"give {E} positive numbers"):
            Mixing(start=wrong)


# -- contrary feedback -----------------------------------------------------------------------------


def _user(
    rng: np.random.Generator, labels: int, right: float, sure: float, contrary: bool, classes: int
) -> list[Scored]:
    """A user whose model is ``right`` so often and gives its best class ``sure``; who says what is
    true, or anything but that."""
    said: list[Scored] = []
    for _ in range(labels):
        truth = int(rng.integers(classes))
        wrong = (truth + 1 + int(rng.integers(classes - 1))) % classes
        best = truth if rng.random() < right else wrong
        p = torch.full((classes,), (1 - sure) / (classes - 1))
        p[best] = sure
        label = (truth + 1 + int(rng.integers(classes - 1))) % classes if contrary else truth
        said.append((p.log().expand(E, classes), (GENERIC,), label))
    return said


def _alarms(users: list[list[Scored]]) -> tuple[float, float]:
    """Which part of the users was doubted at any time, and at the end."""
    ever = end = 0
    for said in users:
        trust, at_any_time = ExpertWeights(), False
        for one in said:
            trust.score(*one)
            at_any_time |= trust.doubted
        ever, end = ever + at_any_time, end + trust.doubted
    return ever / len(users), end / len(users)


def _people(
    count: int, labels: int, right: float, sure: float, contrary: bool, classes: int
) -> list[list[Scored]]:
    return [
        _user(np.random.default_rng((classes, n)), labels, right, sure, contrary, classes)
        for n in range(count)
    ]


@pytest.mark.parametrize("classes", [2, 4, 14])
def test_honest_feedback_of_a_model_that_is_right_in_60_of_100_is_believed(classes: int) -> None:
    """Both odds must be above 0. Those against following are a likelihood ratio's: where the
    model's 0.6 means 0.6, they ever reach 0 from -7 with a chance of e⁻⁷ = 0.001 at most (Ville).
    Where it is surer than it is right, those against chance stand by: of 4 classes an answer that
    is avoided brings them 0.2 to 0.3 at most, so that it takes 7 in a row, 0.4⁷ = 0.002, and one
    that is met takes back 1.3 and more. Of 100 people 3 may be doubted at any time (2 classes bring
    more a label), and nobody in the end."""
    for sure in (0.6, 0.8, 0.97):
        ever, end = _alarms(_people(100, 40, 0.6, sure, False, classes))
        assert ever <= (0.01 if sure == 0.6 else 0.03)
        assert end == 0


@pytest.mark.parametrize("classes", [2, 4, 14])
def test_where_the_model_is_right_by_chance_few_are_doubted(classes: int) -> None:
    """It says 0.8 and knows nothing of this user: the odds against chance are a likelihood ratio
    that reaches 0 from -2 with a chance of e⁻² = 0.135 at most; of 100 people 20 is two deviations
    (0.034) more."""
    ever, _ = _alarms(_people(100, 40, 1 / classes, 0.8, False, classes))
    assert ever <= 0.2


@pytest.mark.parametrize(("classes", "labels"), [(2, 60), (4, 60), (14, 200)])
def test_contrary_feedback_is_doubted(classes: int, labels: int) -> None:
    """A model that is right 9 of 10 times, and says so. Against chance a label that avoids its
    answer brings log((1 - q) / (C - 1) · C) with q = 0.1 / (C - 1), and one that meets it, by
    mistake in q of the cases, log(0.1 / (C - 1) · C): 0.37 a label for 2 classes, 0.18 for 4 and
    0.05 for 14, so that 2 take 5, 11 and 41 labels, or twice as many stretches of two."""
    ever, end = _alarms(_people(40, labels, 0.9, 0.9, True, classes))
    assert ever == 1
    assert end >= 0.95


def test_a_generic_expert_that_knows_nothing_never_doubts() -> None:
    """It gives every class 1 / C: (1 - 1/C) / (C - 1) is that, too, whatever is said."""
    rng = np.random.default_rng(0)
    for classes in (2, 3, 14):
        said = _user(rng, 200, 0.5, 1 / classes, True, classes)
        trust = _trust(said)
        assert not trust.doubted
        assert trust._now()[1].tolist() == pytest.approx(list(trust.mixing.doubt), abs=1e-3)


def test_the_generic_alone_answers_while_feedback_is_doubted_and_it_is_believed_again() -> None:
    rng = np.random.default_rng(3)
    trust = _trust(_user(rng, 40, 0.9, 0.9, True, 4))
    assert trust.weights(ALL).tolist() == [1, 0, 0, 0, 0]
    for one in _user(rng, 40, 0.9, 0.9, False, 4):
        trust.score(*one)
    assert not trust.doubted
    assert trust.weights((GENERIC, PERSONAL))[PERSONAL] > 0


def test_a_cohort_neither_trains_on_nor_gives_what_it_doubts() -> None:
    """Headset 0 says the truth (seed % 4), headset 1 the class after it."""
    checkpoint = made.checkpoint()
    members = [HeadsetIdentity(f"h{i}", made.CHANNELS, made.TASKS) for i in range(2)]
    cohort = Cohort(checkpoint, members, made.TUNING, torch.float32)
    seeds = range(100, 140)
    for seed in seeds:
        cohort.remember([(row, made.moment(seed, (seed + row) % 4)) for row in range(2)])
    honest, contrary = (s.expert_weights["doing"] for s in cohort.headsets)
    assert not honest.doubted
    assert contrary.doubted
    assert [len(cohort.headsets[row].examples()) for row in range(2)] == [40, 0]
    exchange = Exchange(cohort, [0, 1])
    assert [set(given) for given in exchange.offered] == [{"doing"}, set()]
    assert cohort.trust(0, "doing")[PERSONAL] > 0
    assert cohort.trust(1, "doing").tolist() == [1, 0, 0, 0, 0]
    # It turns: what it says is true from now on.
    for seed in range(200, 300):
        cohort.remember([(1, made.moment(seed, seed % 4))])
        if not contrary.doubted:
            break
    assert not contrary.doubted
    assert set(cohort.headsets[1].offered()) == {"doing"}
    assert cohort.headsets[1].examples()
    assert cohort.trust(1, "doing")[PERSONAL] > 0


def _won(expert: int) -> ExpertWeights:
    """Twelve labels of two classes in turn, in an open stretch, that ``expert`` alone foresaw."""
    trust = ExpertWeights()
    for n in range(12):
        right = torch.full((E, 2), 0.5)
        right[expert, n % 2], right[expert, 1 - n % 2] = 0.95, 0.05
        trust.score(right.log(), range(E), n % 2)
    assert trust.weights(range(E))[expert] > 0.8
    return trust


def test_another_expert_in_the_same_place_keeps_its_start_at_most() -> None:
    """What the adapters earned, the open stretch included, they earned with numbers that are gone;
    the others keep their shares of the rest. What they lost they have lost."""
    trust = _won(ADAPTED)
    before = trust.weights(range(E))
    trust.anew(ADAPTED)
    after = trust.weights(range(E))
    start = torch.tensor(Mixing().start)
    assert float(after[ADAPTED]) == pytest.approx(float(start[ADAPTED] / start.sum()), rel=1e-5)
    torch.testing.assert_close(
        after[:ADAPTED] / after[:ADAPTED].sum(), before[:ADAPTED] / before[:ADAPTED].sum()
    )
    lost = _won(GENERIC)
    before = lost.weights(range(E))
    lost.anew(ADAPTED)
    torch.testing.assert_close(lost.weights(range(E)), before, atol=1e-6, rtol=1e-5)
