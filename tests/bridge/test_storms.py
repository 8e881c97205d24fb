"""Reconnect storms, killed servers and bent messages: the well-behaved notice nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bridge_rig import RawHeadset, Recorder, gaze, headset, samples_of, server_of, until
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.reconnecting import ReturningClient
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError, Hello, Offer, Reply

HERE = Path(__file__).parent
SURE = Channel("gaze", "gaze/point2", 72, "reliable")
VECTORS = json.loads((HERE.parent / "golden" / "fedxr_v1.json").read_text(encoding="utf-8"))


async def test_a_reconnect_storm_costs_the_others_nothing() -> None:
    """30 headsets connect, send and vanish, ten times each; one streams on and loses nothing."""
    app, n = Recorder(), 300
    async with server_of(app) as server:
        good, stormy = await headset(server.url, user="good"), 0

        async def storm(k: int) -> int:
            came = 0
            for t in range(10):
                try:
                    client = await headset(server.url, user=f"storm{k}")
                except BridgeError:
                    continue
                await client.send_frame(t + 1, gaze(t + 1))
                client.abort()
                came += 1
            return came

        storms = [asyncio.create_task(storm(k)) for k in range(30)]
        for t in range(1, n + 1):
            await good.send_frame(t, gaze(t))
            assert isinstance(await asyncio.wait_for(anext(good), 20), Reply)
        stormy = sum(await asyncio.gather(*storms))
        assert stormy > 250
        await until(lambda: set(server.sessions) == {good.session}, 20)
        stats = server.sessions[good.session].stats
        assert (stats.frames, stats.lost, stats.refused) == (n, 0, 0)
        await until(lambda: len(server._seats.connections) == 1, 20)
        await good.close()


def started(port: int, record: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, str(HERE / "keeper.py"), str(port), str(record)]
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


async def test_what_was_promised_survives_a_killed_server(tmp_path: Path) -> None:
    """kill -9 while it streams: every reliable frame is with the old server or the new one."""
    record, n = tmp_path / "record", 400
    server, port = started(0, record)
    try:
        client = await headset(f"ws://127.0.0.1:{port}", [SURE], retry=Retry(0.05, 0.3))
        assert isinstance(client, ReturningClient)
        for t in range(1, n + 1):
            await client.send_frame(t, {"gaze": samples_of(SURE, [t] * 50)})
            if t == n // 2:
                server.kill()
                server.wait()
                server, again = await asyncio.to_thread(started, port, record)
                assert again == port
            await asyncio.sleep(0)
        await asyncio.wait_for(client.delivered(), 30)
        await client.close()
    finally:
        server.kill()
        server.wait()
    got = [int(line) for line in record.read_text().split()]
    assert set(got) == set(range(1, n + 1))
    assert client.reconnects == 1
    # What came twice is what the killed server could not acknowledge any more.
    assert len(got) - n <= n // 2


_message = st.sampled_from([bytes.fromhex(v["hex"]) for v in VECTORS["accepted"]])
_bends = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=3)


@given(st.lists(st.tuples(_message, _bends), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_bent_messages_end_at_most_the_session_that_sent_them(
    bent: list[tuple[bytes, list[tuple[int, int]]]],
) -> None:
    async def attack() -> None:
        app = Recorder()
        async with server_of(app) as server:
            good = await headset(server.url, user="good")
            raw = await RawHeadset.open(server.url)
            offers = [Offer(name, c["layout"], 72.0) for name, c in VECTORS["channels"].items()]
            await raw.hello(Hello(2, 2, "u", "s", offers, ["emotion"]))
            try:
                for good_bytes, bends in bent:
                    data = bytearray(good_bytes)
                    for at, value in bends:
                        data[at % len(data)] = value
                    await raw.send(bytes(data))
            except ConnectionClosed:
                pass
            await good.send_frame(1, gaze(1))
            assert isinstance(await asyncio.wait_for(anext(good), 20), Reply)
            raw.socket.transport.abort()
            await good.close()

    asyncio.run(attack())


@pytest.mark.slow
def test_the_load_benchmark_loses_nothing_reliable() -> None:
    """A short one: what it prints is looked at by people, that nothing was lost by us."""
    command = [sys.executable, "-m", "benchmarks.load", "--seconds", "5"]
    done = subprocess.run(command, cwd=HERE.parents[1], text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 never arrived" in done.stdout
