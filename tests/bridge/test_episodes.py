"""Episodes that nobody numbers: where they begin, and what a server makes of them."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from bridge_rig import GAZE, Recorder, gaze, headset, server_of, until
from hypothesis import given
from hypothesis import strategies as st

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.episodes import LEAP_US, Episodes, default_start
from fedxr.bridge.protocol import Block, Notice, PackedFrame

S = 1_000_000
POINT = np.zeros(2, "<f4").tobytes()


@given(st.lists(st.integers(0, 2**53), min_size=1, max_size=20))
def test_any_capture_times_lie_in_episodes_that_a_server_takes(times: list[int]) -> None:
    """The rule of PROTOCOL.md, checked the dumb way: numbers never shrink; a frame is not before
    its episode's start, nor more than a minute after the frame before it in that episode."""
    episodes = Episodes()
    made = [episodes.of(t, None, None) for t in times]
    newest: dict[int, int] = {}
    for t, (number, start_us) in zip(times, made, strict=True):
        assert number == max([number, *newest])
        assert newest.get(number, start_us) <= t <= newest.get(number, start_us) + LEAP_US
        newest[number] = t
    assert episodes.leaps == made[-1][0]


def test_a_clock_since_1970_and_one_since_the_start() -> None:
    """One tick closes with the first frame; a zero that is near is the clock's own."""
    assert default_start(1_700_000_000 * S) == 1_700_000_000 * S - TICK_US
    assert default_start(40 * S) == 0


def test_episodes_that_are_said_stay_as_they_are_said() -> None:
    episodes = Episodes()
    said = [(9 * S, 3, 8 * S), (900 * S, 3, 8 * S), (20 * S, 4, 0), (21 * S, 4, None)]
    assert [episodes.of(*s) for s in said] == [(3, 8 * S), (3, 8 * S), (4, 0), (4, 0)]
    assert episodes.of(1000 * S, 5, None) == (5, 1000 * S - TICK_US)
    assert episodes.of(1030 * S, 5, None) == (5, 1000 * S - TICK_US)
    assert episodes.leaps == 0
    assert [episodes.at(t * S) for t in (9, 999, 1001)] == [4, 4, 5]


async def next_notice(client: HeadsetClient) -> Notice:
    async for message in client:
        if isinstance(message, Notice):
            return message
    raise AssertionError("the session ended")


async def test_a_clock_that_is_set_back_and_a_pause_begin_an_episode() -> None:
    app = Recorder()
    start = now_us()
    async with server_of(app) as server, await headset(server.url) as client:
        for at in (0, 1, -50, -49, 100, 101):
            t = start + at * S
            await client.send_frame(t, gaze(t))
        await client.send_feedback("emotion", start - 50 * S)
        await client.send_feedback("emotion", start + 100 * S)
        assert (await asyncio.wait_for(next_notice(client), 60)).code == "new-episode"
        await until(lambda: len(app.told) == 2)
        assert app.sessions[0].stats.refused == 0
    due = [(0, 0), (0, 0), (1, -50), (1, -50), (2, 100), (2, 100)]
    assert [(f.episode, f.episode_start_us) for f in app.frames] == [
        (n, start + at * S - TICK_US) for n, at in due
    ]
    assert [f.episode for f in app.told] == [1, 2]


@pytest.mark.parametrize("first_us", [5 * S, 1_700_000_000 * S])
async def test_a_headset_in_any_language_may_leave_the_start_out(first_us: int) -> None:
    app = Recorder()
    async with server_of(app) as server, await headset(server.url) as client:
        for n, (at, episode, start_us) in enumerate(
            [(0, 0, 0), (33_333, 0, 0), (66_666, 1, 0), (99_999, 1, 0), (133_332, 2, first_us)], 1
        ):
            t = first_us + at
            block = Block(client.codecs[GAZE.name].number, t, 1, POINT)
            await client.forward(PackedFrame(n, t, [block], episode, start_us))
        await until(lambda: len(app.frames) == 5)
    starts = [default_start(first_us)] * 2 + [default_start(first_us + 66_666)] * 2 + [first_us]
    assert [f.episode_start_us for f in app.frames] == starts


async def test_after_a_lost_connection_an_episode_begins() -> None:
    """Whoever answers knows nothing of the old one, even in the same session."""
    app = Recorder()
    async with server_of(app) as server:
        client = await headset(server.url, retry=Retry(0.01, 0.05))
        async with client:
            await client.send_frame(start := now_us(), gaze(start))
            await until(lambda: app.frames)
            client._connection.transport.abort()
            assert (await asyncio.wait_for(next_notice(client), 60)).code == "reconnected"
            await client.send_frame(start + S, gaze(start + S))
            await until(lambda: len(app.frames) == 2)
    last = app.frames[-1]
    assert (last.episode, last.episode_start_us) == (1, start + S - TICK_US)
    assert client.episodes.leaps == 0


@pytest.mark.parametrize("step_s", [5, -5, 86_400, -86_400])
async def test_a_headset_whose_clock_is_set_is_followed(step_s: int) -> None:
    """It asks for the time as before, and sends what it captures by its clock, whatever that says;
    the server maps it to where it was, and no frame is refused."""
    app, shift_us = Recorder(), 0

    def now() -> int:
        return now_us() + shift_us

    async with server_of(app) as server, await headset(server.url, now=now) as client:
        await client.sync_clock()
        await client.send_frame(now(), gaze(now() - 100))
        shift_us = step_s * S
        await client.send_frame(now(), gaze(now() - 100))
        await client.sync_clock()
        await client.send_frame(now(), gaze(now() - 100))
        await until(lambda: len(app.frames) == 3)
        (session,) = app.sessions
        assert session.stats.refused == 0
        assert session.clock is not None
        # Between two clocks of one machine lies the step, give or take the trips.
        off_us = session.clock.to_remote(now()) - now_us()
        assert abs(off_us) < session.clock.uncertainty_us + 100_000
    assert client.clock.resets == 1
    assert client.episodes.leaps == (0 if step_s == 5 else 1)
