"""Mapping, clocks and timelines of sensors, by hand-made sources."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.bridge.clock import Exchange
from fedxr.bridge.sensors.clocks import SourceClock
from fedxr.bridge.sensors.electrodes import electrode
from fedxr.bridge.sensors.mapping import Wish, map_source
from fedxr.bridge.sensors.source import Column, SensorError, Source
from fedxr.bridge.sensors.timeline import Timeline

START = 1.7e15
"""Microseconds since 1970, some day in 2023."""


def source(kind: str, *columns: Column, rate: float = 100.0) -> Source:
    return Source("amp", kind, columns, rate, "key")


def test_electrodes_as_sources_write_them() -> None:
    labels = ["Fp1", "FP2", "EEG Cz-REF", "eeg_oz", "POZ", "EEG T10-A1", "M1"]
    assert list(map(electrode, labels)) == ["Fp1", "Fp2", "Cz", "Oz", "POz", "T10", "M1"]
    assert [electrode(x) for x in ("1", "Ch3", "TRG", "Accelerometer X", "F")] == [None] * 5


def test_eeg_takes_electrodes_and_leaves_the_rest() -> None:
    columns = [Column("EEG FZ"), Column("ACC X", "g", "ACC"), Column("pz"), Column("Counter")]
    (mapping,), notes = map_source(source("EEG", *columns))
    assert (mapping.channel.layout, mapping.columns) == ("eeg/Fz-Pz", (0, 2))
    assert notes == ["EEG without a unit is taken as microvolts", "not used: ACC X, Counter"]
    values = mapping.convert(np.array([[1.0, 9, 2, 9], [np.nan, 9, 2, 9]]))
    np.testing.assert_allclose(values, [[1e-6, 2e-6], [np.nan, 2e-6]])


def test_gaze_and_pupils_of_an_eye_tracker() -> None:
    columns = (
        Column("confidence", "normalized", "Confidence", "both"),
        Column("norm_pos_x", "normalized", "ScreenX", "both"),
        Column("norm_pos_y", "normalized", "ScreenY", "both"),
        Column("diameter0_2d", "pixels", "Diameter", "right"),
        Column("diameter1_2d", "pixels", "Diameter", "left"),
        Column("diameter0_3d", "mm", "Diameter", "right"),
        Column("diameter1_3d", "mm", "Diameter", "left"),
    )
    mappings, _ = map_source(source("Gaze", *columns, rate=0.0))
    assert [(m.channel.name, m.columns) for m in mappings] == [("gaze", (1, 2)), ("pupil", (6, 5))]
    values = mappings[1].convert(np.array([[1, 0.2, 0.7, 30, 31, 3.0, 4.0]]))
    np.testing.assert_allclose(values, [[0.004, 0.003]])


@pytest.mark.parametrize(
    ("unit", "due"), [("normalized", 0.25), ("normalized-down", 0.75), ("pixels:800x1000", 0.9)]
)
def test_gaze_has_y_up(unit: str, due: float) -> None:
    some = source("Gaze", Column("x"), Column("y"))
    (mapping,), _ = map_source(some, [Wish.parse(f"amp=gaze/point2@{unit}")])
    down = 100.0 if "pixels" in unit else 0.25
    values = mapping.convert(np.array([[0.5, down]]))
    assert values[0, 1] == pytest.approx(due)


def test_units_of_the_body() -> None:
    columns = (
        Column("EDA", "kOhm"),
        Column("Skin Temperature", "°F"),
        Column("RR", "ms"),
        Column("Respiration Rate", "breaths/min"),
    )
    mappings, notes = map_source(source("Physiology", *columns, rate=4))
    names = [m.channel.name for m in mappings]
    assert names == ["temperature", "ibi", "respiration"]
    row = np.array([[9.0, 95.0, 800.0, 12.0]])
    values = [m.convert(row)[0] for m in mappings]
    np.testing.assert_allclose(values, [308.15, 0.8, 0.2], rtol=1e-6)  # 95 °F are 35 °C
    assert "unit 'kOhm' where S is due; known are s, siemens, us" in notes[0]


def test_many_columns_are_a_channel_and_one_that_is_lost_costs_the_others_nothing() -> None:
    columns = tuple(Column(f"feature {n}", "a.u.") for n in range(60))
    (mapping,), (note,) = map_source(source("Features", *columns))
    assert mapping.channel.layout.startswith("columns/feature_0-feature_1-")
    assert "nothing in it is recognised" in note
    row = np.arange(60.0)[None]
    row[0, 7] = np.nan
    np.testing.assert_array_equal(mapping.convert(row), row.astype(np.float32))


def test_a_wrong_unit_is_an_error_and_no_column_of_unknown_kind() -> None:
    with pytest.raises(SensorError, match="unit 'kOhm' where S is due"):
        map_source(source("Physiology", Column("EDA", "kOhm")))


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("amp", "allowed is NAME=layout"),
        ("amp=eeg/Fz", "2 columns for layout eeg/Fz, which has 1"),
        ("amp=eeg/Fz-Pz-Oz", "2 columns for layout eeg/Fz-Pz-Oz, which has 3"),
        ("amp=eeg/Fz-Pz@bananas", "unit 'bananas' where V is due; known are v, volt"),
        ("amp=eeg/Fz-Pz", "no unit where V is due"),
        ("amp[a,z]=eeg/Fz-Pz@uV", "no column 'z'; give labels, or numbers 0 to 1"),
        ("amp=brain/waves", "unknown layout 'brain/waves'"),
        ("amp=vision/rgb", "does not come from such sources"),
    ],
)
def test_wishes_that_cannot_be(wish: str, why: str) -> None:
    with pytest.raises(SensorError, match=why):
        map_source(source("EEG", Column("a"), Column("b")), [Wish.parse(wish)])


def place(timeline: Timeline, stamps: np.ndarray, chunk: int) -> np.ndarray:
    """Given ``chunk`` by chunk, as they come; those in doubt again with the next."""
    out, waiting = [], np.empty(0)
    for i in range(0, len(stamps), chunk):
        waiting = np.concatenate([waiting, stamps[i : i + chunk]])
        out.append(timeline.place(waiting))
        waiting = waiting[len(out[-1]) :]
    out.append(timeline.place(waiting, final=True))
    return np.concatenate(out)


@pytest.mark.parametrize("rate", [4.0, 250.0, 1000.0])
def test_jitter_goes_and_drift_stays(rate: float) -> None:
    """Stamps late by 2 ms on average, of a clock that is 200 ppm fast."""
    rng = np.random.default_rng(0)
    taken = START + np.arange(int(60 * rate)) * (1e6 / rate) * (1 + 200e-6)
    timeline = Timeline(rate)
    t_us = place(timeline, taken + rng.exponential(2000, len(taken)), 7)
    error = (t_us - taken)[len(taken) // 2 :]
    assert len(t_us) == len(taken)
    assert not timeline.gaps
    assert error.std() < 500  # the stamps': 2000; the mean lateness cannot be known
    assert timeline.rate_found_hz == pytest.approx(rate / (1 + 200e-6), rel=1e-4)


@pytest.mark.parametrize("missing", [10, 125, 5000])
def test_gaps_are_found_and_counted(missing: int) -> None:
    taken = START + np.arange(10_000 + missing) * 4000.0
    taken = np.delete(taken, np.arange(5000, 5000 + missing))
    timeline = Timeline(250.0)
    t_us = place(timeline, taken, 8)
    assert np.abs(t_us - taken).max() <= 2
    (gap,) = timeline.gaps
    assert gap.missing == missing
    assert abs(gap.end_us - taken[5000]) <= 2
    assert abs(gap.start_us - taken[4999]) <= 2


def test_a_late_burst_is_no_gap() -> None:
    """For 80 ms stamps stand still, as when a radio pauses; then they are right again."""
    taken = START + np.arange(5000) * 4000.0
    stamps = taken.copy()
    stamps[3000:3020] = taken[3020]
    timeline = Timeline(250.0)
    t_us = place(timeline, stamps, 8)
    assert not timeline.gaps
    assert np.abs(t_us - taken).max() < 4000


def test_a_clock_set_back_never_turns_time_round() -> None:
    taken = START + np.arange(5000) * 4000.0
    stamps = taken - 1e6 * (np.arange(5000) >= 2500)
    timeline = Timeline(250.0)
    t_us = place(timeline, stamps, 8)
    assert timeline.turned_back == 1
    assert (np.diff(t_us) >= 0).all()
    assert np.abs(t_us - stamps)[3000:].max() <= 2


def test_irregular_stamps_are_kept() -> None:
    stamps = START + np.array([0.0, 10, 500, 499, 90_000])
    t_us = Timeline(0.0).place(stamps)
    assert (t_us - int(START)).tolist() == [0, 10, 500, 500, 90_000]


def test_a_drifting_clock_is_followed() -> None:
    """The source runs 100 ppm fast and 5 s ahead; round trips of 200 us are read each second."""
    clock = SourceClock()
    for second in range(60):
        here = round(START) + second * 1_000_000
        there = 5_000_000 + round(here + 100e-6 * (here - START))
        clock.add(Exchange(here - 100, there, there, here + 100))
    taken = START + np.array([59.0e6, 59.5e6])
    stamps = 5e6 + taken + 100e-6 * (taken - START)
    mapped = clock.to_session(stamps, int(taken[-1]))
    assert np.abs(mapped - taken).max() < 3
    assert clock.drift_ppm == pytest.approx(100, abs=1)
    assert 100 <= clock.uncertainty_us < 110


def test_stamps_of_another_clock_are_mapped_by_arrival() -> None:
    clock = SourceClock()
    clock.add(Exchange(0, 0, 0, 10))
    ways = [3000, 1000, 2000]  # from stamp to arrival
    for n, way in enumerate(ways):
        taken = 1_000_000 * (n + 1)
        mapped = clock.to_session(np.array([START + taken]), taken + way)
    assert clock.by_arrival
    assert clock.uncertainty_us == float("inf")
    assert mapped[0] == 3_000_000 + min(ways)
