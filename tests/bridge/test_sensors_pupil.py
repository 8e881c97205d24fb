"""Pupil Labs' own library against a stand-in of its Companion, through a real bridge."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from bridge_rig import until
from companion import RATE_HZ, Companion
from sensor_rig import streaming

from fedxr.bridge.sensors import pupil
from fedxr.bridge.sensors.mapping import map_source
from fedxr.bridge.sensors.pupil import PupilFinder, _exchange
from fedxr.bridge.sensors.source import SensorError

pytest.importorskip("pupil_labs.realtime_api", reason="needs pupil-labs-realtime-api")


def test_an_echo_says_what_the_phones_clock_was() -> None:
    """Asked at 1000.2 ms, heard at 1004.4 ms, the phone said 3002 (it cuts 3002.6): the library
    says round((1000 + 1004) / 2) - 3002 = -2000."""
    exchange = _exchange(1_000_200, 1_004_400, -2000)
    assert exchange.received_us == 3_002_500  # the middle of the millisecond that it said
    truth_us = 3_002_600 - 1_002_300  # at the middle of the exchange
    assert abs(exchange.offset_us - truth_us) <= 500
    assert exchange.delay_us == 4200 + 1000  # the rounding belongs to what is not known


async def test_gaze_and_pupils_arrive_at_their_times() -> None:
    """The phone's clock is 3 s ahead; its stamps are mapped by its echoes."""
    with Companion(ahead_s=3.0) as phone:
        async with streaming(PupilFinder(f"127.0.0.1:{phone.port}", print)) as run:
            await until(lambda: len(run.got("gaze")[0]) > 200)
            (sensor,) = run.headset.sensors
            phone.worn = False
            await until(lambda: sensor.counts["invalid"] > 20)
        t_us, gaze = run.got("gaze")
        pupils = run.got("pupil")[1]
        assert not sensor.clock.by_arrival
        worst_us = sensor.worst_us
        n = np.rint(gaze[:, 0] * 1600).astype(int)
        laps = np.cumsum(np.append(0, np.diff(n) < 0)) * 500
        numbers = n + laps
        due_us = np.array([phone.taken_us(k) for k in range(int(numbers.max()) + 1)])
    channels = run.app.sessions[-1].channels
    assert {name: c.layout for name, c in channels.items()} == {
        "gaze": "gaze/point2",
        "pupil": "gaze/pupil",
    }
    # Pixels from the top left corner of 1600 x 1200: y up.
    np.testing.assert_allclose(gaze[:, 1], 1 - 2 * n / 1200, atol=1e-6)
    np.testing.assert_allclose(pupils, [(0.003, 0.004)] * len(pupils), rtol=1e-6)
    # Which lap the first sample was of is not in it, so the whole laps between are free.
    off_us = t_us - due_us[numbers]
    off_us -= np.round(np.median(off_us) / 2.5e6) * 2.5e6
    assert np.abs(off_us).max() <= worst_us + 1e6 / RATE_HZ


async def test_a_phone_without_eye_state_and_of_the_older_kind() -> None:
    with Companion(eyes=False, version="1") as phone:
        (stream,) = PupilFinder(f"127.0.0.1:{phone.port}", print).find()[0].open()
        (mapping,), notes = map_source(stream.source)
        stream.close()
        stream.close()  # twice is once
    assert mapping.channel.layout == "gaze/point2"
    # Pupil Invisible's scene camera has 1088 x 1080 pixels.
    np.testing.assert_allclose(mapping.convert(np.array([[544.0, 270.0]])), [[0.5, 0.75]])
    assert any("no pupils" in note for note in notes)


async def test_a_phone_that_leaves_is_lost_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedxr.bridge.sensors.search.RETRY_S", 0.2)
    with Companion() as phone:
        async with streaming(PupilFinder(f"127.0.0.1:{phone.port}", print)) as run:
            await until(lambda: len(run.got("gaze")[0]) > 20)
            phone.hang_up()
            await until(lambda: run.heard("lost; waiting for it to come back"))
            arrived = len(run.got("gaze")[0])
            await until(lambda: len(run.got("gaze")[0]) > arrived + 20)
            (sensor,) = run.headset.sensors
    assert run.heard("back")
    assert sensor.counts["lost"] == 1
    assert len(run.app.sessions) == 1, "the same session goes on"


async def test_what_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pupil, "_OPEN_S", 1.0)

    def opened(where: str) -> None:
        PupilFinder(where, print).find()[0].open()

    with pytest.raises(SensorError, match=r"allowed is pupil, pupil:HOST or pupil:HOST:PORT"):
        opened("phone:http")
    with pytest.raises(
        SensorError, match=r"no Pupil Labs Companion at 127.0.0.1:9 .*is the app open"
    ):
        await asyncio.to_thread(opened, "127.0.0.1:9")
    with Companion() as phone:
        phone.connected = False
        with pytest.raises(SensorError, match="has no gaze: are the glasses plugged in"):
            await asyncio.to_thread(opened, f"127.0.0.1:{phone.port}")
        phone.connected, phone.pause = True, True
        with pytest.raises(SensorError, match="are there, but no gaze comes"):
            await asyncio.to_thread(opened, f"127.0.0.1:{phone.port}")
