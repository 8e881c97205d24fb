"""What a headset's channels are admitted to, what waits for its tick, and what a moment counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import live_rig
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_live import until

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame
from fedxr.bridge.serving.budget import ALLOWANCES, Budget
from fedxr.bridge.user_key import UserKey
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.budget import MOST_PLACES, MOST_TOKENS, SEAT_BYTES, MemoryBudget, cost_of
from fedxr.live.moments import REMEMBERED, Moments, Repetition
from fedxr.live.waiting_frames import BYTES, FRAMES, HeldFrames
from fedxr.scenarios.devices import DEVICES

HEAD = Channel("head", "motion/head", 30.0)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(CHECKPOINT)


def test_every_device_that_we_know_is_admitted_whole(checkpoint: Checkpoint) -> None:
    room = MemoryBudget(checkpoint, 100 * SEAT_BYTES)
    for device in DEVICES.values():
        read = {c.name: c for c in device.channels if c.layout in checkpoint.model.plan.layouts}
        assert room.admit(device.name, read) == {}
        room.leave(device.name)
    assert room.left == 100 * SEAT_BYTES


def test_cameras_beyond_the_places_of_one_headset_are_refused(checkpoint: Checkpoint) -> None:
    cameras = {f"c{i}": Channel(f"c{i}", "vision/gray", 30.0) for i in range(4)}
    refused = MemoryBudget(checkpoint, 100 * SEAT_BYTES).admit("s", cameras)
    assert refused is not None
    assert sorted(refused) == ["c2", "c3"]
    assert f"one gets {MOST_PLACES} and {MOST_TOKENS}" in refused["c2"]
    slow = {f"c{i}": Channel(f"c{i}", "vision/gray", 1.0) for i in range(3)}
    assert MemoryBudget(checkpoint, 100 * SEAT_BYTES).admit("s", slow) == {}


def test_what_the_server_has_left_is_what_the_next_one_gets(checkpoint: Checkpoint) -> None:
    camera = {"c": Channel("c", "vision/gray", 30.0)}
    each = SEAT_BYTES + cost_of(checkpoint, camera["c"]).nbytes
    room = MemoryBudget(checkpoint, 2 * each + SEAT_BYTES)
    assert room.admit("a", camera) == room.admit("b", camera) == {}
    refused = room.admit("c", camera)
    assert refused is not None
    assert "MiB, and 0 are left" in refused["c"]
    assert room.admit("d", camera) is None  # not even a seat
    room.leave("a")
    assert room.admit("d", {}) == {}


# -- what waits for its tick ----------------------------------------------------------------------


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _held(channel: Channel) -> tuple[HeldFrames, Counter[str], _Clock]:
    clock, shed = _Clock(), Counter[str]()
    return HeldFrames([channel], Budget(ALLOWANCES, clock), shed), shed, clock


def _frame(seq: int, capture_us: int, n: int = 1, episode: int = 0) -> Frame:
    t_us = np.full(n, capture_us, np.int64)
    return Frame(seq, capture_us, {"head": Samples(t_us, np.zeros((n, 7), np.float32))}, episode)


def test_frames_that_close_no_tick_do_not_pile_up() -> None:
    held, shed, clock = _held(HEAD)
    for seq in range(1, 20_000):
        clock.now += 0.002
        held.put(_frame(seq, 10, 20))
        assert len(held) <= FRAMES
        assert held.nbytes <= BYTES
    assert shed["head"] > 1000
    assert held.last is not None
    assert held.last.seq == 19_999


def test_one_large_frame_after_the_other_is_bounded_in_bytes() -> None:
    ear = Channel("head", "audio/pcm16", 200_000.0)
    held, shed, _ = _held(ear)
    for seq in range(1, 100):
        t_us = np.full(100_000, 10, np.int64)
        held.put(Frame(seq, 10, {"head": Samples(t_us, np.zeros(100_000, np.int16))}))
        assert held.nbytes <= BYTES
    assert shed["head"] > 10


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 60_000_000)), max_size=40))
def test_no_more_ticks_are_leapt_over_than_go_by(steps: list[tuple[int, int]]) -> None:
    """Over any jumps and new episodes: what is taken adds up to the allowance at most."""
    held, _, _ = _held(HEAD)
    allowed, episode, at, ticks = ALLOWANCES["tick"], 0, 0, 0
    last = (-1, -1)
    for seq, (begins, jump) in enumerate(steps, 1):
        episode, at = (episode + 1, jump) if begins else (episode, at + jump)
        frame = _frame(seq, at, 1, episode)
        if held.put(frame):
            now = max(-1, at // TICK_US - 1)
            ticks += max(0, now - (last[1] if last[0] == episode else -1))
            last = episode, max(now, last[1] if last[0] == episode else -1)
    assert ticks <= allowed.burst


# -- a moment counts once -------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2)), max_size=60))
def test_a_moment_has_the_label_that_was_said_last(said: list[tuple[int, int]]) -> None:
    """-1 takes it back. Said the dumb way: a table of the last label by moment."""
    moments, table = Moments(), dict[int, int]()
    for tick, label in said:
        moment = "doing", 0, tick
        if label < 0:
            moments.undone(moment)
            table.pop(tick, None)
            continue
        before = table.get(tick)
        wanted = (
            Repetition.FIRST
            if before is None
            else Repetition.AGAIN
            if before == label
            else Repetition.OTHER
        )
        assert moments.compare(moment, label) is wanted
        moments.learned(moment, label)
        table[tick] = label


def test_moments_are_forgotten_in_time() -> None:
    moments = Moments()
    for tick in range(REMEMBERED + 100):
        moments.learned(("doing", 0, tick), 1)
    assert moments.compare(("doing", 0, 99), 1) is Repetition.FIRST
    assert moments.compare(("doing", 0, 100), 1) is Repetition.AGAIN


async def test_a_label_said_a_hundred_times_is_learned_once(tmp_path: Path) -> None:
    """Over a real connection; and the other label that is said then takes its place."""
    cast = live_rig.cast_of()
    checkpoint = live_rig.checkpoint_of(cast)
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        cohort = rig.live.agents.learner.cohort  # type: ignore[union-attr]
        client = await _streaming(rig, cast[1].user.channels)
        session = next(iter(rig.server.sessions.values()))
        for times, label in ((1, 1), (2, 0)):
            for _ in range(100):
                await client.send_feedback("doing", 10 * TICK_US, label)
            await until(lambda n=times: session.stats.feedback == 100 * n)
            await rig.live.learn_once()
            assert +cohort.headsets[0].replay.label_counts["doing"] == {label: 1}
            assert float(cohort.headsets[0].personal["doing"].sums.n.sum()) == pytest.approx(1)
        assert rig.live.metrics.labels.lost == 198
        await client.close()


async def test_what_is_said_now_waits_for_the_frame_that_closes_its_moment(tmp_path: Path) -> None:
    """A moment that is not over yet, or whose tick was not answered yet, is no unknown one."""
    cast = live_rig.cast_of()
    async with live_rig.Rig(live_rig.checkpoint_of(cast), tmp_path / "s.db") as rig:
        cohort = rig.live.agents.learner.cohort  # type: ignore[union-attr]
        client = await _streaming(rig, cast[1].user.channels)
        session = next(iter(rig.server.sessions.values()))
        replay, labels = cohort.headsets[0].replay, rig.live.metrics.labels
        await client.send_feedback("doing", 30 * TICK_US + 20_000, 1)
        await client.send_feedback("doing", 30 * TICK_US + 20_000, 0, kind="correction")
        await until(lambda: session.stats.feedback == 2)
        await rig.live.learn_once()
        assert (replay.label_counts, labels.lost) == ({}, 0)
        await client.send_frame(32 * TICK_US, {}, 0, 0)
        await until(lambda: session.stats.frames == 2)
        await rig.live.learn_once()
        assert not replay.label_counts, "the frame is there, its tick is not answered"
        assert await rig.live.tick_once() == 1
        await rig.live.learn_once()
        assert +replay.label_counts["doing"] == {0: 1}
        await client.send_feedback("doing", 62 * TICK_US + 20_000, 1)  # more than a second ahead
        await client.send_feedback("doing", 40 * TICK_US, 1)  # no frame will ever close it
        await until(lambda: session.stats.feedback == 4)
        await rig.live.learn_once()
        assert labels.lost == 1
        await client.close()
        await until(lambda: not rig.live._here)
        assert labels.lost == 4, "that one, and the two learned ones that no answer was given with"


async def _streaming(rig: live_rig.Rig, channels: tuple[Channel, ...]) -> HeadsetClient:
    """A headset whose first 30 ticks have been answered."""
    client = await connect(
        rig.server.url, user="u", scenario="companion", channels=channels, tasks=["doing"],
        clock_s=None, key=UserKey.new(),
    )  # fmt: skip
    await client.send_frame(30 * TICK_US + 10, {})
    await until(lambda: any(h.due for h in rig.live._here.values()))
    await rig.live.tick_once()
    return client


async def test_feedback_beyond_the_allowance_is_shed_and_told(tmp_path: Path) -> None:
    cast = live_rig.cast_of()
    async with live_rig.Rig(live_rig.checkpoint_of(cast), tmp_path / "s.db") as rig:
        client = await _streaming(rig, cast[1].user.channels)
        session = next(iter(rig.server.sessions.values()))
        most = int(ALLOWANCES["label"].burst)
        for n in range(2 * most):
            await client.send_feedback("doing", n % 30 * TICK_US, n % 3)
        await until(lambda: session.stats.feedback == 2 * most)
        shed = session.budget.shed["label"]
        here = next(iter(rig.live._here.values()))
        assert len(here.feedback) + shed == 2 * most
        assert 0 < shed <= most
        told = session.budget.tell()
        assert "pieces of feedback" in told
        await client.close()


def test_a_model_without_cameras_refuses_them_before_they_cost(checkpoint: Checkpoint) -> None:
    """The cost is reckoned of what the checkpoint reads; a wider model has dearer places."""
    plan = checkpoint.model.plan
    wide = Checkpoint(M3T(Plan.of("small", plan.layouts, plan.tasks)), {})
    one = cost_of(checkpoint, HEAD)
    assert one.places == cost_of(wide, HEAD).places
    assert one.nbytes < cost_of(wide, HEAD).nbytes
    assert torch.float32.itemsize == 4  # what a cached number takes
