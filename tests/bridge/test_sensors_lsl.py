"""Real LSL programs through real inlets and a real websocket: values, units, times, gaps."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from bridge_rig import until
from lsl_rig import Outlet
from sensor_rig import counts_up, numbers_of, streaming

from fedxr.bridge.sensors.lsl import LslFinder
from fedxr.bridge.sensors.sensor_headset import SensorHeadset, Visit
from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.sensors.units import GRAVITY


async def test_values_units_times_and_a_gap() -> None:
    band = [["GSR", "microsiemens"], ["temp", "C"], ["HR", "bpm"], ["battery", "%"]]
    with Outlet() as eeg, Outlet("Wristband", band, 16.0) as watch:
        async with streaming(LslFinder([eeg.name, watch.name])) as run:
            await until(lambda: run.app.sessions and len(run.app.sessions[-1].channels) == 4)
            run.app.frames.clear()  # of the sensor that was found first
            await until(lambda: len(run.got("eeg")[0]) > 250 and len(run.got("eda")[0]) > 10)
            (amplifier,) = [s for s in run.headset.sensors if s.source.name == eeg.name]
            eeg.tell("skip 125")
            await until(lambda: amplifier.counts["gaps"])
            arrived = len(run.got("eeg")[0])
            await until(lambda: len(run.got("eeg")[0]) > arrived + 50)
        t_us, values = run.got("eeg")
        n = numbers_of(values, 1e-6)
        due_us = eeg.due_us(n)
    assert run.app.sessions[-1].channels["eeg"].layout == "eeg/Oz-O1-O2"
    # Pushed: n + column / 8 microvolts; due: volts.
    np.testing.assert_allclose(values, (n[:, None] + np.arange(3) / 8) * 1e-6, rtol=1e-6)
    # 125 samples at 250 Hz are half a second; every other sample is there, at its own time.
    assert sorted(set(np.diff(n))) == [1, 126]
    assert (amplifier.counts["gaps"], amplifier.counts["missing"]) == (1, 125)
    assert np.abs(t_us - due_us).max() <= 2 * amplifier.worst_us + 1000
    assert run.heard("125 samples missing")
    # The wristband: microsiemens to S, degrees Celsius to K, beats a minute to Hz.
    n = numbers_of(run.got("eda")[1], 1e-6)
    assert counts_up(n)
    np.testing.assert_allclose(run.got("temperature")[1], n + 1 / 8 + 273.15, rtol=1e-6)
    np.testing.assert_allclose(run.got("heart-rate")[1], (n + 2 / 8) / 60, rtol=1e-6)
    assert run.heard("not used: battery")


@pytest.mark.slow
async def test_a_late_stream_joins() -> None:
    screen = "pixels:10000x10000"  # so that a number of a sample is a place on it
    gaze = [["x", screen, "ScreenX"], ["y", screen, "ScreenY"]]
    eyes = Outlet("Gaze", gaze, 60.0, ahead_s=1e9)
    eyes.stop()  # only its name is needed: nobody is there when the session begins
    with Outlet() as eeg:
        async with streaming(LslFinder([eeg.name, eyes.name])) as run:
            await until(lambda: len(run.got("eeg")[0]) > 50)
            assert set(run.app.sessions[0].channels) == {"eeg"}
            with Outlet("Gaze", gaze, 60.0, eyes.name, ahead_s=1e9) as eyes:
                await until(lambda: len(run.got("gaze")[0]) > 50)
                assert counts_up(numbers_of(run.got("gaze")[1], 1e-4))
    assert [set(s.channels) for s in run.app.sessions] == [{"eeg"}, {"eeg", "gaze"}]
    assert run.app.over[0] == "bye: another sensor came"
    # Its stamps were 30 years ahead: mapped by arrival, hence taken before they were received.
    assert run.heard("stamps are of another clock")
    frames = [f for f in run.app.frames if "gaze" in f.samples]
    assert all(f.samples["gaze"].t_us[-1] <= f.capture_us for f in frames)


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, ""], ids=["recovered by liblsl", "found again"])
async def test_a_lost_stream_comes_back(key: str | None) -> None:
    eeg = Outlet(key=key)
    async with streaming(LslFinder([eeg.name])) as run:
        await until(lambda: len(run.got("eeg")[0]) > 100)
        eeg.stop()
        if not eeg.key:
            await until(lambda: run.heard("lost"))
        arrived = len(run.got("eeg")[0])
        with Outlet(name=eeg.name, key=eeg.key) as eeg:
            await until(lambda: len(run.got("eeg")[0]) > arrived + 100)
            t_us, values = run.got("eeg")
            n = numbers_of(values, 1e-6)
            (first,) = np.flatnonzero(np.diff(n) != 1) + 1  # the new program has its own count
            due_us = eeg.due_us(n[first:])
    (sensor,) = run.headset.sensors
    assert counts_up(n[:first])
    assert counts_up(n[first:])
    assert len(run.app.sessions) == 1  # the same session and channel go on
    assert sensor.counts["gaps"] == 1
    assert np.abs(t_us[first:] - due_us).max() <= 2 * sensor.worst_us + 1000


async def test_columns_that_nobody_knows_go_as_they_are_until_they_are_told() -> None:
    with Outlet("Mystery", [["a"], ["b"], ["c 1"]], 50.0) as mystery:
        name, screen = mystery.name, "pixels:10000x10000"
        async with streaming(LslFinder([name])) as run:
            await until(lambda: len(run.got("columns")[0]) > 20)
        channel = run.app.sessions[-1].channels["columns"]
        assert (channel.layout, channel.rate_hz) == ("columns/a-b-c_1", 50.0)
        values = run.got("columns")[1]
        n = numbers_of(values, 1.0)
        assert counts_up(n)
        np.testing.assert_allclose(values, n[:, None] + np.arange(3) / 8, rtol=1e-6)
        (why,) = [line for line in run.said if "nothing in it is recognised" in line]
        assert f"say --channel '{name}[columns]=layout@unit'" in why
        wishes = (
            f"{name}[c 1,0]=gaze/point2@{screen}",
            f"{name}[b]=contact/vibration@g",
            f"{name}[0,2]=columns",
        )
        async with streaming(LslFinder([name]), wishes) as run:
            channels = ("gaze", "vibration", "columns")
            await until(lambda: all(len(run.got(channel)[0]) for channel in channels))
        gaze, shaking, rest = (run.got(channel)[1] for channel in channels)
        assert run.app.sessions[-1].channels["columns"].layout == "columns/a-c_1"
        n = np.rint((1 - gaze[:, 1]) * 1e4)
        np.testing.assert_allclose(gaze[:, 0], (n + 2 / 8) / 1e4, rtol=1e-5)
        np.testing.assert_allclose(shaking, (n + 1 / 8) * GRAVITY, rtol=1e-6)
        np.testing.assert_allclose(rest, n[:, None] + np.array([0, 2 / 8]), rtol=1e-6)


async def test_nothing_to_stream_is_an_error() -> None:
    visit = Visit("ws://127.0.0.1:1", "lab", "companion")
    headset = SensorHeadset(visit, [LslFinder(["nobody has this name"])])
    with pytest.raises(
        SensorError, match="no sensor that can be streamed within 0 s: `fedxr sensors --list`"
    ):
        await headset.run(asyncio.Event(), 0.0, 0.0)


async def test_twins_are_both_offered_and_stamps_that_are_none_are_left_out() -> None:
    """A program that gives one source id to two streams, and a NaN for a stamp now and then; LSL's
    own twins, alike in name, type and host too, are told apart once both are there for certain."""
    with (
        Outlet(timeless=100) as eeg,
        Outlet("Markers", [["a"]], 10.0, eeg.name, key=eeg.key, format="string") as text,
        Outlet(name=eeg.name, key=eeg.key) as twin,
    ):
        assert text.key == twin.key == eeg.key
        async with streaming(LslFinder([eeg.name])) as run:
            await until(lambda: len(run.headset.sensors) == 2)
            await until(lambda: len(run.app.sessions[-1].channels) == 2)
            await until(lambda: len(run.got("eeg-2")[0]))
            run.app.frames.clear()  # of when sessions changed
            await until(lambda: all(len(run.got(c)[0]) > 250 for c in ("eeg", "eeg-2")))
            await until(lambda: sum(s.counts["stamps not finite"] for s in run.headset.sensors))
            first, second = (s.source.key for s in run.headset.sensors)
    assert second == f"{first} #2"
    numbers = {c: numbers_of(run.got(c)[1], 1e-6) for c in ("eeg", "eeg-2")}
    # Every hundredth sample of one of them has no time; all the others are there.
    lacking = {c: set(range(n.min(), n.max())) - set(n.tolist()) for c, n in numbers.items()}
    assert {frozenset(x % 100 for x in some) for some in lacking.values()} == {
        frozenset(),
        frozenset({99}),
    }
    assert sum(s.counts["gaps"] for s in run.headset.sensors) == 0
    assert run.heard("stamps that are not finite")


async def test_another_rate_than_said_is_told_and_opened() -> None:
    with Outlet(sends=125.0) as eeg:
        async with streaming(LslFinder([eeg.name])) as run:
            await until(lambda: len(run.app.sessions) == 2)
            await until(lambda: len(run.got("eeg")[0]) > 200)
            (sensor,) = run.headset.sensors
    assert [s.channels["eeg"].rate_hz for s in run.app.sessions] == [250.0, 125.0]
    assert run.app.over[0] == "bye: a sensor sends at another rate"
    assert [line for line in run.said if "sends" in line] == [f"{eeg.name}: says 250 Hz, sends 125"]
    assert sensor.counts["gaps"] == 0
