"""Headsets of unequal ranks in one round: each trains, gives and takes what it has room for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import live_rig
import pytest
import torch
from test_learner import examples
from tolerance import rounding
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.experiments.protocol import Protocol, Ranks
from fedxr.federation import Updates
from fedxr.federation.exchange import Exchange
from fedxr.learning import federated_round
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset

RANKS = (2, 4, 8)
LABELS = 6


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(("voice-glasses", "quest-3-watch", "voice-glasses"), seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


def join(learner: Learner, row: int, actor: VirtualHeadset, name: str, rank: int) -> None:
    profile = profile_of_actor(actor, actor.user.tasks)
    identity = replace(profile.identity, name=name, rank=rank)
    learner.join(row, replace(profile, identity=identity))


def taught(checkpoint: Checkpoint, cast: list[VirtualHeadset], exchange: Exchange) -> Learner:
    rule = live_rig.RULE.with_round(exchange=exchange, coordination="centralized", codec="float32")
    learner = Learner(checkpoint, Tuning(exchange=exchange), rule)
    for row, (actor, rank) in enumerate(zip(cast, RANKS, strict=True)):
        join(learner, row, actor, f"h{row}", rank)
        for n, x in enumerate(examples(actor)[:LABELS]):
            learner.learn([PendingFeedback(row, x.queries[0].task, n, x.queries[0].tick, x)])
    return learner


@pytest.mark.parametrize("exchange", ["ffa", "stacked", "naive"])
def test_nobody_has_more_than_its_rank_and_newcomers_start_within_theirs(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, exchange: Exchange
) -> None:
    learner = taught(checkpoint, cast, exchange)
    report = learner.round([0, 1, 2])
    assert report is not None
    join(learner, 3, cast[0], "new", 2)
    stack = learner.cohort.stack
    used = set[int]()
    for row, rank in enumerate((*RANKS, 2)):
        for block in stack.blocks.values():
            if block.id.part == "shared" and block.kind == "lora_B":
                b = stack.view(block.name, stack.theta)[row]
                assert bool(b[:rank].any()), block.name
                assert not b[rank:].any(), block.name
                used.add(rank)
    assert used == set(RANKS)
    # A packet is as long as the rank is high.
    up = {r.sender: r.bytes for r in report.rows if r.link == "uplink"}
    assert up["h0"] < up["h1"] < up["h2"]


def met(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """(3, P') as everybody has learned, and (P',) as the one of the highest rank then holds."""
    brought, real = list[Tensor](), federated_round.run_round

    def watched(how: Any, headsets: Any, values: Tensor, adapt: Any, *rest: Any) -> Any:
        def spied(awake: Tensor, union: bool) -> Updates:
            found: Updates = adapt(awake, union)
            brought.append(found.values.clone())
            return found

        return real(how, headsets, values, spied, *rest)

    monkeypatch.setattr(federated_round, "run_round", watched)
    assert learner.round([0, 1, 2]) is not None
    stack = learner.cohort.stack
    return brought[0], stack.theta[2, : stack.shared]


def test_with_ffa_each_rank_is_the_mean_of_those_who_have_it(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = taught(checkpoint, cast, "ffa")
    x, got = met(learner, monkeypatch)
    stack = learner.cohort.stack
    for block in stack.blocks.values():
        if block.id.part == "shared" and block.kind == "lora_B":
            theirs, mine = stack.view(block.name, x), stack.view(block.name, got[None])[0]
            for low, high, first in ((0, 2, 0), (2, 4, 1), (4, 8, 2)):
                wanted = theirs[first:, low:high].double().mean(0)
                most = rounding(torch.float32, 4, float(theirs.abs().max()))
                assert float((mine[low:high].double() - wanted).abs().max()) <= most


def test_with_stacked_it_is_the_best_of_its_rank_of_the_dense_mean(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = taught(checkpoint, cast, "stacked")
    x, got = met(learner, monkeypatch)
    for one in learner.cohort.stack.factors:
        dense = torch.stack([m[one.b].double().T @ m[one.a].double() for m in x]).mean(0)
        _, size, _ = torch.linalg.svd(dense)
        found = got[one.b].double().T @ got[one.a].double()
        # stored in float32: each of the eight terms is rounded as a product of two
        stored = rounding(torch.float32, 2 * 8) * float(size[0]) * 8
        tail = float(size[8:].square().sum().sqrt())
        assert float((found - dense).norm()) == pytest.approx(tail, abs=stored)


def test_ranks_that_there_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match="each has 9; allowed are 1 to r, which is 8"):
        Protocol(ranks=Ranks(each=(4, 9))).adapters()
    assert [Ranks(each=(4, 8)).at(row) for row in range(3)] == [4, 8, 4]
    assert Ranks().at(0) is None
