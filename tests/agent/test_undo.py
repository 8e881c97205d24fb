"""Feedback that is taken back: as if it had never been said, as far as that can be known."""

from __future__ import annotations

import made
import pytest
import torch

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import GENERIC, PERSONAL, ExpertWeights, Mixing
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.adaptation.replay import ReplayBuffer


def _trusted(trust: ExpertWeights) -> tuple[object, ...]:
    """All that a trust says."""
    tensors = (trust.earned, trust.losses, trust.odds, trust.against)
    return (*(t.tolist() for t in tensors), trust.count, trust.label, trust.classes)


def _told(moments: list[tuple[int, int]]) -> Cohort:
    """A headset that was told these moments (seed, label)."""
    identity = HeadsetIdentity("h0", made.CHANNELS, made.TASKS)
    cohort = Cohort(made.checkpoint(), [identity], made.TUNING, torch.float32)
    for seed, label in moments:
        cohort.remember([(0, made.moment(seed, label))])
    return cohort


def _undo(cohort: Cohort, seed: int, label: int) -> None:
    cohort.headsets[0].forget("doing", f"e{seed}", made.moment(seed, label).queries[0].tick)


BEFORE = [(100, 0), (101, 0), (102, 1), (103, 1)]


@pytest.mark.parametrize("label", [1, 2], ids=["in the stretch", "a class of its own"])
def test_what_is_taken_back_at_once_was_never_said(label: int) -> None:
    """A slip of the finger: trust, sums and memory are as before it, and so are the answers."""
    cohort, plain = _told([*BEFORE, (104, label)]), _told(BEFORE)
    _undo(cohort, 104, label)
    assert _trusted(cohort.headsets[0].expert_weights["doing"]) == _trusted(
        plain.headsets[0].expert_weights["doing"]
    )
    assert torch.equal(cohort.trust(0, "doing"), plain.trust(0, "doing"))
    assert (
        +cohort.headsets[0].replay.label_counts["doing"]
        == +plain.headsets[0].replay.label_counts["doing"]
    )
    mine, theirs = (c.headsets[0].personal["doing"].sums for c in (cohort, plain))
    assert mine.same(theirs), "not even rounding is left"


def test_the_only_label_of_a_class_taken_back_leaves_one_class_alone() -> None:
    """Not the newest: its loss stays counted, but who told one class has told one class."""
    cohort = _told([(100, 0), (101, 1), (102, 0)])
    assert cohort.headsets[0].expert_weights["doing"].classes == {0, 1}
    _undo(cohort, 101, 1)
    assert cohort.headsets[0].expert_weights["doing"].classes == {0}
    alone = float(cohort.trust(0, "doing")[PERSONAL:].sum())
    start = torch.tensor(Mixing().start)
    assert alone < float(start[PERSONAL:].sum() / start.sum())


def test_all_labels_taken_back_leave_nothing() -> None:
    cohort = _told([(100, 0), (101, 1)])
    for seed, label in ((100, 0), (101, 1)):
        _undo(cohort, seed, label)
    assert "doing" not in cohort.headsets[0].personal
    assert cohort.present(0, "doing") == (GENERIC,)
    trust = cohort.headsets[0].expert_weights["doing"]
    assert not trust.classes
    assert trust.label == -1, "there is no last label"
    _undo(cohort, 100, 0)  # again: nothing to take
    assert not cohort.headsets[0].examples()


def test_two_labels_taken_back_in_any_order_leave_the_trust_of_before() -> None:
    """The newest takes its loss along also where one before it was taken back first."""
    cohort = _told([*BEFORE, (104, 2)])
    once = _told([*BEFORE])
    _undo(cohort, 103, 1)
    _undo(cohort, 104, 2)
    mine, plain = (
        cohort.headsets[0].expert_weights["doing"],
        once.headsets[0].expert_weights["doing"],
    )
    assert _trusted(mine)[:4] == _trusted(plain)[:4]
    assert mine.count == plain.count


def test_a_full_memory_takes_back_what_was_said_last_and_nothing_of_earlier_visits() -> None:
    """The newest example may not have been kept at all; and moments of earlier visits are called
    alike, since each counts its episodes anew."""
    memory = ReplayBuffer("h0", capacity=8)
    moment = made.moment(100, 0)
    z = torch.zeros(4)
    for _ in range(8):
        memory.add(moment, z)
    memory.restore(memory.examples, memory.label_counts)
    old = list(memory.examples["doing"])
    tick = moment.queries[0].tick
    for turn in range(64):
        memory.add(moment, z)  # stays, if the draw keeps it
        example = memory.add(moment, z)
        assert memory.forget("doing", "e100", tick) is example, turn
        assert memory.count("doing") == 9 + turn
        assert all(x is not example for x in memory.examples["doing"])
    while (example := memory.forget("doing", "e100", tick)) is not None:
        assert all(x is not example for x in old)
