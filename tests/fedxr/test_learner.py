"""What a learner does in rounds and between them: steps, slices, who comes and goes, undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import live_rig
import pytest
import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.experts import ADAPTED
from fedxr.agent.adaptation.trainer import AdamState, TrainSteps, learn, whole
from fedxr.agent.inputs.tokens import TokenizedEpisode, tokenize
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.splits import one_ask_each
from fedxr.learning.agents import Agents
from fedxr.learning.federated_round import held_losses
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner, Slice
from fedxr.learning.learning_rule import LearningRule, TrainSchedule, headless
from fedxr.live.live import Live
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


def examples(actor: VirtualHeadset) -> list[TokenizedEpisode]:
    return [
        x
        for e in actor.user.episodes
        for x in one_ask_each(tokenize(e, actor.user.channels), actor.user.channels)
    ]


def learner_of(
    checkpoint: Checkpoint,
    cast: Sequence[VirtualHeadset],
    rule: LearningRule,
    labels: int = 12,
    tuning: Tuning = Tuning(),  # noqa: B008 - frozen
) -> Learner:
    """The cast has sat down, and each was told so many labels."""
    learner = Learner(checkpoint, tuning, rule)
    for row, actor in enumerate(cast):
        learner.join(row, profile_of_actor(actor, actor.user.tasks))
        for n, x in enumerate(examples(actor)[:labels]):
            learner.learn([PendingFeedback(row, x.queries[0].task, n, x.queries[0].tick, x)])
    return learner


def assert_same_state(a: Learner, b: Learner) -> None:
    """Bit for bit."""
    one, two = a.cohort, b.cohort
    assert torch.equal(one.stack.theta, two.stack.theta)
    for part in ("first", "second", "steps", "draws"):
        assert torch.equal(getattr(one.adam, part), getattr(two.adam, part))
    known = [[x for s in f.headsets for x in (s.personal, s.federated)] for f in (one, two)]
    for mine, theirs in zip(*known, strict=True):
        assert mine.keys() == theirs.keys()
        for task, sums in mine.items():
            assert sums.sums.same(theirs[task].sums)
    assert a.number == b.number


def test_slice_by_slice_is_the_same_as_at_once(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Two rounds and personal steps, bit for bit, when nothing is said in between."""
    rule = replace(live_rig.RULE, shared=TrainSchedule(TrainSteps(steps=3, rate=2e-3, batch=2)))
    at_once, sliced = (learner_of(checkpoint, cast, rule) for _ in range(2))
    assert at_once.personalise()
    while at_once.personalise():
        pass
    while sliced.work().busy:
        pass
    assert_same_state(at_once, sliced)
    for number in (1, 2):
        met = at_once.round([0, 1, 2])
        part, slices = sliced.work([2, 0, 1]), 1
        while part.report is None:
            part, slices = sliced.work(), slices + 1
        assert part.report == met
        assert slices == 3 * 3 + 1  # each headset's steps, then they meet
        assert sliced.number == number
        assert_same_state(at_once, sliced)


def test_personal_steps_come_between_two_rounds(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """All three are due for them, and rounds are wanted all the time: before each round but the
    first one takes its steps, so that neither waits for ever."""
    learner = learner_of(checkpoint, cast, live_rig.RULE)
    for number, due in ((1, 3), (2, 3), (3, 2)):
        assert sum(labels >= live_rig.RULE.each for labels in learner._fresh.values()) == due
        report = learner.work([0, 1, 2]).report
        while report is None:
            report = learner.work().report
        assert report.number == number
    while learner.work().busy:
        pass
    assert not learner.personalise()


def test_one_alone_meets_nobody(cast: list[VirtualHeadset], checkpoint: Checkpoint) -> None:
    learner = learner_of(checkpoint, cast[:1], replace(live_rig.RULE, each=100))
    theta = learner.cohort.stack.theta.clone()
    assert learner.round([0]) is None
    assert learner.round([]) is None
    for rows in ((), (0,)):
        assert learner.work(rows) == Slice(False)
    assert learner.number == 0
    assert torch.equal(learner.cohort.stack.theta, theta)
    assert not any(s.federated for s in learner.cohort.headsets)


@pytest.mark.parametrize("moments", ["anew", "kept"])
def test_the_first_step_of_each_round_is_as_long_as_the_rule_says(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, moments: str
) -> None:
    """One step a round and nobody to mix with: with moments anew, each number whose gradient is not
    next to nothing moves by the rate, in the second round as in the first; with moments kept, two
    rounds are two steps of one run. The examples drawn are others each time."""
    rate = 2e-3
    rule = replace(
        live_rig.RULE,
        shared=TrainSchedule(TrainSteps(steps=1, rate=rate, batch=2, clip=1e9)),
        moments=moments,
    ).with_round(coordination="local")
    learner = learner_of(checkpoint, cast[:2], rule)
    cohort, shared = learner.cohort, learner.cohort.stack.shared
    thetas = [cohort.stack.theta.clone()]
    for _ in range(2):
        assert learner.round([0, 1]) is not None
        thetas.append(cohort.stack.theta.clone())
    assert cohort.adam.draws.tolist() == [2, 2]
    assert cohort.adam.steps.tolist() == ([1, 1] if moments == "anew" else [2, 2])
    one, two = ((after - before)[:, :shared].abs() for before, after in pairwise(thetas))
    median = [float(moved[moved > 0].median()) for moved in (one, two)]
    assert median[0] == pytest.approx(rate, rel=1e-3)
    if moments == "anew":
        assert median[1] == pytest.approx(rate, rel=1e-3)
    train, start = replace(rule.shared.train, steps=2), thetas[0]
    taught = [[x for x in cohort.headsets[row].examples() if not x.held] for row in range(2)]
    run = learn(
        cohort.stack,
        start,
        AdamState.none(start),
        taught,
        ("shared",),
        train,
        cohort.names,
        chunk=1,
    )
    assert torch.equal(whole(run), thetas[2]) == (moments == "kept")


def test_the_adapters_of_the_best_round_are_taken_up(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Three rounds whose steps are as long as the rule says, then ten times too long ones: the
    round that is taken up is that with the least loss on what was held back."""
    rule = replace(headless(3), guard=0.0, personal=live_rig.PACE, each=100)
    rule = replace(rule, shared=TrainSchedule(TrainSteps(steps=4, rate=3e-3, batch=8)))
    learner = learner_of(checkpoint, cast[:2], rule, labels=30)
    for rate in (3e-3, 3e-3, 0.3):
        learner.rule = replace(rule, shared=TrainSchedule(TrainSteps(steps=4, rate=rate, batch=8)))
        learner.round([0, 1])
    thetas, models = learner._rounds, learner._models
    shared = learner.cohort.stack.shared
    # Whatever is a headset's own has no say: others would not get it.
    learner.cohort.stack.theta[:, shared:] += 1.0
    assert len(thetas) == 4
    found = [float(torch.cat(whole(held_losses(learner.cohort, x, 24))).sum()) for x in thetas]
    best = min(range(4), key=lambda i: found[i])
    assert best in (1, 2)
    for trust in learner.cohort.headsets[0].expert_weights.values():
        trust.earned[ADAPTED] = 3.0
    learner.finish()
    for row in (0, 1):
        assert torch.equal(learner.cohort.stack.theta[row, :shared], thetas[best][row])
    kept = learner.cohort.federated
    assert kept is not None
    assert models[best] is not None
    assert kept.blocks == models[best].blocks, "newcomers start from that round, too"
    # The adapters of the last round have earned that, which are gone.
    assert all(t.earned[ADAPTED] < 0 for t in learner.cohort.headsets[0].expert_weights.values())
    # Where not even the best is better by the guard, nothing that was shared is taken up.
    learner._rounds, learner._models, learner.rule = thetas, models, replace(rule, guard=1e9)
    learner.finish()
    for row in (0, 1):
        assert torch.equal(learner.cohort.stack.theta[row, :shared], thetas[0][row])


def test_who_comes_or_goes_between_rounds_does_not_break_the_choice(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    rule = replace(headless(3), guard=0.0, personal=live_rig.PACE, each=100)
    learner = learner_of(checkpoint, cast[:2], rule)
    learner.round([0, 1])
    learner.join(2, profile_of_actor(cast[2], cast[2].user.tasks))
    for n, x in enumerate(examples(cast[2])[:24]):
        learner.learn([PendingFeedback(2, x.queries[0].task, n, x.queries[0].tick, x)])
    assert any(x.held for x in learner.cohort.headsets[2].examples())
    learner.round([0, 1, 2])
    learner.leave(0, {})
    learner.round([1, 2])
    learner.finish()
    assert not learner._rounds
    learner.round([1, 2])
    for row in (1, 2):
        learner.leave(row, {})
    learner.finish()  # nobody is left to judge


def test_who_leaves_in_a_round_costs_the_others_that_try_alone(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """They begin anew without it, at once."""
    learner = learner_of(checkpoint, cast, replace(live_rig.RULE, each=100))
    assert learner.work([0, 1, 2]).busy
    learner.leave(1, {})
    done = learner.work()
    while done.report is None:
        assert done.busy
        done = learner.work()
    assert sorted(done.report.awake) == sorted(learner.cohort.names[row] for row in (0, 2))


def test_a_live_server_has_no_best_round(checkpoint: Checkpoint) -> None:
    rule = replace(live_rig.RULE, best_round=True)
    with pytest.raises(ValueError, match="rounds have no end"):
        Live(Agents(checkpoint, Tuning(), Learner(checkpoint, Tuning(), rule)))


def test_undo_and_the_right_label_in_one_batch(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Both wait while a slice is done: what is taken back is the first label, not the second."""
    learner = learner_of(checkpoint, cast[:1], live_rig.RULE, labels=4)
    wrong = examples(cast[0])[4]
    (ask,) = wrong.queries
    right = replace(wrong, queries=(replace(ask, label=1 - min(1, ask.label)),))
    moment = (0, ask.task, 99, ask.tick)
    wrong, right = (replace(x, key="99") for x in (wrong, right))
    scores = learner.learn(
        [PendingFeedback(*moment, wrong), PendingFeedback(*moment), PendingFeedback(*moment, right)]
    ).all()
    assert [s.label for s in scores] == [ask.label, right.queries[0].label]
    (kept,) = [x for x in learner.cohort.headsets[0].examples() if x.tokens.key == "99"]
    assert kept.label == right.queries[0].label


def test_who_has_left_is_in_the_file_and_not_in_memory(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    learner = Learner(checkpoint, Tuning(), live_rig.RULE, tmp_path / "s.db")
    for row, actor in enumerate(cast[:2]):
        learner.join(row, profile_of_actor(actor, actor.user.tasks))
        for n, x in enumerate(examples(actor)[:4]):
            learner.learn([PendingFeedback(row, x.queries[0].task, n, x.queries[0].tick, x)])
        learner.save(row, {})
    assert learner.store is not None
    gone, here = (a.name for a in cast[:2])
    learner.leave(0, {})
    assert list(learner.store._mirrors) == [here]
    assert learner.store.names() == sorted([gone, here])
    learner.close()


def test_rows_that_nobody_has_are_given_back(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Many come and go; who stays keeps all, and who comes then knows nothing, at both sides."""
    agents = Agents(checkpoint, Tuning(), learner_of(checkpoint, cast[:1], live_rig.RULE, labels=0))
    learner = agents.learner
    profiles = [profile_of_actor(a, a.user.tasks) for a in cast]
    for n in range(12):
        agents.join(
            replace(profiles[n % 3], identity=replace(profiles[n % 3].identity, name=f"u{n}"))
        )
    agents.now(
        Learner.learn,
        [PendingFeedback(1, x.queries[0].task, 0, x.queries[0].tick, x) for x in examples(cast[1])],
    )
    kept = learner.cohort.headsets[1].copy()
    for row in (0, *range(2, 12)):
        learner.leave(row, agents.normal(row))
        agents.leave(row)
    cohort, inference = learner.cohort, agents.inference
    for headsets in (cohort.headsets, inference.headsets):
        assert [one.identity.name for one in headsets] == ["vacant", "u1"]
    assert len(cohort.stack.theta) == len(cohort.adam.first) == 2
    # Not a view of the memory of all.
    assert cohort.stack.theta.untyped_storage().nbytes() == cohort.stack.theta.nbytes
    assert kept.personal
    assert learner.cohort.headsets[1].personal == kept.personal
    assert agents.join(profiles[0]) == 0
    assert agents.join(profiles[2]) == 2
    for headsets in (cohort.headsets, inference.headsets):
        names = [profiles[0].identity.name, "u1", profiles[2].identity.name]
        assert [one.identity.name for one in headsets] == names
    assert torch.equal(cohort.stack.theta[2], cohort.start[0])
    assert not cohort.headsets[0].personal
    assert not cohort.headsets[2].personal
