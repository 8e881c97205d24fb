"""XDF exports, read by pyxdf."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recording_rig import CHANNELS, record

from fedxr.bridge.protocol import PackedFrame, Ping
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.xdf import write_xdf

pyxdf = pytest.importorskip("pyxdf")


async def test_pyxdf_reads_the_same_numbers(tmp_path: Path) -> None:
    recording = Recording(await record(tmp_path / "r.mcap"))
    left_out = write_xdf(recording, tmp_path / "r.xdf")
    assert [line.split(":")[0] for line in left_out] == [
        "channel camera (vision/rgb)",
        "channel depth (depth/map)",
        "channel room (spatial/points)",
    ]
    wanted: dict[str, list[np.ndarray]] = {}
    stamps: dict[str, list[np.ndarray]] = {}
    for event in recording.events():
        if isinstance(event.message, PackedFrame):
            for name, samples in event.session.samples(event.message).items():
                key = f"{event.session.hello.user}/{name}"
                wanted.setdefault(key, []).append(samples.values.reshape(len(samples), -1))
                stamps.setdefault(key, []).append(samples.t_us / 1e6)
    streams, _ = pyxdf.load_xdf(
        tmp_path / "r.xdf", synchronize_clocks=False, dejitter_timestamps=False
    )
    read = {s["info"]["name"][0]: s for s in streams}
    numeric = {c.name for c in CHANNELS} - {"camera", "depth", "room"}
    assert set(read) == {
        f"{user}/{name}" for user in ("ann", "bob") for name in (*numeric, "feedback", "reply")
    }
    for key in wanted.keys() & read.keys():
        np.testing.assert_array_equal(read[key]["time_series"], np.concatenate(wanted[key]))
        np.testing.assert_array_equal(read[key]["time_stamps"], np.concatenate(stamps[key]))
        assert int(read[key]["footer"]["info"]["sample_count"][0]) == len(read[key]["time_stamps"])
    labels = read["ann/eeg"]["info"]["desc"][0]["channels"][0]["channel"]
    assert [(c["label"][0], c["unit"][0]) for c in labels] == [
        ("Oz", "V"), ("O1", "V"), ("O2", "V")
    ]  # fmt: skip
    assert read["ann/feedback"]["time_series"][0] == ['{"task":"emotion","kind":"label","label":1}']


async def test_clock_offsets_bring_streams_onto_the_servers_clock(tmp_path: Path) -> None:
    recording = Recording(await record(tmp_path / "r.mcap", users=("ann",)))
    write_xdf(recording, tmp_path / "r.xdf")
    pings = [e.message for e in recording.events() if isinstance(e.message, Ping)]
    assert pings
    streams, _ = pyxdf.load_xdf(
        tmp_path / "r.xdf", synchronize_clocks=False, dejitter_timestamps=False
    )
    for stream in streams:
        assert stream["clock_values"] == [p.offset_us / 1e6 for p in pings]
        assert stream["clock_times"] == [p.sent_us / 1e6 for p in pings]
