"""What a federation has learned outlives its headsets: newcomers start from it, files hold it."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import live_rig
import pytest
import torch
from test_learner import examples, learner_of

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.experts import ADAPTED, FEDERATED
from fedxr.agent.checkpoints.checkpoint_file import Card, load_checkpoint, save_checkpoint
from fedxr.agent.checkpoints.extend import with_tasks
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.learning import federated_round
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.learning.profile import HeadsetProfile, Links
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(("voice-glasses", "quest-3-watch", "voice-glasses"), seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


def newcomer(actor: VirtualHeadset, name: str) -> HeadsetProfile:
    profile = profile_of_actor(actor, actor.user.tasks)
    return replace(profile, identity=replace(profile.identity, name=name))


def everyone(learner: Learner, task: str) -> RidgeStats:
    """All labels of ``task`` that anybody here has told, counted by the test."""
    told = [s.personal[task].sums for s in learner.cohort.headsets if task in s.personal]
    total = told[0]
    for sums in told[1:]:
        total = total.plus(sums)
    return total


def assert_same(sums: RidgeStats, wanted: RidgeStats) -> None:
    """Within the rounding of sums of some ten terms of at most 1 in float32."""
    for part in "abn":
        torch.testing.assert_close(getattr(sums, part), getattr(wanted, part), atol=1e-4, rtol=1e-5)


def shared_task(cast: list[VirtualHeadset]) -> str:
    """One that all of them are asked."""
    return min(set.intersection(*(set(a.user.tasks) for a in cast)))


def test_a_newcomer_starts_from_what_all_have_learned_though_all_have_left(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner = learner_of(checkpoint, cast, live_rig.RULE)
    assert learner.round([0, 1, 2]) is not None
    shared, task = learner.cohort.stack.shared, shared_task(cast)
    theta, wanted = learner.cohort.stack.theta[0, :shared].clone(), everyone(learner, task)
    for row in range(3):
        learner.leave(row, {})
    learner.join(0, newcomer(cast[0], "new"))
    cohort = learner.cohort
    assert torch.equal(cohort.stack.theta[0, :shared], theta)
    assert torch.equal(cohort.stack.theta[0, shared:], cohort.start[0, shared:])
    assert_same(cohort.headsets[0].federated[task].sums, wanted)
    assert not cohort.headsets[0].personal
    assert {FEDERATED, ADAPTED} <= set(cohort.present(0, task))


def test_with_fedsa_only_a_leaves_its_owner(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    rule = live_rig.RULE.with_round(exchange="fedsa")
    learner = learner_of(checkpoint, cast, rule, tuning=Tuning(exchange="fedsa"))
    assert learner.round([0, 1, 2]) is not None
    learner.join(3, newcomer(cast[0], "new"))
    cohort, begin = learner.cohort, learner.cohort.start[0]
    theirs, mine = cohort.stack.theta[:3], cohort.stack.theta[3]
    moved = set[str]()
    for block in cohort.stack.blocks.values():
        here = slice(block.start, block.stop)
        if block.id.part == "shared" and block.kind == "lora_A":
            assert torch.equal(theirs[:, here], theirs[:1, here].expand(3, -1)), block.name
            assert torch.equal(mine[here], theirs[0, here]), "a newcomer starts from it"
        else:
            assert torch.equal(mine[here], begin[here]), block.name
        if not torch.equal(theirs[:, here], begin[here].expand(3, -1)):
            moved.add(block.kind)
            if block.kind != "lora_A":
                assert not torch.equal(theirs[0, here], theirs[1, here]), block.name
    assert moved == {"lora_A", "lora_B", "head"}


def test_before_a_round_nobody_gives_anything(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner = learner_of(checkpoint, cast, live_rig.RULE)
    learner.leave(0, {})
    learner.join(0, newcomer(cast[0], "new"))
    assert not learner.cohort.headsets[0].federated
    assert torch.equal(learner.cohort.stack.theta[0], learner.cohort.start[0])


@pytest.mark.parametrize("coordination", ["local", "decentralized"])
def test_without_a_server_there_is_no_model(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, coordination: str
) -> None:
    rule = live_rig.RULE.with_round(coordination=coordination)
    learner = learner_of(checkpoint, cast, rule)
    assert learner.round([0, 1, 2]) is not None
    for row in range(3):
        learner.leave(row, {})
    assert learner.cohort.federated is None
    assert not any(answer.givers for answer in learner.cohort.sums.answers.values())


def test_what_the_departed_gave_counts_on_and_no_more_than_once(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """One leaves after a round and is back after the next: the others always have all sums but
    their own, exactly once."""
    learner = Learner(checkpoint, Tuning(), live_rig.RULE, tmp_path / "s.db")
    profiles = [profile_of_actor(a, a.user.tasks) for a in cast]
    for row, actor in enumerate(cast):
        learner.join(row, profiles[row])
        for n, x in enumerate(examples(actor)[:12]):
            learner.learn([PendingFeedback(row, x.queries[0].task, n, x.queries[0].tick, x)])
    task = shared_task(cast)
    total = everyone(learner, task)

    def others(row: int) -> RidgeStats:
        return total.plus(learner.cohort.headsets[row].personal[task].sums, -1.0)

    learner.round([0, 1, 2])
    assert_same(learner.cohort.headsets[1].federated[task].sums, others(1))
    learner.leave(0, {})
    learner.round([1, 2])
    for row in (1, 2):
        assert_same(learner.cohort.headsets[row].federated[task].sums, others(row))
    for _ in range(2):  # comes and goes
        assert learner.join(0, profiles[0]).trouble == ""
        assert_same(learner.cohort.headsets[0].federated[task].sums, others(0))
        learner.round([0, 1, 2])
        for row in range(3):
            assert_same(learner.cohort.headsets[row].federated[task].sums, others(row))
        learner.leave(0, {})
    learner.close()


def test_a_checkpoint_holds_it_and_a_server_starts_from_it(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    learner = learner_of(checkpoint, cast, live_rig.RULE)
    learner.round([0, 1, 2])
    made = learner.cohort.federated
    assert made is not None
    path = tmp_path / "federated.safetensors"
    save_checkpoint(replace(checkpoint, federated=made), path, Card("a test"))
    loaded = load_checkpoint(path)
    assert loaded.digest == checkpoint.digest, "what was learned alone goes on with it"
    assert loaded.federated is not None
    assert (loaded.federated.tuning, loaded.federated.rounds) == (asdict(Tuning()), 1)
    served, task = Learner(loaded, Tuning(), live_rig.RULE), shared_task(cast)
    served.join(0, newcomer(cast[0], "new"))
    cohort, shared = served.cohort, served.cohort.stack.shared
    assert torch.equal(cohort.stack.theta[0, :shared], learner.cohort.stack.theta[0, :shared])
    assert_same(cohort.headsets[0].federated[task].sums, everyone(learner, task))
    # It takes part in rounds, and what the federation of before has learned is not lost by them.
    served.join(1, newcomer(cast[1], "other"))
    served.round([0, 1])
    assert_same(cohort.headsets[1].federated[task].sums, everyone(learner, task))


def test_other_adapters_than_it_was_learned_with_are_refused(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    learner = learner_of(checkpoint, cast, live_rig.RULE)
    learner.round([0, 1, 2])
    start = replace(checkpoint, federated=learner.cohort.federated)
    with pytest.raises(ValueError, match=r"r 8 there and 4 here, seed 0 there and 3 here; tune"):
        Learner(start, Tuning(r=4, seed=3), live_rig.RULE)
    assert with_tasks(start, ()).federated is start.federated


def teach(learner: Learner, row: int, actor: VirtualHeadset, first: int, last: int) -> None:
    for n, x in enumerate(examples(actor)[first:last], first):
        learner.learn([PendingFeedback(row, x.queries[0].task, n, x.queries[0].tick, x)])


def test_silence_is_no_absence(cast: list[VirtualHeadset], checkpoint: Checkpoint) -> None:
    """In rounds of two of three, the server keeps what the third has given before."""
    rule = live_rig.RULE.with_round(coordination="centralized", participation=0.5)
    learner, task, heard = learner_of(checkpoint, cast, rule), shared_task(cast), set[str]()
    for _ in range(12):
        report = learner.round([0, 1, 2])
        assert report is not None
        assert len(report.awake) == 2
        heard |= set(report.awake)
        given = {s.identity.name: s.personal[task].sums for s in learner.cohort.headsets}
        for row, state in enumerate(learner.cohort.headsets):
            others = [given[n] for n in heard if n != state.identity.name]
            if state.identity.name in report.awake:
                assert_same(learner.cohort.headsets[row].federated[task].sums, sum_of(others))
    assert len(heard) == 3


def sum_of(sums: list[RidgeStats]) -> RidgeStats:
    total = sums[0]
    for one in sums[1:]:
        total = total.plus(one)
    return total


def test_who_cannot_learn_is_left_out_of_a_round_of_a_part(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lot is drawn once: where one of the two fails, nobody else comes in its place."""
    rule = live_rig.RULE.with_round(coordination="centralized", participation=0.5)
    learner, usual, failed = learner_of(checkpoint, cast, rule), federated_round.learn, list[str]()

    def fails(*args: object) -> object:
        (name,) = args[6]  # type: ignore[misc]
        if not failed or name in failed:
            failed.append(name)
            raise ArithmeticError("it cannot")
        return usual(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(federated_round, "learn", fails)
    theta = learner.cohort.stack.theta.clone()
    report = learner.round([0, 1, 2])
    assert report is not None
    assert len(report.awake) == 1
    assert [d.headset for d in report.drops] == failed[:1]
    names = learner.cohort.names
    for row, name in enumerate(names):
        moved = not torch.equal(learner.cohort.stack.theta[row], theta[row])
        assert moved == (name in report.awake)


def test_a_visit_without_its_old_state_is_not_taken_from_others(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Its first state is lost; what it is taught then counts beside what it left before, and only
    that comes back with it."""
    learner, task = Learner(checkpoint, Tuning(), live_rig.RULE, tmp_path / "s.db"), "doing"
    profiles = [profile_of_actor(a, a.user.tasks) for a in cast]
    for row in range(2):
        learner.join(row, profiles[row])
        teach(learner, row, cast[row], 0, 6)
    learner.round([0, 1])
    first, other = (learner.cohort.headsets[row].personal[task].sums for row in range(2))
    learner.leave(0, {})
    with sqlite3.connect(tmp_path / "s.db") as file:
        file.execute("DELETE FROM array WHERE headset IN (SELECT number FROM headset)")
        file.execute("DELETE FROM headset")
    learner.join(0, profiles[0])
    teach(learner, 0, cast[0], 6, 16)
    learner.round([0, 1])
    second = learner.cohort.headsets[0].personal[task].sums
    assert_same(learner.cohort.headsets[1].federated[task].sums, first.plus(second))
    learner.leave(0, {})
    learner.join(0, profiles[0])
    for _ in range(2):  # at once, and after a round
        assert_same(learner.cohort.headsets[0].federated[task].sums, first.plus(other))
        assert_same(learner.cohort.headsets[1].federated[task].sums, first.plus(second))
        learner.round([0, 1])
    learner.close()


def test_back_before_the_next_round_nobody_has_less_than_nothing(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """A connection is lost and is back, with labels that no round has seen."""
    learner = Learner(checkpoint, Tuning(), live_rig.RULE, tmp_path / "s.db")
    profiles = [profile_of_actor(a, a.user.tasks) for a in cast]
    for row in range(2):
        learner.join(row, profiles[row])
    teach(learner, 0, cast[0], 0, 6)
    learner.round([0, 1])
    teach(learner, 0, cast[0], 6, 12)
    learner.leave(0, {})
    learner.join(0, profiles[0])
    assert "doing" not in learner.cohort.headsets[0].federated
    told = learner.cohort.headsets[0].personal["doing"].sums
    learner.round([0, 1])
    assert_same(learner.cohort.headsets[1].federated["doing"].sums, told)
    learner.close()


def test_the_model_that_stays_is_that_of_whom_the_server_has_reached(
    cast: list[VirtualHeadset], checkpoint: Checkpoint
) -> None:
    """Whoever stands first in the list may have slept through all rounds."""
    rule = replace(live_rig.RULE, best_round=True, guard=0.0)
    learner = learner_of(checkpoint, cast, rule)
    learner.seated[0] = replace(learner.seated[0], links=Links(wake=0.0))
    for _ in range(2):
        learner.round([0, 1, 2])
    made = learner.cohort.federated
    assert made is not None
    learner.finish()
    kept = learner.cohort.federated
    assert kept is not None
    assert_same(kept.sums["doing"], made.sums["doing"])
    theta = learner.cohort.stack.theta
    for block in (b for b in learner.cohort.stack.blocks.values() if b.id.part == "shared"):
        assert torch.equal(kept.blocks[block.name], theta[1, block.start : block.stop])
