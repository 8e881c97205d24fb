"""Numbers that cannot be, at a real server with the shipped checkpoint: the answers stay numbers,
the headset is told, and what was lost is a gap and no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import live_rig
import numpy as np
import pytest

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel, Samples, layout_of
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.plausible import sieve_of
from fedxr.bridge.protocol import Notice, Reply
from fedxr.learning.shipped import CHECKPOINT

START = 10**12
EVERY = 2  # ticks a frame
NAN = float("nan")
CHANNELS = (
    (Channel("vib", "contact/vibration", 2000.0), "warning"),
    (Channel("eeg", "eeg/Oz-O1-O2-PO3-POz-PO7-PO8-PO4", 250.0), "workload"),
    (Channel("gaze", "gaze/point2", 30.0), "target"),
    (Channel("hands", "hands/webxr25", 30.0), "intent"),
    (Channel("head", "motion/head", 30.0), "doing"),
    (Channel("wrist", "motion/wrist", 50.0), "doing"),
    (Channel("eda", "physiology/eda", 4.0), "tension"),
    (Channel("hr", "physiology/heart-rate", 1.0), "tension"),
)
SCENARIOS = {
    "warning": "overlays", "target": "overlays", "workload": "neuroadaptive",
    "intent": "neuroadaptive", "doing": "companion", "tension": "storytelling",
}  # fmt: skip
Spoil = Callable[[int, np.ndarray], np.ndarray]
"""From frame number and its plausible values to what is sent; with no rows, nothing is."""


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(CHECKPOINT)


def usual(channel: Channel, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, …) values in the middle of what is plausible."""
    sieve, layout = sieve_of(channel.layout), layout_of(channel.layout)
    assert sieve is not None
    middle, spread = (sieve.high + sieve.low) / 2, (sieve.high - sieve.low) * 1e-4
    values = middle + spread * rng.standard_normal((n, *layout.shape))
    for start, stop in sieve.range.units:
        values[..., start:stop] = np.eye(stop - start)[-1]
    return values.astype(np.float32)


async def sent(
    checkpoint: Checkpoint, state: Path, channel: Channel, task: str, spoil: Spoil, frames: int = 90
) -> tuple[list[np.ndarray], list[Notice], int]:
    """All answers, what was told, and how many emissions the headset's samples gave."""
    heard: list[np.ndarray] = []
    told: list[Notice] = []
    rng = np.random.default_rng(0)
    async with (
        live_rig.Rig(checkpoint, state) as rig,
        await connect(
            rig.server.url,
            user="u",
            scenario=SCENARIOS[task],
            channels=[channel],
            tasks=[task],
            clock_s=None,
        ) as client,
    ):

        async def listen() -> None:
            async for message in client:
                if isinstance(message, Reply):
                    heard.append(message.answers[task].probabilities)
                elif isinstance(message, Notice):
                    told.append(message)

        listening = asyncio.create_task(listen())
        assert client.tasks == (task,)
        last = 0
        for i in range(1, frames):
            end_us = START + i * EVERY * TICK_US
            upto = int((end_us - START) * channel.rate_hz / 1e6)
            t_us = START + (np.arange(last, upto) * 1e6 / channel.rate_hz).astype(np.int64)
            last = upto
            values = spoil(i, usual(channel, len(t_us), rng))
            some = {channel.name: Samples(t_us[: len(values)], values)} if len(values) else {}
            seq = await client.send_frame(end_us, some, 0, START)
            await until(lambda seq=seq: arrived(rig) == seq)
            await rig.live.tick_once()
        await until(lambda: len(heard) >= frames - 1)
        session = next(iter(rig.live._here.values())).session
        if session.codecs[1].absences.samples.total():
            await until(lambda: told)
        listening.cancel()
        inference = rig.live.agents.inference
        kept = [c.cache for c in inference.caches]
        token_features = sum(len(e.token_features) for e in inference.headsets[0].past._episodes)
        parts = [x for r in kept for x in (*r.keys, *r.values, r.states)]
        assert parts
        assert all(bool(x.isfinite().all()) for x in parts)
        for moments in rig.live.agents.inference.headsets[0].normalizer.own.values():
            assert np.isfinite(moments.total).all()
            assert np.isfinite(moments.square).all()
    return heard, told, token_features


def arrived(rig: live_rig.Rig) -> int:
    return max((h.session.last_seq for h in rig.live._here.values()), default=-1)


async def until(what: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"still waiting after {seconds} s"
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(("channel", "task"), CHANNELS, ids=lambda x: getattr(x, "layout", x))
@pytest.mark.parametrize("number", [3e38, NAN])
async def test_absurd_numbers_never_reach_an_answer(
    checkpoint: Checkpoint, tmp_path: Path, channel: Channel, task: str, number: float
) -> None:
    """Every other frame of usual numbers, the rest absurd."""
    noise = np.random.default_rng(1)

    def spoil(i: int, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            absurd = (noise.standard_normal(values.shape) * number).astype(np.float32)
        return absurd if i % 2 else values

    answers, told, _ = await sent(checkpoint, tmp_path / "state.db", channel, task, spoil)
    assert all(np.isfinite(p).all() for p in answers)
    assert {n.code for n in told} == {"absent"}
    assert all(channel.name in n.counts for n in told)


async def test_a_zero_orientation_is_a_gap_and_no_more(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """As if the headset had left that sample out itself, to the last bit."""
    head = Channel("head", "motion/head", 30.0)

    def zero(i: int, values: np.ndarray) -> np.ndarray:
        if i == 50:
            values[:, 3:] = 0.0
        return values

    def nothing(i: int, values: np.ndarray) -> np.ndarray:
        return values[:0] if i == 50 else values

    lost, told, _ = await sent(checkpoint, tmp_path / "a.db", head, "doing", zero)
    left_out, silence, _ = await sent(checkpoint, tmp_path / "b.db", head, "doing", nothing)
    np.testing.assert_array_equal(lost, left_out)
    assert np.isfinite(lost).all()
    assert [n.code for n in told] == ["absent"]
    assert "not tracked" in told[0].text
    assert silence == []


async def test_a_loose_electrode_leaves_the_others_their_answers(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """One of eight is NaN throughout: the EEG is read all the same, and the electrode is named."""
    eeg, task = CHANNELS[1]

    def loose(i: int, values: np.ndarray) -> np.ndarray:
        values[:, 2] = NAN
        return values

    _, told, token_features = await sent(checkpoint, tmp_path / "state.db", eeg, task, loose)
    assert {n.code for n in told} == {"absent"}
    assert all("O2" in n.text for n in told)
    assert token_features > 0
