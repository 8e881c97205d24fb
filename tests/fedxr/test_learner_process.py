"""A learner in a process of its own: the same as one here, and its end is told."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from collections.abc import Iterator
from multiprocessing import spawn

import live_rig
import numpy as np
import pytest
import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.inputs.tokens import TokenizedEpisode, tokenize
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.serving.weight_update import WeightUpdate
from fedxr.experiments.splits import one_ask_each
from fedxr.learning.feedback import PendingFeedback
from fedxr.learning.learner import Learner
from fedxr.learning.learner_process import (
    LearnerExitedError,
    LearnerProcess,
    LearningError,
    _packed,
)
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset

FALSE = shutil.which("false") or "false"
"""A program that ends at once, with 1."""


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


@pytest.fixture
def apart(checkpoint: Checkpoint) -> Iterator[LearnerProcess]:
    learner = LearnerProcess(checkpoint, Tuning(), live_rig.RULE)
    learner.ready()
    yield learner
    learner.close()


def examples(actor: VirtualHeadset) -> list[TokenizedEpisode]:
    return [
        x
        for e in actor.user.episodes
        for x in one_ask_each(tokenize(e, actor.user.channels), actor.user.channels)
    ]


def test_an_example_travels_whole(cast: list[VirtualHeadset]) -> None:
    for sent in examples(cast[0])[:4]:
        got = pickle.loads(_packed(sent))  # noqa: S301
        assert (got.key, got.adapt) == (sent.key, sent.adapt)
        assert [(e.layout, e.tick) for e in got.token_features] == [
            (e.layout, e.tick) for e in sent.token_features
        ]
        for a, b in zip(got.token_features, sent.token_features, strict=True):
            np.testing.assert_array_equal(a.features, b.features, strict=True)
        (a,), (b,) = got.queries, sent.queries
        assert (a.task, a.tick, a.label, a.summary.keys()) == (
            b.task, b.tick, b.label, b.summary.keys()
        )  # fmt: skip
        for layout, vector in a.summary.items():
            np.testing.assert_array_equal(vector, b.summary[layout], strict=True)


def _heads(a: WeightUpdate, b: WeightUpdate) -> list[tuple]:
    """By row and task the ridge heads by expert, beside each other."""
    assert a.weights.keys() == b.weights.keys()
    return [(a.weights[key], b.weights[key]) for key in a.weights]


def test_apart_learns_what_one_here_learns(
    apart: LearnerProcess, checkpoint: Checkpoint, cast: list[VirtualHeadset]
) -> None:
    """Two headsets join, are told, take personal steps and meet: all that comes out is equal, to
    the last bit, as both do the same operations on the same numbers in one thread each."""
    here = Learner(checkpoint, Tuning(), live_rig.RULE)
    told = [
        PendingFeedback(row, x.queries[0].task, 0, x.queries[0].tick, x, x.queries[0].label)
        for row, actor in enumerate(cast[:2])
        for x in examples(actor)[:12]
    ]

    def live(learner: Learner | LearnerProcess) -> tuple[list[object], list[WeightUpdate]]:
        found, learned = [], []
        for row, actor in enumerate(cast[:2]):
            profile = profile_of_actor(actor, actor.user.tasks)
            learned.append(learner.ask(Learner.join, row, profile)[1])
        for answer in (
            learner.ask(Learner.learn, told),
            learner.ask(Learner.personalise),
            learner.ask(Learner.round, [0, 1]),
        ):
            found.append(answer[0])
            learned.append(answer[1])
        return found, learned

    (mine, its), (theirs, others) = live(here), live(apart)
    assert mine == theirs
    assert mine[1] is True
    for a, b in zip(its, others, strict=True):
        for x, y in ((a.theta, b.theta), (a.trust, b.trust), *_heads(a, b)):
            assert x.keys() == y.keys()
            for key, value in x.items():
                assert torch.equal(value, y[key])
    assert its[-1].theta.keys() == {0, 1}


def test_what_fails_there_is_raised_here_and_it_goes_on(apart: LearnerProcess) -> None:
    with pytest.raises(LearningError, match=r"the learning process failed(.|\n)*KeyError"):
        apart.ask(Learner.round, [7, 8])
    assert apart.ask(Learner.personalise)[0] is False


def test_who_asks_sooner_than_ready_is_answered(checkpoint: Checkpoint) -> None:
    """A headset may come while the process still imports."""
    learner = LearnerProcess(checkpoint, Tuning(), live_rig.RULE)
    try:
        assert learner.ask(Learner.personalise)[0] is False
        learner.ready()
        assert learner.ask(Learner.personalise)[0] is False
    finally:
        learner.close()


def test_a_learner_that_is_killed_is_told_of(apart: LearnerProcess) -> None:
    os.kill(apart._process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    with pytest.raises(LearningError, match=r"ended \(exit code -9\); states are kept"):
        apart.ask(Learner.personalise)


@pytest.mark.timeout(60)
def test_a_learner_that_cannot_even_begin_is_told_of(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends before it has read anything, as where its environment is broken; the server neither
    waits for it with what it would start from nor hangs."""
    monkeypatch.setattr(spawn, "_python_exe", os.fsencode(FALSE))
    learner = LearnerProcess(checkpoint, Tuning(), live_rig.RULE)
    with pytest.raises(LearnerExitedError, match="exit code 1"):
        learner.ready()
    learner.close()
