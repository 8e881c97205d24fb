"""The learner refuses a row, not the call: examples, personal steps and rounds go on without
whoever breaks them, bit for bit as if it were not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import live_rig
import numpy as np
import pytest
import torch
from test_learner import examples, learner_of

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.experts import Mixing
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.learning.profile import HeadsetProfile
from fedxr.learning.walls import Fault, NotFiniteError
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


Spoil = Callable[[TokenizedEpisode], TokenizedEpisode]


def too_short(tokens: TokenizedEpisode) -> TokenizedEpisode:
    token_features = [replace(e, features=e.features[:-1]) for e in tokens.token_features]
    return replace(tokens, token_features=tuple(token_features))


def spoil(learner: Learner, row: int, how: Spoil) -> None:
    """All that the headset was told."""
    examples = learner.cohort.headsets[row].replay.examples
    for task, kept in examples.items():
        examples[task] = [replace(x, tokens=how(x.tokens)) for x in kept]


def profile(actor: VirtualHeadset, name: str) -> HeadsetProfile:
    """Somebody of another name, with the actor's sensors and tasks."""
    found = profile_of_actor(actor, actor.user.tasks)
    return replace(found, identity=replace(found.identity, name=name))


def steps(learner: Learner, row: int) -> tuple[torch.Tensor, ...]:
    adam = learner.cohort.adam
    parts = (adam.first, adam.second, adam.steps)
    return (learner.cohort.stack.theta[row].clone(), *(part[row].clone() for part in parts))


def same(a: tuple[torch.Tensor, ...], b: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_round_goes_on_without_whose_steps_lead_nowhere(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner, without = (learner_of(checkpoint, cast, live_rig.RULE) for _ in range(2))
    spoil(learner, 1, too_short)
    before = steps(learner, 1)
    learner._fresh.clear()  # no personal steps
    done = learner.work([0, 1, 2])
    while done.report is None:
        done = learner.work()
    (fault,) = done.faults
    assert (fault.row, fault.broke) == (1, True)
    (drop,) = done.report.drops
    assert (drop.headset, drop.step, drop.cause) == (cast[1].name, 2, fault.why)
    assert same(steps(learner, 1), before)
    without.round([0, 2])
    for row in (0, 2):
        assert same(steps(learner, row), steps(without, row))
        assert (
            learner.cohort.headsets[row].federated.keys()
            == without.cohort.headsets[row].federated.keys()
        )
    assert not same(steps(learner, 0), before)


def test_a_round_in_which_nobody_can_learn_is_a_round_all_the_same(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner = learner_of(checkpoint, cast[:2], live_rig.RULE)
    for row in range(2):
        spoil(learner, row, too_short)
    report = learner.round([0, 1])
    assert report is not None
    assert {d.headset for d in report.drops} == {a.name for a in cast[:2]}
    assert report.awake == ()


def test_personal_steps_that_lead_nowhere_are_taken_back(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner, without = (learner_of(checkpoint, cast, live_rig.RULE) for _ in range(2))
    spoil(learner, 1, too_short)
    before, faults = steps(learner, 1), list[Fault]()
    while (done := learner.work()).busy:
        faults += done.faults
    while without.work().busy:
        pass
    assert [(f.row, f.broke) for f in faults] == [(1, True)]
    assert same(steps(learner, 1), before)
    for row in (0, 2):
        assert same(steps(learner, row), steps(without, row))


def short_summary(tokens: TokenizedEpisode) -> TokenizedEpisode:
    ask = tokens.queries[-1]
    cut = {layout: vector[:-1] for layout, vector in ask.summary.items()}
    return replace(tokens, queries=(replace(ask, summary=cut),))


def no_summary(tokens: TokenizedEpisode) -> TokenizedEpisode:
    ask = tokens.queries[-1]
    none = {layout: vector * np.float32(np.nan) for layout, vector in ask.summary.items()}
    return replace(tokens, queries=(replace(ask, summary=none),))


@pytest.mark.parametrize("how", [no_summary, short_summary])
def test_what_the_others_said_is_learned(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, how: Spoil
) -> None:
    learner, without = (learner_of(checkpoint, cast, live_rig.RULE, labels=4) for _ in range(2))
    told = []
    for row, actor in enumerate(cast):
        for n, x in enumerate(examples(actor)[4:7]):
            tokens = how(x) if (row, n) == (1, 2) else x
            told.append(PendingFeedback(row, x.queries[0].task, 10 + n, x.queries[0].tick, tokens))
    cohort = learner.cohort
    before = {task: s.sums.n for task, s in cohort.headsets[1].personal.items()}
    heard = learner.learn(told)
    scores = without.learn([t for t in told if t.row != 1]).all()
    assert [f.row for f in heard.faults] == [1]
    assert {(s.name, s.task, s.episode, s.label) for s in heard.scores} == {
        (s.name, s.task, s.episode, s.label) for s in scores
    }
    for row in (0, 2):
        for task, mine in cohort.headsets[row].personal.items():
            theirs = without.cohort.headsets[row].personal[task]
            torch.testing.assert_close(mine.sums.a, theirs.sums.a)
            assert torch.equal(mine.sums.n, theirs.sums.n)
    after = {task: s.sums.n for task, s in cohort.headsets[1].personal.items()}
    assert after.keys() == before.keys()
    assert all(torch.equal(after[task], n) for task, n in before.items())
    assert cohort.headsets[1].replay.label_counts == without.cohort.headsets[1].replay.label_counts
    with pytest.raises(NotFiniteError, match="row 1"):
        heard.all()


def test_of_whose_numbers_are_none_nothing_is_handed_on(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Damaged sums of one headset: the others' heads are handed on, and its own are named."""
    believed = replace(live_rig.RULE, mixing=Mixing(doubt=(-1e9, -1e9)))
    learner = learner_of(checkpoint, cast, believed)
    sums = learner.cohort.headsets[1].personal
    for task, mine in sums.items():
        damaged = (replace(term, z=term.z * float("nan")) for term in mine.terms)
        sums[task] = replace(mine, terms=tuple(damaged))
    learner.cohort.stack.theta[2, 0] = float("inf")
    learned = learner._changes.take()
    assert set(learned.failed) == {1, 2}
    assert {row for row, _ in learned.weights} == {0, 2}
    assert 2 not in learned.theta
    assert all(
        torch.isfinite(w).all() for heads in learned.weights.values() for w in heads.values()
    )


def test_a_headset_that_comes_back_with_other_sensors_and_tasks_ends_no_round(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """One name, first with one actor's channels and tasks, then with another's, and back."""
    learner = Learner(checkpoint, Tuning(), live_rig.RULE, tmp_path / "s.db")
    first, second = (profile(actor, "ann/any") for actor in cast[:2])
    other = profile(cast[2], "bob/any")
    learner.join(0, other)
    for visit, actor in ((first, cast[0]), (second, cast[1]), (first, cast[0])):
        learner.join(1, visit)
        for n, x in enumerate(examples(actor)[:6]):
            assert not learner.learn(
                [PendingFeedback(1, x.queries[0].task, n, x.queries[0].tick, x)]
            ).faults
        report = learner.round([0, 1])
        assert report is not None
        assert report.drops == ()
        assert learner.leave(1, {}) == ""
    learner.close()
