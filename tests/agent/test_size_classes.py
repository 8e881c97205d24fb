"""Places by size class: who comes, who leaves, and what the others notice of it."""

from __future__ import annotations

import made
import numpy as np
import pytest
import torch
from tolerance import assert_same_answers, pass_terms

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.encoders.vision import MOST_SIDE, normalised
from fedxr.agent.inputs.tokens import BYTES, TokenStream
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.kv_cache import CAUGHT_UP, NEVER, KVCache, places, reach
from fedxr.agent.model.m3t import FAST
from fedxr.agent.serving.inference import InferenceEngine
from fedxr.agent.serving.size_classes import ORDINARY, SizeClasses, size_class
from fedxr.agent.serving.weight_update import Changes
from fedxr.bridge.channels import TICK_US, Channel, Samples

WATCH, EYE = made.WATCH, Channel("eye", "vision/gray", 30.0)
EYES = tuple(Channel(f"eye{i}", "vision/gray", 30.0) for i in range(4))


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return made.checkpoint()


def _answering(checkpoint: Checkpoint, *channels: tuple[Channel, ...]) -> InferenceEngine:
    members = [HeadsetIdentity(f"h{i}", some, made.TASKS) for i, some in enumerate(channels)]
    cohort = Cohort(checkpoint, members, Tuning(), torch.float32)
    inference = InferenceEngine(checkpoint, members)
    inference.swap(inference.prepare(Changes(cohort).take()))
    return inference


def test_the_places_of_all_who_left_are_given_back(checkpoint: Checkpoint) -> None:
    """Whoever comes and goes, in whatever order: what stays has what it had, and in the end there
    is nothing."""
    caches, rng = SizeClasses(checkpoint.model, torch.float32), np.random.default_rng(0)
    here: dict[int, float] = {}
    for n in range(100):
        row = int(rng.integers(16))
        if row in here:
            caches.reseat(row, ())
            del here[row]
        else:
            caches.reseat(row, EYES if row % 5 == 0 else (EYE,) if row % 5 == 1 else (WATCH,))
            caches.open(row)
            here[row] = float(n + 1)
            found, at = _row_of(caches, row)
            assert not found.keys[0][at].any(), "nothing of the last one's may stay"
            assert (found.until[at] == NEVER).all()
            found.keys[0][at], found.written[at] = here[row], n
        for other, mark in here.items():
            found, at = _row_of(caches, other)
            assert (found.keys[0][at] == mark).all()
            assert (found.written[at] == mark - 1).all()
    for row in here:
        caches.reseat(row, ())
    assert not list(caches)
    assert caches.total == 0


def _row_of(caches: SizeClasses, row: int) -> tuple[KVCache, int]:
    (found,) = [c for c in caches if (row, False) in c.seats]
    return found.cache, found.seats.index((row, False))


def test_room_is_given_back_when_most_have_left(checkpoint: Checkpoint) -> None:
    cache = KVCache(checkpoint.model, 0, 64, 1, torch.float32)
    for rows in (1, 5, 64, 65):
        cache.use(rows)
        assert rows <= len(cache._until) <= 2 * rows
    cache.use(20)
    assert len(cache._until) <= 80


def test_large_caches_enlarge_nobodys(checkpoint: Checkpoint) -> None:
    """The attack: one hello with cameras, and every headset attends to as many places as it."""
    inference = _answering(checkpoint, (WATCH,), EYES)
    small = sum(places((WATCH,)))
    for row in (0, 1):
        inference.push(row, 0, {})
    inference.tick({0: 0, 1: 0})
    totals = [found.cache.total for found in inference.caches]
    assert [found.seats for found in inference.caches] == [[(0, False)], [(1, False)]]
    assert totals[0] < small + 32
    assert totals[1] > sum(places(EYES))
    assert size_class(places((WATCH,))) == 0 < size_class(places(EYES))
    assert inference.caches.order(0) < inference.caches.order(1)
    inference.add(1, inference.headsets[1].identity)
    assert len(list(inference.caches)) == 1


def test_who_senses_nothing_takes_no_places(checkpoint: Checkpoint) -> None:
    inference = _answering(checkpoint, *[EYES] * 8)
    assert inference.caches.total == 0
    assert places(EYES)[0] > ORDINARY


def test_answers_beside_large_caches_are_those_without(checkpoint: Checkpoint) -> None:
    alone, beside = (
        _answering(checkpoint, (WATCH,)),
        _answering(checkpoint, (WATCH,), (*EYES, WATCH)),
    )
    episode = made.episode(6, 4.0, (WATCH,))
    for tick in range(100):
        now = {
            n: s.between(tick * TICK_US, (tick + 1) * TICK_US) for n, s in episode.samples.items()
        }
        for inference in (alone, beside):
            inference.push(0, 0, now)
        beside.push(1, 0, now)
        for seat in alone.headsets + beside.headsets:
            seat.summaries.clear()  # rows take turns in making them anew
        one, two = alone.tick({0: tick}), beside.tick({0: tick, 1: tick})
        terms = pass_terms(checkpoint.model.plan.size, beside.caches.total)
        for task in made.TASKS:
            assert_same_answers(two[0][task], one[0][task], terms)
            assert_same_answers(two[1][task], one[0][task], terms)


# -- leaps in time ------------------------------------------------------------------------------


def _pictures(n: int, side: int = 1) -> Samples:
    t_us = np.arange(n, dtype=np.int64) * TICK_US + 5
    return Samples(t_us, np.random.default_rng(0).integers(0, 255, (n, side, side), np.uint8))


def test_after_a_leap_only_what_can_be_seen_is_encoded() -> None:
    """1800 pictures and a minute of head poses in one frame, then one tick: of pictures the last
    few, of poses the five seconds that are visible, and those are what they would have been."""
    head = Channel("head", "motion/head", 30.0)
    values = np.random.default_rng(1).standard_normal((1799, 7)).astype(np.float32)
    samples = {"eye": _pictures(1799), "head": Samples(_pictures(1799).t_us, values)}
    ticks = {c.name: reach(c) for c in (EYE, head)}
    assert ticks == {"eye": CAUGHT_UP // 16, "head": FAST}
    whole, leapt = TokenStream((EYE, head)), TokenStream((EYE, head))
    for stream in (whole, leapt):
        stream.push(samples)
    wanted = whole.advance(1798)
    got = leapt.advance(1798, ticks)
    assert sum(e.layout == "vision/gray" for e in got) == CAUGHT_UP // 16
    least = {"vision/gray": 1798 - CAUGHT_UP // 16, "motion/head": 1798 - FAST}
    late = [e for e in wanted if e.tick > least[e.layout]]
    assert [(e.layout, e.tick) for e in got] == [(e.layout, e.tick) for e in late]
    for mine, theirs in zip(got, late, strict=True):
        np.testing.assert_array_equal(mine.features, theirs.features)


def test_who_does_not_leap_is_read_whole() -> None:
    whole, ticks = TokenStream(made.CHANNELS), TokenStream(made.CHANNELS)
    back = {c.name: reach(c) for c in made.CHANNELS}
    episode = made.episode(4)
    for tick in range(90):
        now = {
            n: s.between(tick * TICK_US, (tick + 1) * TICK_US) for n, s in episode.samples.items()
        }
        for stream in (whole, ticks):
            stream.push(now)
        one, two = whole.advance(tick), ticks.advance(tick, back)
        assert [(e.layout, e.tick) for e in one] == [(e.layout, e.tick) for e in two]


def _one(tick: int, side: int) -> Samples:
    return Samples(np.array([tick * TICK_US]), np.ones((1, side, side), np.uint8))


def test_a_camera_may_change_its_size() -> None:
    """Pictures of two sizes cannot be one array; the server must not end over it."""
    stream = TokenStream((EYE,))
    for tick, side in enumerate((8, 8, 16, 16, 8)):
        stream.push(
            {"eye": Samples(np.array([tick * TICK_US]), np.ones((1, side, side), np.uint8))}
        )
        (emission,) = stream.advance(tick)
        assert emission.tick == tick
        assert stream.summary("target", tick)["vision/gray"].size


@pytest.mark.parametrize("shape", [(1024, 1024), (1, 2**20), (2**20, 1), (640, 480), (321, 7)])
def test_of_a_large_picture_few_pixels_are_looked_at(shape: tuple[int, int]) -> None:
    """What comes out is what comes out of the rows and columns that are looked at."""
    picture = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    step = next(k for k in range(1, 2**20) if max(shape) <= k * MOST_SIDE)
    assert max(picture[::step, ::step].shape) <= MOST_SIDE
    np.testing.assert_array_equal(normalised(picture), normalised(picture[::step, ::step]))


def test_pictures_that_are_looked_back_on_are_bounded_in_bytes() -> None:
    stream = TokenStream((EYE,))
    for tick in range(60):
        stream.push(
            {"eye": Samples(np.array([tick * TICK_US]), np.ones((1, 1024, 1024), np.uint8))}
        )
        stream.advance(tick)
    held = sum(p.nbytes for p in stream._lines["eye"].waiting)
    assert 0 < held <= BYTES
