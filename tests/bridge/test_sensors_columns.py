"""Columns of a source that are dead, flat or in another unit are named; the others go on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fedxr.bridge.clock import Exchange
from fedxr.bridge.columns import TIMES, Columns
from fedxr.bridge.sensors.mapping import Wish, map_source
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.source import Column, Floats, Source

STEP_US = 33_333
CAP = tuple(Column(name, "uV", "EEG") for name in ("Oz", "O1", "O2"))
Change = Callable[[Floats, Floats], None]
"""Does something to values (n, columns), at seconds (n,), in place."""


class Amplifier:
    """A source on the session's own clock, which sends what ``change`` leaves of noise."""

    def __init__(self, source: Source, noise: float, change: Change) -> None:
        self.source, self.sent = source, 0
        self._noise, self._change, self._rng = noise, change, np.random.default_rng(0)
        self.now_us = 0

    def read(self) -> tuple[Floats, Floats]:
        until = int(self.now_us * 1e-6 * self.source.rate_hz)
        at_s = np.arange(self.sent, until) / self.source.rate_hz
        self.sent = until
        values = self._rng.normal(0, self._noise, (len(at_s), len(self.source.columns)))
        self._change(at_s, values)
        return values, at_s * 1e6

    def read_clock(self) -> Exchange:
        return Exchange(self.now_us, self.now_us, self.now_us, self.now_us)

    def clock_was_reset(self) -> bool:
        return False

    def close(self) -> None:
        pass


def streamed(
    change: Change,
    seconds: float = 12.0,
    columns: tuple[Column, ...] = CAP,
    noise: float = 20.0,
    rate_hz: float = 250.0,
    wishes: tuple[str, ...] = (),
) -> tuple[list[tuple[float, str]], list[np.ndarray], Sensor]:
    """What was said and when (s), the values that left, and the sensor."""
    source = Source("amp", "EEG", columns, rate_hz, "k")
    amplifier = Amplifier(source, noise, change)
    said: list[tuple[float, str]] = []
    mappings, _ = map_source(source, [Wish.parse(wish) for wish in wishes])
    sensor = Sensor(amplifier, mappings, lambda line: said.append((amplifier.now_us / 1e6, line)))
    sensor.read_clock()
    left = []
    for tick in range(1, int(seconds * 1e6 / STEP_US)):
        amplifier.now_us = tick * STEP_US
        sensor.poll(amplifier.now_us)
        left += [s.values for s in sensor.take(amplifier.now_us - STEP_US, 0).values()]
    return said, left, sensor


def lines(said: list[tuple[float, str]], *words: str) -> list[tuple[float, str]]:
    return [(at, line) for at, line in said if all(word in line for word in words)]


def test_an_electrode_that_is_nan_throughout_is_named_and_the_others_are_used() -> None:
    def loose(_: Floats, values: Floats) -> None:
        values[:, 0] = np.nan

    said, left, sensor = streamed(loose)
    dead = lines(said, "amp: channel eeg: Oz: sends no numbers")
    assert [at < 4 for at, _ in dead] == [True]
    assert len(lines(said, "absent", "Oz")) == 1
    sent = np.concatenate(left)
    assert len(sent) == sensor.counts["samples"] > 0.9 * 12 * 250
    assert np.isnan(sent[:, 0]).all()
    assert np.isfinite(sent[:, 1:]).all()
    assert sensor.counts["invalid"] == 0


def test_an_electrode_comes_and_goes_and_that_is_said_so_many_times() -> None:
    def now_and_then(at_s: Floats, values: Floats) -> None:
        values[(at_s // 5) % 2 == 0, 1] = np.nan

    said, _, _ = streamed(now_and_then, 75.0)
    assert len(lines(said, "O1: sends no numbers")) >= 2
    assert len(lines(said, "O1: as usual again")) >= 2
    assert len(lines(said, "O1: sends no numbers")) + len(lines(said, "again")) <= 2 * TIMES


def test_a_flat_electrode_is_named() -> None:
    def flat(at_s: Floats, values: Floats) -> None:
        values[at_s > 3, 2] = -187_500.0  # an amplifier at the end of its range

    said, left, _ = streamed(flat)
    assert [3 < at < 9 for at, _ in lines(said, "O2: never changes")] == [True]
    assert np.isfinite(np.concatenate(left)).all()


@pytest.mark.parametrize(
    ("unit", "noise", "odd"),
    [("uV", 20.0, False), ("uV", 2.0, False), ("uV", 900.0, False), ("mV", 0.02, False),
     ("V", 20.0, True), ("mV", 20.0, True), ("uV", 0.02, True), ("nV", 20.0, True)],
)  # fmt: skip
def test_eeg_in_another_unit_than_it_says_is_known_by_its_size(
    unit: str, noise: float, odd: bool
) -> None:
    columns = tuple(Column(c.label, unit, "EEG") for c in CAP)
    said, _, _ = streamed(lambda at, values: None, 5.0, columns, noise)
    told = lines(said, "where EEG does by microvolts", "in another unit?")
    assert len(told) == odd
    if odd:
        assert told[0][0] < 4
        assert "Oz, O1, O2: change by" in told[0][1]


def test_a_slow_signal_may_stand_still() -> None:
    columns = (Column("temperature", "C"),)

    def steady(_: Floats, values: Floats) -> None:
        values[:] = 33.0

    said, _, _ = streamed(steady, 20.0, columns, rate_hz=4.0)
    assert said == []


def test_a_blink_is_left_out_whatever_the_tracker_sends_for_it() -> None:
    gaze = (Column("x"), Column("y"))

    def blink(at_s: Floats, values: Floats) -> None:
        values[:] = 0.5 + 0.01 * values
        values[(at_s > 2) & (at_s < 2.1)] = -1.0
        values[(at_s > 3) & (at_s < 3.1)] = np.nan

    wishes = ("amp[x,y]=gaze/point2@normalized-down",)
    said, left, sensor = streamed(blink, 6.0, gaze, 1.0, 60.0, wishes)
    sent = np.concatenate(left)
    assert np.isfinite(sent).all()
    assert sent.min() > 0.3  # where -1 was flipped, 2 would be
    assert sensor.counts["invalid"] == 10
    assert len(lines(said, "absent")) == 1


def test_pupils_are_there_or_not_eye_by_eye() -> None:
    eyes = (Column("l", "mm", "diameter", "left"), Column("r", "mm", "diameter", "right"))

    def one_eyed(_: Floats, values: Floats) -> None:
        values[:] = 3.0 + 0.1 * values
        values[:, 0] = -1.0

    said, left, _ = streamed(one_eyed, 6.0, eyes, 1.0, 60.0)
    sent = np.concatenate(left)
    assert np.isnan(sent[:, 0]).all()
    np.testing.assert_allclose(sent[:, 1], 0.003, atol=0.001)
    assert len(lines(said, "absent", "number 0")) == 1


def test_a_stretch_of_a_few_samples_judges_nobody() -> None:
    said: list[str] = []
    columns = Columns("eeg", ["Oz"], said.append)
    for i in range(5):  # 4 s, but five samples
        columns.watch(np.array([i * 1_000_000]), np.full((1, 1), np.nan, np.float32))
    assert said == []
