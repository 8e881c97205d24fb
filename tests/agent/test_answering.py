"""The live side of a fleet: streamed answers, late feedback, headsets that come and go."""

from __future__ import annotations

from dataclasses import replace

import made
import numpy as np
import pytest
import torch
from tolerance import assert_same_answers, pass_terms

from agent.analytic import Choice
from agent.answering import Answering
from agent.batch import collate
from agent.brain import fit_ridge
from agent.cohort import Tuning
from agent.fleet import Brain, Fleet, Member
from agent.learned import Changes
from agent.pretrain import fit_standards
from agent.tasks import Episode
from agent.tokens import Tokens, tick_of, tokenize
from bridge.channels import TICK_US


@pytest.fixture(scope="module")
def brain() -> Brain:
    model = made.model()
    episodes = [one for s in range(12) for one in _each(made.tokens(s))]
    fit_standards(model, episodes)
    by_task = {t: [e for e in episodes if e.asks[0].task == t] for t in made.TASKS}
    return Brain(model, {t: fit_ridge(model, t, [by_task[t]]) for t in made.TASKS})


def _each(tokens: Tokens) -> list[Tokens]:
    return [
        replace(tokens, asks=(a,), emissions=tuple(e for e in tokens.emissions if e.tick <= a.tick))
        for a in tokens.asks
    ]


def _fleet(brain: Brain, *channels: tuple[made.Channel, ...]) -> Fleet:
    members = [Member(f"h{i}", some, made.TASKS) for i, some in enumerate(channels)]
    fleet = Fleet(brain, members, Tuning(), torch.float32)
    generator = torch.Generator().manual_seed(1)
    fleet.cohort.theta += 0.02 * torch.randn(fleet.cohort.theta.shape, generator=generator)
    return fleet


def _answering(fleet: Fleet, freshest: int = 3) -> Answering:
    answering = Answering(fleet, freshest)
    answering.adopt(answering.prepare(Changes(fleet).take()))
    return answering


def _feed(answering: Answering, row: int, number: int, episode: Episode, tick: int) -> None:
    start, end = tick * TICK_US, (tick + 1) * TICK_US
    answering.push(row, number, {n: s.between(start, end) for n, s in episode.samples.items()})


@pytest.mark.parametrize("task", made.TASKS)
def test_live_answers_equal_the_full_pass(brain: Brain, task: str) -> None:
    """With summaries made anew each tick (they are cleared). 1e-4 is what streaming promises."""
    fleet = _fleet(brain, made.CHANNELS, made.CHANNELS)
    fleet.choices = [{t: Choice(trust=0.7, own=2.0) for t in made.TASKS} for _ in range(2)]
    fleet.remember([(1, one) for one in _each(made.tokens(7))])
    answering = _answering(fleet, freshest=1)
    episodes = [made.episode(1), made.episode(2)]
    live = {}
    for tick in range(91):
        for row, episode in enumerate(episodes):
            _feed(answering, row, 0, episode, tick)
        live[tick] = answering.tick({0: tick, 1: tick})
        for seat in answering._seats:
            seat.summaries.clear()
    for row, episode in enumerate(episodes):
        for one in _each(tokenize(episode, made.CHANNELS)):
            ask = one.asks[0]
            if ask.task != task:
                continue
            batch = collate([[one]], brain.model.plan.tokens_of, brain.model.plan.tasks)
            logits = fleet.cohort.answers(batch, fleet.cohort.theta[row : row + 1]).logits[task][0]
            wanted = fleet.log_answers(row, task, logits, fleet.features([one])[0][None])
            got = live[ask.tick][row][task]
            np.testing.assert_allclose(got, wanted[0].exp().numpy(), rtol=0, atol=1e-4)
            terms = pass_terms(brain.model.plan.size, answering.rings.total)
            assert_same_answers(got, wanted[0].exp().numpy(), terms)


def test_late_feedback_gives_the_lesson_of_the_recording(brain: Brain) -> None:
    """Two episodes; feedback on both comes after the second; every lesson is the recording's."""
    answering = _answering(_fleet(brain, made.CHANNELS))
    episodes = [made.episode(3, 4.0), made.episode(5, 3.0)]
    for number, episode in enumerate(episodes):
        for tick in range(int(episode.seconds * 30) + 1):
            _feed(answering, 0, number, episode, tick)
            answering.tick({0: tick})
    for number, episode in enumerate(episodes):
        raw = tokenize(episode, made.CHANNELS)
        asked = zip(episode.queries, _each(answering.fleet.normals[0].apply(raw)), strict=True)
        for query, wanted in asked:
            got = answering.lesson(0, query.task, number, query.t_us, query.label)
            assert got is not None
            assert [(e.layout, e.tick) for e in got.emissions] == [
                (e.layout, e.tick) for e in wanted.emissions
            ]
            for a, b in zip(got.emissions, wanted.emissions, strict=True):
                np.testing.assert_array_equal(a.features, b.features)
            (mine,), (theirs,) = got.asks, wanted.asks
            assert (mine.task, mine.tick, mine.label) == (theirs.task, theirs.tick, theirs.label)
            assert mine.summary.keys() == theirs.summary.keys()
            for layout, vector in mine.summary.items():
                np.testing.assert_array_equal(vector, theirs.summary[layout])


def test_moments_that_are_not_known_give_no_lesson(brain: Brain) -> None:
    answering = _answering(_fleet(brain, made.CHANNELS))
    episode = made.episode(3)
    _feed(answering, 0, 4, episode, 0)
    answering.tick({0: 0})
    assert answering.lesson(0, "doing", 4, TICK_US, 1) is not None
    assert answering.lesson(0, "doing", 4, 2 * TICK_US, 1) is None  # not yet
    assert answering.lesson(0, "doing", 3, TICK_US, 1) is None  # never


def test_old_samples_and_emissions_go(brain: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.past.KEEP", 60)
    answering = _answering(_fleet(brain, made.CHANNELS))
    episode = made.episode(3, 12.0)
    for tick in range(360):
        _feed(answering, 0, 0, episode, tick)
        answering.tick({0: tick})
    past = answering._seats[0].past
    kept = past._episodes[0].samples["watch"]
    assert sum(map(len, kept)) <= (2 + 2 + 0.1) * 100  # 60 ticks and the summary's 2 s
    assert past._bytes["watch"] == sum(p.t_us.nbytes + p.values.nbytes for p in kept)
    assert answering.lesson(0, "doing", 0, 280 * TICK_US, 0) is None
    assert answering.lesson(0, "doing", 0, 340 * TICK_US, 0) is not None
    for number in (1, 2, 3):
        answering.push(0, number, {})
        for tick in range(40):
            answering.tick({0: tick})
    assert [e.number for e in past._episodes] == [1, 2, 3]
    assert past._bytes["watch"] == 0


def test_a_headset_that_joins_changes_no_other(brain: Brain) -> None:
    """Rings grow in places and rows while headset 0 streams; a row is given to another headset."""
    plain = _answering(_fleet(brain, (made.WATCH,)))
    theta = plain.fleet.cohort.theta
    fleet = _fleet(brain, (made.WATCH,), made.CHANNELS)
    fleet.cohort.theta[:1] = theta
    shared = _answering(fleet)
    episode = made.episode(6, 8.0, (made.WATCH,))
    other = made.episode(8, 8.0)
    for tick in range(240):
        if tick in (100, 170):
            shared.reseat(1)
        _feed(plain, 0, 0, episode, tick)
        _feed(shared, 0, 0, episode, tick)
        due = {0: tick}
        if tick >= 100:
            _feed(shared, 1, 0, other, tick - (100 if tick < 170 else 170))
            due[1] = tick - (100 if tick < 170 else 170)
        alone, together = plain.tick({0: tick}), shared.tick(due)
        for task in made.TASKS:
            terms = pass_terms(brain.model.plan.size, shared.rings.total)
            assert_same_answers(together[0][task], alone[0][task], terms)


def test_what_is_prepared_is_taken_up_whole(brain: Brain) -> None:
    fleet = _fleet(brain, made.CHANNELS)
    answering, changes = Answering(fleet), Changes(fleet)
    before = answering.prepare(changes.take())
    answering.adopt(before)
    nothing = changes.take()
    assert not nothing.theta
    assert not nothing.weights
    after = answering.prepare(nothing)
    assert after.version == before.version + 1
    assert after.weights[0, "doing"] is before.weights[0, "doing"]
    assert after.adapters is before.adapters
    fleet.remember([(0, _each(made.tokens(1))[0])])
    fleet.cohort.theta[0, 0] += 1
    learned = changes.take()
    assert set(learned.theta) == {0}
    assert set(learned.weights) == {(0, "doing")}
    assert torch.equal(learned.theta[0], fleet.cohort.theta[0])
    assert tick_of(TICK_US) == 0
