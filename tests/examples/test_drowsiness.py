"""examples/drowsiness: `fedxr serve` with the shipped checkpoint, which was never told of the task,
and a headset that asks it, teaches it with one label a class, and is cued."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from plugin_rig import environment, fedxr, install, lines_of

from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import Cue, Reply

HEART = Channel("heart", "physiology/heart-rate", 2.0)
BREATH = Channel("breath", "physiology/respiration", 2.0)
ALERT, DROWSY = 0, 1
LEVELS = {"heart": (1.25, 0.95), "breath": (0.28, 0.2)}
"""Beats and breaths a second of who is alert, and of who is drowsy."""
TICKS = 270
"""Of an episode (9 s): an answer needs ten samples of a channel, which are 5 s."""


@dataclass
class Wearer:
    """Someone with a watch; ``said`` are the probabilities of drowsy in the present episode, and
    ``cues`` what the scene was told in it."""

    client: HeadsetClient
    episode: int = -1
    said: list[float] = field(default_factory=list)
    cues: list[tuple[str, object]] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    async def hear(self) -> None:
        async for message in self.client:
            if isinstance(message, Reply):
                self.said.append(float(message.answers["drowsiness"].probabilities[DROWSY]))
            elif isinstance(message, Cue):
                self.cues.append((message.kind, message.payload["payload"]))

    async def live(self, state: int, teach: bool = False) -> list[float]:
        """One episode in real time; the answers of its last second."""
        self.episode += 1
        self.said.clear()
        self.cues.clear()
        start = self.episode * 300 * TICK_US
        for tick in range(TICKS):
            now = start + tick * TICK_US
            samples = {
                name: Samples(
                    np.array([now], np.int64),
                    np.array([levels[state] * self.rng.normal(1, 0.03)], np.float32),
                )
                for name, levels in LEVELS.items()
                if tick % 15 == 0
            }
            await self.client.send_frame(now + TICK_US, samples, episode=self.episode)
            await asyncio.sleep(1 / 30)
        if teach:
            await self.client.send_feedback("drowsiness", now, state)
        await asyncio.sleep(1)
        return self.said[-30:]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a server that has the plug-in, and what it has said."""
    env = environment(install("drowsiness", tmp_path / "plugins"))
    words = ("serve", "--port", "0", "--state", str(tmp_path / "s.db"))
    server = subprocess.Popen(
        [sys.executable, "-m", "fedxr.cli.entry", *words],
        cwd=tmp_path,
        env={**env, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    said = ""
    try:
        while "Ctrl-C" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        yield re.findall(r"ws://\S+", said)[0], said
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.slow
async def test_a_task_that_no_checkpoint_knows_is_taught_live(served: tuple[str, str]) -> None:
    url, said = served
    assert "of plug-ins, drowsiness" in said
    client = await connect(
        url, user="ann", scenario="companion", channels=[HEART, BREATH], tasks=[], clock_s=None
    )
    assert client.tasks == ("drowsiness",)  # what a headset of its use case is asked anyway
    ann = Wearer(client)
    hearing = asyncio.create_task(ann.hear())
    np.testing.assert_allclose(await ann.live(ALERT, teach=True), 0.5, atol=1e-3)  # knows nothing
    await ann.live(DROWSY, teach=True)
    assert np.mean(await ann.live(ALERT)) < 0.3
    assert [act for act, _ in ann.cues] in ([], ["clear"])
    assert np.mean(await ann.live(DROWSY)) > 0.7
    assert ann.cues == [("suggest", {"text": "Shall we take a break?", "minutes": 10})]
    assert np.mean(await ann.live(ALERT)) < 0.3
    assert ann.cues == [("clear", {})]
    await client.close()
    await hearing


@pytest.mark.slow
def test_it_is_one_file_and_shows_in_the_help(tmp_path: Path) -> None:
    assert lines_of("drowsiness") <= 50
    env = environment(install("drowsiness", tmp_path / "plugins"))
    assert "drowsiness" in fedxr(tmp_path, env, "unity", "--help")
    assert "drowsiness" not in fedxr(tmp_path, {**env, "FEDXR_PLUGINS": ""}, "unity", "--help")
