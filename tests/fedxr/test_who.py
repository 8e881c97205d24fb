"""Nobody gets, teaches or locks out another's model by saying their name."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import live_rig
import numpy as np
import pytest

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError, Notice, Reply
from fedxr.bridge.user_key import UserKey, fingerprint

WRIST = Channel("wrist", "motion/wrist", 100)
LABELS = 40
KEYS = {name: UserKey.new() for name in ("alice", "mallory")}


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return live_rig.checkpoint_of(live_rig.cast_of())


def frame(t_us: int) -> Mapping[str, Samples]:
    """The same movement, always."""
    rng = np.random.default_rng(5)
    stamps = t_us + np.arange(3) * 10_000 - 20_000
    return {"wrist": Samples(stamps, rng.standard_normal((3, 6)).astype(np.float32))}


async def come(rig: live_rig.Rig, key: UserKey, user: str = "alice", **more: Any) -> HeadsetClient:
    return await connect(
        rig.server.url, user=user, scenario="companion", channels=[WRIST], tasks=["doing"],
        key=key, clock_s=None, **more,
    )  # fmt: skip


async def asked(rig: live_rig.Rig, client: HeadsetClient, label: int | None = None) -> list[float]:
    """Move for some ticks, saying that ``label`` is right; the last answer."""
    episode = rig.server.sessions[client.session].episode + 1
    for n in range(1, LABELS + 1):
        t_us = n * TICK_US
        seq = await client.send_frame(t_us, frame(t_us), episode)
        await live_arrived(rig, client, seq)
        await rig.live.tick_once()
        if label is not None and n > 1:
            seq = await client.send_feedback("doing", t_us - TICK_US, label, episode)
            await live_arrived(rig, client, seq)
            await rig.live.learn_once()
    t_us = (LABELS + 1) * TICK_US
    seq = await client.send_frame(t_us, frame(t_us), episode)
    await live_arrived(rig, client, seq)
    await rig.live.tick_once()
    async for message in client:
        if isinstance(message, Reply) and message.seq == seq:
            return [round(float(p), 4) for p in message.answers["doing"].probabilities]
    raise AssertionError("no answer")


async def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "still waiting after 60 s"
        await asyncio.sleep(0.005)


async def live_arrived(rig: live_rig.Rig, client: HeadsetClient, seq: int) -> None:
    await until(lambda: rig.server.sessions[client.session].last_seq >= seq)


async def left(rig: live_rig.Rig, client: HeadsetClient) -> None:
    await client.close()
    await until(lambda: client.session not in rig.server.sessions)
    await until(lambda: not rig.server._leaving)


async def test_who_says_another_name_is_a_stranger_and_harms_nobody(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        stranger = await come(rig, UserKey.new(), "bob")
        untaught = await asked(rig, stranger)
        await left(rig, stranger)
        alice = await come(rig, KEYS["alice"])
        taught = await asked(rig, alice, label=2)
        assert taught != untaught
        # Both are called alice, and both are served: the later one by another name on the page.
        mallory = await come(rig, KEYS["mallory"])
        names = [profile.identity.name for profile in rig.live.agents.seated.values()]
        assert names == ["alice/headset", "alice (2)/headset"]
        assert await asked(rig, mallory) == untaught
        assert await asked(rig, mallory, label=0) != untaught
        await left(rig, alice)
        await left(rig, mallory)
        # What mallory was told is mallory's; alice comes back to what is hers, called anything.
        alice = await come(rig, KEYS["alice"], "allie")
        assert await asked(rig, alice) == taught
        await left(rig, alice)
        mallory = await come(rig, KEYS["mallory"])
        assert await asked(rig, mallory) not in (taught, untaught)
        await left(rig, mallory)


async def test_the_same_key_replaces_its_own_stale_session(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        stale = await come(rig, KEYS["alice"])
        taught = await asked(rig, stale, label=2)
        fresh = await come(rig, KEYS["alice"], "by another name")
        assert set(rig.server.sessions) == {fresh.session}
        assert await asked(rig, fresh) == taught
        told = [m async for m in until_ended(stale)]
        assert isinstance(told[-1], Notice)
        assert told[-1].code == "replaced"
        assert stale.ended is not None
        assert "the same key has opened another session" in stale.ended
        # With another device the same person wears two headsets.
        second = await come(rig, KEYS["alice"], device={"model": "watch"})
        assert len(rig.server.sessions) == 2
        await left(rig, second)
        await left(rig, fresh)


async def test_one_user_cannot_take_all_seats_with_ever_new_devices(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        worn = [await come(rig, KEYS["alice"], device={"model": f"m{n}"}) for n in range(4)]
        with pytest.raises(BridgeError, match=r"here with 4 headsets already .*alice/m0"):
            await come(rig, KEYS["alice"], device={"model": "one more"})
        other = await come(rig, KEYS["mallory"], device={"model": "m0"})
        await left(rig, worn.pop())
        worn.append(await come(rig, KEYS["alice"], device={"model": "one more"}))
        assert len(rig.server.sessions) == 5
        for headset in (*worn, other):
            await left(rig, headset)


async def until_ended(client: HeadsetClient) -> AsyncIterator[object]:
    while True:
        try:
            yield await anext(client)
        except BridgeError:
            return


async def test_a_state_of_an_older_version_is_nobodys(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """It was kept under a name, and whoever says the name first does not get it."""
    path = tmp_path / "s.db"
    async with live_rig.Rig(checkpoint, path) as rig:
        alice = await come(rig, KEYS["alice"])
        taught = await asked(rig, alice, label=2)
        await left(rig, alice)
    with sqlite3.connect(path) as file:
        kept = f"{fingerprint(KEYS['alice'].public)}/headset"
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master")]
        columns = {t: [c[1] for c in file.execute(f"PRAGMA table_info({t})")] for t in tables}
        renamed = 0
        for table, found in columns.items():
            if "name" in found:
                rename = f"UPDATE {table} SET name = 'alice/headset' WHERE name = ?"  # noqa: S608
                renamed += file.execute(rename, (kept,)).rowcount
        assert renamed
    async with live_rig.Rig(checkpoint, path) as rig:
        alice = await come(rig, KEYS["alice"])
        assert await asked(rig, alice) != taught
        await left(rig, alice)


async def test_an_administrator_puts_a_headset_out(checkpoint: Checkpoint, tmp_path: Path) -> None:
    async with live_rig.Rig(checkpoint, tmp_path / "s.db") as rig:
        alice = await come(rig, KEYS["alice"])
        rig.live.put_out("nobody")
        assert alice.session in rig.server.sessions
        rig.live.put_out("alice/headset")
        with pytest.raises(BridgeError, match="put out by who administers"):
            async for _ in alice:
                pass
