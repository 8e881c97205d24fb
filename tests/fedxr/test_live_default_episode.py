"""The client as its own docstring shows it, against the server that answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import live_rig
import numpy as np
import pytest

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import Notice, PackedFrame, Reply
from fedxr.virtual.streaming import VirtualHeadset

S = 1_000_000
REST = np.array([[0, 0, 0, 0, 0, 0, 1]], np.float32)


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(("quest-3-watch",), 4.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


@pytest.mark.parametrize("python", [True, False], ids=["client", "start left out on the wire"])
async def test_frames_without_an_episode_are_answered(
    python: bool, checkpoint: Checkpoint, cast: list[VirtualHeadset], tmp_path: Path
) -> None:
    """Samples of a second before the first frame are there too, and lie before its start."""
    (head,) = [c for c in cast[0].user.channels if c.layout == "motion/head"]
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        client = await connect(rig.server.url, user="u", scenario="companion", channels=[head])
        start, seen = now_us(), 0
        for n in range(12):
            t = start + n * 40_000
            t_us = np.array([t - S, t - 10] if n == 0 else [t - 10])
            samples = Samples(t_us, REST.repeat(len(t_us), 0))
            if python:
                await client.send_frame(t, {head.name: samples})
            else:
                codec = client.codecs[head.name]
                await client.forward(PackedFrame(n + 1, t, [codec.pack(samples)]))
            await client.sync_clock(1)  # the server has it
            await asyncio.wait_for(rig.live.tick_once(), 60)
            message = await asyncio.wait_for(anext(client), 60)
            assert not isinstance(message, Notice), message
            seen += isinstance(message, Reply)
        assert seen == 12
        await client.close()
