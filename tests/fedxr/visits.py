"""Short visits of a headset to a server that runs, for the tests of what is kept of them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError, Notice, Reply

WRIST = Channel("wrist", "motion/wrist", 30)
HEAD = Channel("head", "motion/head", 30)


@dataclass
class HeadsetSession:
    """What a headset was told: how many answers, and the texts of notices by code."""

    answers: int = 0
    notices: dict[str, list[str]] = field(default_factory=dict)

    def state(self) -> str:
        return "; ".join(self.notices.get("state", []))


def samples(channel: Channel, tick: int) -> dict[str, Samples]:
    """One sample: a body at rest."""
    at = np.array([tick * TICK_US + TICK_US // 2], np.int64)
    still = [0.0, 9.81, 0.0, 0.0, 0.0, 0.0] if channel is WRIST else [0, 1.7, 0, 0, 0, 0, 1]
    value = np.array([still], np.float32) + np.float32(0.01 * np.sin(tick))
    if channel is HEAD:
        value[:, 3:] = [0, 0, 0, 1]
    return {channel.name: Samples(at, value)}


async def visit(
    url: str,
    user: str = "ann",
    channel: Channel = WRIST,
    tasks: Sequence[str] = ("doing",),
    ticks: int = 60,
    labels: int = 0,
) -> HeadsetSession:
    """A visit of so many ticks at 30 Hz, in which ``labels`` moments are labelled from tick 15
    on."""
    found = HeadsetSession()
    headset = await _seated(url, user, channel, tasks)
    heard = asyncio.create_task(_hear(headset, found))
    for tick in range(1, ticks):
        await headset.send_frame((tick + 1) * TICK_US, samples(channel, tick))
        if tick >= 15 and tick % 3 == 0 and (tick - 15) // 3 < labels:
            t_us = (tick - 2) * TICK_US
            await headset.send_feedback(tasks[0], t_us, (tick // 3) % 2)
        await asyncio.sleep(1 / 30)
    await asyncio.sleep(0.3)
    await headset.close()
    await heard
    return found


async def _seated(
    url: str, user: str, channel: Channel, tasks: Sequence[str], limit_s: float = 120.0
) -> HeadsetClient:
    """A session; whoever has just left may still be leaving."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return await connect(
                url, user=user, scenario="companion", channels=[channel], tasks=list(tasks),
                clock_s=None, timeout_s=limit_s,
            )  # fmt: skip
        except BridgeError as error:
            leaving = "is here already" in str(error) or "another session" in str(error)
            if not leaving or time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


async def _hear(headset: HeadsetClient, found: HeadsetSession) -> None:
    async for message in headset:
        if isinstance(message, Reply):
            found.answers += 1
        elif isinstance(message, Notice):
            found.notices.setdefault(message.code, []).append(message.text)


def examples_on_disk(path: Path) -> int:
    """Labelled moments in the file, which a server may be keeping right now."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            sql = "SELECT count(*) FROM array WHERE key LIKE 'lesson|%'"
            return int(file.execute(sql).fetchone()[0])
    except sqlite3.Error:
        return 0


async def until_kept(path: Path, examples: int, limit_s: float = 120.0) -> None:
    """Until so many are on disk; the limit is for a test that fails."""
    until = time.monotonic() + limit_s
    while examples_on_disk(path) < examples:
        assert time.monotonic() < until, f"{examples_on_disk(path)} of {examples} are on disk"
        await asyncio.sleep(0.1)
