"""A learner in a process of its own: the same as one here, and its end is told."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator

import live_rig
import numpy as np
import pytest
import torch

from agent.checkpoint import Brain
from agent.cohort import Tuning
from agent.learned import Learned
from agent.tokens import Tokens, tokenize
from fedxr.apart import Apart, LearningError, _packed
from fedxr.cast import profile_of_actor
from fedxr.learner import Learner
from fedxr.people import one_ask_each
from fedxr.stream import Actor
from fedxr.told import Told


@pytest.fixture(scope="module")
def cast() -> list[Actor]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def brain(cast: list[Actor]) -> Brain:
    return live_rig.brain_of(cast)


@pytest.fixture
def apart(brain: Brain) -> Iterator[Apart]:
    learner = Apart(brain, Tuning(), live_rig.RULE)
    learner.ready()
    yield learner
    learner.close()


def lessons(actor: Actor) -> list[Tokens]:
    return [x for e in actor.user.episodes for x in one_ask_each(tokenize(e, actor.user.channels))]


def test_a_lesson_travels_whole(cast: list[Actor]) -> None:
    for sent in lessons(cast[0])[:4]:
        got = pickle.loads(_packed(sent))  # noqa: S301
        assert (got.key, got.adapt) == (sent.key, sent.adapt)
        assert [(e.layout, e.tick) for e in got.emissions] == [
            (e.layout, e.tick) for e in sent.emissions
        ]
        for a, b in zip(got.emissions, sent.emissions, strict=True):
            np.testing.assert_array_equal(a.features, b.features, strict=True)
        (a,), (b,) = got.asks, sent.asks
        assert (a.task, a.tick, a.label, a.summary.keys()) == (
            b.task, b.tick, b.label, b.summary.keys()
        )  # fmt: skip
        for layout, vector in a.summary.items():
            np.testing.assert_array_equal(vector, b.summary[layout], strict=True)


def _heads(a: Learned, b: Learned) -> list[tuple]:
    """By row and task the ridge heads by expert, beside each other."""
    assert a.weights.keys() == b.weights.keys()
    return [(a.weights[key], b.weights[key]) for key in a.weights]


def test_apart_learns_what_one_here_learns(apart: Apart, brain: Brain, cast: list[Actor]) -> None:
    """Two headsets join, are told, take personal steps and meet: all that comes out is equal, to
    the last bit, as both do the same operations on the same numbers in one thread each."""
    here = Learner(brain, Tuning(), live_rig.RULE)
    told = [
        Told(row, x.asks[0].task, 0, x.asks[0].tick, x, x.asks[0].label)
        for row, actor in enumerate(cast[:2])
        for x in lessons(actor)[:12]
    ]

    def live(learner: Learner | Apart) -> tuple[list[object], list[Learned]]:
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


def test_what_fails_there_is_raised_here_and_it_goes_on(apart: Apart) -> None:
    with pytest.raises(LearningError, match=r"the learning process failed(.|\n)*KeyError"):
        apart.ask(Learner.round, [7, 8])
    assert apart.ask(Learner.personalise)[0] is False


def test_a_learner_that_is_killed_is_told_of(apart: Apart) -> None:
    os.kill(apart._process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    with pytest.raises(LearningError, match=r"ended \(exit code -9\); states are kept"):
        apart.ask(Learner.personalise)
