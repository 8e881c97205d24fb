"""The live side of a cohort: streamed answers, late feedback, headsets that come and go."""

from __future__ import annotations

import made
import numpy as np
import pytest
import torch
from tolerance import assert_same_answers, pass_terms, rounding
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import ADAPTED, PERSONAL
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.inputs.tokens import TokenizedEpisode, tick_of, tokenize
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import FAST
from fedxr.agent.serving.inference import InferenceEngine, Probabilities
from fedxr.agent.serving.weight_update import Changes
from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import TICK_US


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return made.checkpoint()


_each = made.each


def _cohort(checkpoint: Checkpoint, *channels: tuple[made.Channel, ...]) -> Cohort:
    """Headsets whose adapters have moved from where they start."""
    members = [HeadsetIdentity(f"h{i}", some, made.TASKS) for i, some in enumerate(channels)]
    cohort = Cohort(checkpoint, members, Tuning(), torch.float32)
    generator = torch.Generator().manual_seed(1)
    cohort.stack.theta += 0.02 * torch.randn(cohort.stack.theta.shape, generator=generator)
    return cohort


def _live(cohort: Cohort, freshest: int = 3) -> InferenceEngine:
    """Answers for the headsets of ``cohort``, which share its normalisers."""
    members = [state.identity for state in cohort.headsets]
    inference = InferenceEngine(
        cohort.checkpoint, members, cohort.stack.tuning, cohort.mixing, freshest
    )
    for serving, state in zip(inference.headsets, cohort.headsets, strict=True):
        serving.normalizer = state.normalizer
    return inference


def _answering(cohort: Cohort, freshest: int = 3) -> InferenceEngine:
    inference = _live(cohort, freshest)
    inference.swap(inference.prepare(Changes(cohort).take()))
    return inference


def _feed(inference: InferenceEngine, row: int, number: int, episode: Episode, tick: int) -> None:
    start, end = tick * TICK_US, (tick + 1) * TICK_US
    inference.push(row, number, {n: s.between(start, end) for n, s in episode.samples.items()})


def _rounding(inference: InferenceEngine, log_answer: torch.Tensor) -> float:
    """Of probabilities: the logarithm tells how large the logits are; a probability moves by half
    of what they move by, at most."""
    terms = pass_terms(inference.checkpoint.model.plan.size, inference.caches.total)
    return rounding(torch.float32, terms, log_answer / 2)


def _told(cohort: Cohort, row: int, seeds: range) -> None:
    """The headset's user says what is true of the questions of these episodes."""
    for seed in seeds:
        for one in _each(made.tokens(seed)):
            cohort.remember([(row, one)])


def _streamed(
    inference: InferenceEngine, episodes: list[Episode], ticks: range
) -> dict[int, dict[int, dict[str, Probabilities]]]:
    """All answers by tick and row, with summaries made anew each tick (they are cleared)."""
    live = {}
    for tick in ticks:
        for row, episode in enumerate(episodes):
            _feed(inference, row, 0, episode, tick)
        live[tick] = inference.tick(dict.fromkeys(range(len(episodes)), tick))
        for serving in inference.headsets:
            serving.summaries.clear()
    return live


def _mixture(cohort: Cohort, row: int, one: TokenizedEpisode) -> Tensor:
    """The full pass of every expert over ``one``, mixed as far as the headset believes them."""
    (answers,) = cohort.answers([(row, one)], cohort.features([one]))
    trust = cohort.trust(row, one.queries[-1].task)
    return sum(w * p.exp() for w, p in zip(trust, answers, strict=True) if w > 0)


def test_live_answers_are_the_mixture_of_full_passes(checkpoint: Checkpoint) -> None:
    """In one pass: headset 0 has never trained, 1 has adapters that are believed and so a twin, 2
    has adapters whose weight fell below the floor. 1e-4 is what streaming promises, and more than
    rounding takes (see above)."""
    cohort = _cohort(checkpoint, *[made.CHANNELS] * 3)
    cohort.stack.theta[0] = cohort.start[0]
    for row in range(3):
        _told(cohort, row, range(20, 23))
    cohort.headsets[0].federated = cohort.headsets[1].federated = dict(cohort.headsets[2].personal)
    for task in made.TASKS:
        cohort.headsets[1].expert_weights[task].earned[ADAPTED] = 1.0
        cohort.headsets[2].expert_weights[task].earned[ADAPTED] = -20.0
    inference = _answering(cohort)
    assert inference.prepared.twins == (1,)
    believed = [
        {int(e) for t in made.TASKS for e in cohort.trust(row, t).nonzero()} for row in range(3)
    ]
    assert [ADAPTED in some for some in believed] == [False, True, False]
    assert all(len(some) > 1 for some in believed), "more than the generic expert must answer"
    episodes = [made.episode(s) for s in (1, 2, 3)]
    live = _streamed(inference, episodes, range(91))
    for row, episode in enumerate(episodes):
        for one in _each(tokenize(episode, made.CHANNELS)):
            wanted = _mixture(cohort, row, one)
            got = live[one.queries[0].tick][row][one.queries[0].task]
            assert _rounding(inference, wanted.log()) < 1e-4
            np.testing.assert_allclose(got, wanted.numpy(), rtol=0, atol=1e-4)


def test_a_twin_that_comes_later_has_seen_what_its_headset_has(checkpoint: Checkpoint) -> None:
    """Its rings begin at tick 60 with what the checkpoint read: close at once (with nothing in them
    it would be off by more than 1e-3). Its own reading has replaced that after ``FAST`` ticks for
    each layer."""
    cohort = _cohort(checkpoint, made.CHANNELS)
    _told(cohort, 0, range(20, 23))
    for trust in cohort.headsets[0].expert_weights.values():
        trust.earned[ADAPTED] = 3.0  # believed nearly alone, once it is there
    theta = cohort.stack.theta.clone()
    cohort.stack.theta[0] = cohort.start[0]
    inference, changes = _live(cohort), Changes(cohort)
    inference.swap(inference.prepare(changes.take()))
    assert inference.prepared.twins == ()
    layers = checkpoint.model.plan.size.layers
    come, done = 60, 60 + layers * FAST
    seconds = (done + 40) / 30
    episode = made.episode(5, seconds)
    _streamed(inference, [episode], range(come))
    cohort.stack.theta = theta
    inference.swap(inference.prepare(changes.take()))
    assert inference.prepared.twins == (0,)
    live = _streamed(inference, [episode], range(come, done + 31))
    raw = tokenize(episode, made.CHANNELS)

    def off(tick: int) -> float:
        """How far the live answers of that tick lie from those of the full pass."""
        worst = 0.0
        for one in _each(raw):
            if one.queries[0].tick == tick:
                wanted = _mixture(cohort, 0, one)
                got = live[tick][0][one.queries[0].task]
                worst = max(worst, float(np.abs(got - wanted.numpy()).max()))
        return worst

    asked = sorted({a.tick for a in raw.queries if come <= a.tick <= done + 30})
    assert max(off(t) for t in asked[::3]) < 1e-3
    assert max(off(t) for t in asked[::-3] if t >= done) < 1e-4


def test_late_feedback_gives_the_example_of_the_recording(checkpoint: Checkpoint) -> None:
    """Two episodes; feedback on both comes after the second; every example is the recording's."""
    inference = _answering(_cohort(checkpoint, made.CHANNELS))
    episodes = [made.episode(3, 4.0), made.episode(5, 3.0)]
    for number, episode in enumerate(episodes):
        for tick in range(int(episode.seconds * 30) + 1):
            _feed(inference, 0, number, episode, tick)
            inference.tick({0: tick})
    for number, episode in enumerate(episodes):
        raw = tokenize(episode, made.CHANNELS)
        asked = zip(
            episode.queries, _each(inference.headsets[0].normalizer.apply(raw)), strict=True
        )
        for query, wanted in asked:
            got = inference.headsets[0].example(query.task, number, query.t_us, query.label)
            assert got is not None
            assert [(e.layout, e.tick) for e in got.token_features] == [
                (e.layout, e.tick) for e in wanted.token_features
            ]
            for a, b in zip(got.token_features, wanted.token_features, strict=True):
                np.testing.assert_array_equal(a.features, b.features)
            (mine,), (theirs,) = got.queries, wanted.queries
            assert (mine.task, mine.tick, mine.label) == (theirs.task, theirs.tick, theirs.label)
            assert mine.summary.keys() == theirs.summary.keys()
            for layout, vector in mine.summary.items():
                np.testing.assert_array_equal(vector, theirs.summary[layout])


def test_moments_that_are_not_known_give_no_example(checkpoint: Checkpoint) -> None:
    inference = _answering(_cohort(checkpoint, made.CHANNELS))
    episode = made.episode(3)
    _feed(inference, 0, 4, episode, 0)
    inference.tick({0: 0})
    assert inference.headsets[0].example("doing", 4, TICK_US, 1) is not None
    assert inference.headsets[0].example("doing", 4, 2 * TICK_US, 1) is None  # not yet
    assert inference.headsets[0].example("doing", 3, TICK_US, 1) is None  # never
    assert inference.headsets[0].example("doing", 4, 0, 1) is not None
    assert inference.headsets[0].example("doing", 4, -1, 1) is None  # before it began


def test_old_samples_and_emissions_go(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedxr.agent.serving.history.KEEP", 60)
    inference = _answering(_cohort(checkpoint, made.CHANNELS))
    episode = made.episode(3, 12.0)
    for tick in range(360):
        _feed(inference, 0, 0, episode, tick)
        inference.tick({0: tick})
    past = inference.headsets[0].past
    kept = past._episodes[0].samples["watch"]
    assert sum(map(len, kept)) <= (2 + 2 + 0.1) * 100  # 60 ticks and the summary's 2 s
    assert past._bytes["watch"] == sum(p.t_us.nbytes + p.values.nbytes for p in kept)
    assert inference.headsets[0].example("doing", 0, 280 * TICK_US, 0) is None
    assert inference.headsets[0].example("doing", 0, 340 * TICK_US, 0) is not None
    for number in (1, 2, 3):
        inference.push(0, number, {})
        for tick in range(40):
            inference.tick({0: tick})
    assert [e.number for e in past._episodes] == [1, 2, 3]
    assert past._bytes["watch"] == 0


def test_a_headset_that_joins_changes_no_other(checkpoint: Checkpoint) -> None:
    """Rings grow in places and rows while headset 0 streams; a row is given to another headset."""
    one = _cohort(checkpoint, (made.WATCH,))
    plain, theta = _answering(one), one.stack.theta
    cohort = _cohort(checkpoint, (made.WATCH,), made.CHANNELS)
    cohort.stack.theta[:1] = theta
    shared = _answering(cohort)
    episode = made.episode(6, 8.0, (made.WATCH,))
    other = made.episode(8, 8.0)
    for tick in range(240):
        if tick in (100, 170):
            shared.add(1, shared.headsets[1].identity)
        _feed(plain, 0, 0, episode, tick)
        _feed(shared, 0, 0, episode, tick)
        due = {0: tick}
        if tick >= 100:
            _feed(shared, 1, 0, other, tick - (100 if tick < 170 else 170))
            due[1] = tick - (100 if tick < 170 else 170)
        alone, together = plain.tick({0: tick}), shared.tick(due)
        for task in made.TASKS:
            terms = pass_terms(checkpoint.model.plan.size, shared.caches.total)
            assert_same_answers(together[0][task], alone[0][task], terms)


def test_what_is_prepared_is_taken_up_whole(checkpoint: Checkpoint) -> None:
    cohort = _cohort(checkpoint, made.CHANNELS)
    inference, changes = _live(cohort), Changes(cohort)
    before = inference.prepare(changes.take())
    inference.swap(before)
    nothing = changes.take()
    assert not nothing.theta
    assert not nothing.weights
    after = inference.prepare(nothing)
    assert after.version == before.version + 1
    assert after.weights[0, "doing"] is before.weights[0, "doing"]
    assert after.adapted == before.adapted
    cohort.remember([(0, _each(made.tokens(1))[0])])
    cohort.stack.theta[0, 0] += 1
    learned = changes.take()
    assert set(learned.theta) == {0}
    assert set(learned.trust) == set(learned.weights) == {(0, "doing")}
    assert torch.equal(learned.theta[0], cohort.stack.theta[0])
    assert torch.equal(learned.trust[0, "doing"], cohort.trust(0, "doing"))
    # Everyone has the checkpoint's head. After one class the adapted expert has ALONE · 0.1 against
    # 0.35, less than the floor: an expert that is not believed needs no head.
    assert set(learned.weights[0, "doing"]) == {PERSONAL}
    assert tick_of(TICK_US) == 0
