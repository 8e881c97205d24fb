"""What cannot be counts as absent: the table, the sieve, what is said, and the wire."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from bridge_rig import RawHeadset, Recorder, headset, samples_of, server_of, until
from hypothesis import given, settings
from hypothesis import strategies as st

from fedxr.bridge.absences import Absences
from fedxr.bridge.channels import LAYOUTS, Channel, Samples, layout_of
from fedxr.bridge.frames import ChannelCodec, Frame, pack_frame, unpack_samples
from fedxr.bridge.plausible import present, sieve_of
from fedxr.bridge.protocol import Block, Hello, Notice, Offer, PackedFrame, Reply

NAN, INF = float("nan"), float("inf")
FLOATS = [*(n for n, x in LAYOUTS.items() if x.dtype == "float32"), "eeg/Oz-O1-O2", "fnirs/F3-F4"]
POSE = (0.1, 1.6, -0.2, 0.0, 0.6, 0.0, 0.8)
HAND = [POSE] * 26
every_layout = pytest.mark.parametrize("layout", FLOATS)


def of(layout: str, rows: object) -> Samples:
    values = np.array(rows, np.float32)
    return Samples(np.arange(len(values), dtype=np.int64), values)


def kinds(layout: str, rows: object) -> dict[str, int]:
    """Which kinds of absence ``rows`` hold, as a codec counts them."""
    absences = Absences("c", layout)
    absences.sift(of(layout, rows))
    return {kind: n for kind, n in absences.samples.items() if n}


@every_layout
def test_what_tests_and_tables_call_plausible_is_there(layout: str) -> None:
    samples = samples_of(Channel("c", layout, 100), [0, 10, 20])
    assert present(samples, layout) is samples


CASES = [
    ("motion/head", POSE, (0.1, 1.6, -0.2, 0, 0, 0, 0), "not tracked"),
    ("motion/head", POSE, (0.1, 1.6, -0.2, 0, 0.5, 0, 0.5), "implausible"),
    ("motion/head", POSE, (0.1, NAN, -0.2, 0, 0, 0, 1), "not finite"),
    ("motion/head", POSE, (0.1, 1e20, -0.2, 0, 0, 0, 1), "implausible"),
    ("motion/controller", (*POSE, *[0] * 7), (*POSE[:3], *[0] * 11), "not tracked"),
    ("motion/controller", (*POSE, *[1] * 7), (*POSE, *[9] * 7), "implausible"),
    ("motion/wrist", (0, 9.81, 0, 0, 0, 0), (0, 9.81, 0, 0, 0, 1e3), "implausible"),
    ("hands/openxr26", HAND, [*HAND[:25], (0.1, 1.6, -0.2, 0, 0, 0, 0)], "not tracked"),
    ("hands/openxr26", HAND, [*HAND[:25], (NAN,) * 7], "not finite"),
    ("hands/shrec22", [(0.1, 0, 0)] * 22, [(0, 0, 0)] * 22, "not tracked"),
    ("gaze/point2", (0.5, 1.2), (-1, -1), "not tracked"),
    ("gaze/point2", (0, 0), (NAN, NAN), "not finite"),
    ("gaze/point2", (0, -1), (960, 540), "implausible"),
    ("gaze/ray", (0, 0, 0, 0, 0, -1), (0, 0, 0, 0, 0, 0), "not tracked"),
    ("gaze/pupil", (0.003, 0.004), (0, -1), "not tracked"),
    ("gaze/pupil", (0.003, 0.004), (NAN, NAN), "not finite"),
    ("gaze/pupil", (0.003, 0.004), (3, 4), "implausible"),
    ("physiology/heart-rate", 1.2, 0, "not tracked"),
    ("physiology/heart-rate", 1.2, 72, "implausible"),
    ("physiology/ibi", 0.8, 800, "implausible"),
    ("physiology/temperature", 306.0, 33.0, "implausible"),
    ("physiology/eda", 0.0, 2.5, "implausible"),
    ("physiology/eda", 2e-6, -1, "not tracked"),
    ("eeg/Oz-O1", (1e-5, 0.3), (20, -14), "implausible"),
    ("fnirs/F3-F4", [(1e-3, 0)] * 2, [(INF, NAN)] * 2, "not finite"),
    ("face/arkit52", [0.3] * 52, [NAN] * 52, "not finite"),
    ("contact/vibration", -60.0, -3e38, "implausible"),
]


@pytest.mark.parametrize(("layout", "good", "bad", "kind"), CASES)
def test_a_sample_that_cannot_be_is_left_out_and_the_rest_stays(
    layout: str, good: object, bad: object, kind: str
) -> None:
    samples = of(layout, [good, bad, good, bad])
    with warnings.catch_warnings(action="error"):
        left = present(samples, layout)
    assert left.t_us.tolist() == [0, 2]
    np.testing.assert_array_equal(left.values, samples.values[[0, 2]])
    assert kinds(layout, [good, bad, good, bad]) == {kind: 2}


def test_places_are_there_or_not_by_themselves() -> None:
    """A loose electrode takes no other with it; a pixel without depth, no picture."""
    eeg = present(of("eeg/Oz-O1-O2", [(NAN, 1e-6, 2e-6), (NAN, 30, NAN)]), "eeg/Oz-O1-O2")
    assert eeg.t_us.tolist() == [0]
    np.testing.assert_array_equal(eeg.values, np.array([[NAN, 1e-6, 2e-6]], np.float32))
    depth = present(of("depth/map", [[(1, INF), (-3, 0)]]), "depth/map")
    np.testing.assert_array_equal(depth.values, [[(1, NAN), (NAN, 0)]])
    pupil = present(of("gaze/pupil", [(-1, 0.003)]), "gaze/pupil")
    np.testing.assert_array_equal(pupil.values, np.array([[NAN, 0.003]], np.float32))


def test_each_kind_is_said_once_with_who_it_was_and_what_would_do() -> None:
    absences = Absences("cap", "eeg/Oz-O1-O2")
    for _ in range(3):
        absences.sift(of("eeg/Oz-O1-O2", [(1e-6, NAN, 1e-6), (1e-6, 1e-6, 20)]))
    lost, large = absences.news()
    assert "channel cap: 1 of 2 samples hold NaN or infinity (O1)" in lost
    assert "20 (O2), where eeg/Oz-O1-O2 is -1 to 1 (V; another unit?)" in large
    assert "the rest of it is used" in lost
    assert absences.news() == []
    assert absences.samples.total() == 6


@every_layout
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_comes_out_is_plausible_and_stamps_stay_with_their_samples(
    layout: str, data: st.DataObject
) -> None:
    sieve = sieve_of(layout)
    assert sieve is not None
    good = samples_of(Channel("c", layout, 100), [0, 10, 20, 30]).values
    values = good.copy()
    odd = st.sampled_from((NAN, INF, -INF, 0.0, -1.0, 1e-30, 1.0, 1e4, -1e4, 1e20, 3e38))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, values.size - 1))
        values.reshape(-1)[at] = data.draw(odd)
    samples = Samples(np.array([0, 10, 20, 30]), values)
    absences = Absences("c", layout)
    with warnings.catch_warnings(action="error"):
        left = absences.sift(samples)
        assert sieve.fits(values) == bool(sieve.there(values).all())
    kept = (left.t_us // 10).tolist()
    same = np.equal(left.values, values[kept]) | np.isnan(left.values)
    assert same.all()
    assert present(left, layout).t_us.tolist() == left.t_us.tolist()
    untouched = [i for i in range(4) if np.array_equal(values[i], good[i])]
    assert set(untouched) <= set(kept)
    if sieve.range.places:
        assert not np.isnan(left.values.reshape(len(kept), -1)).all(1).any()
    else:
        assert np.isfinite(left.values).all()
        assert absences.samples.total() == 4 - len(kept)


def test_the_protocol_says_what_the_table_says() -> None:
    text = (Path(__file__).parents[2] / "bridge" / "PROTOCOL.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if " by itself |" in line]
    rows += [line.split("|")[1:-1] for line in text.splitlines() if "| as a whole |" in line]
    told = {name.strip(): row for row in rows for name in row[0].split(",")}
    for layout in FLOATS:
        sieve = sieve_of(layout)
        assert sieve is not None
        name = layout if layout in LAYOUTS else f"{layout_of(layout).modality}/…"
        _, range_, units, lost, there = (cell.strip() for cell in told[name])
        low, high = float(np.min(sieve.low)), float(np.max(sieve.high))
        if layout != "motion/controller":
            said = range_.split(",")[0].split(" … ")
            assert [np.float32(x) for x in said] == [np.float32(low), np.float32(high)], layout
        assert (there == "each by itself") == sieve.range.places
        assert units == " ".join(f"{a} to {b - 1}" for a, b in sieve.range.units)
        assert (lost == "all 0") == (sieve.range.lost == 0.0)
        assert (lost == "all -1") == (sieve.range.lost == -1.0)


async def test_a_headset_that_lost_its_user_is_told_once_and_goes_on() -> None:
    """30 frames with a zero orientation, then tracking is back."""
    app = Recorder()
    head, gaze = Channel("head", "motion/head", 30), Channel("gaze", "gaze/point2", 30)
    async with server_of(app) as server, await headset(server.url, [head, gaze]) as client:
        for i in range(40):
            pose = np.array([POSE], np.float32)
            pose[0, 3:] *= i >= 30
            t = np.array([1_000_000 + 33_333 * i])
            point = np.full((1, 2), NAN if i < 5 else 0.5, np.float32)
            await client.send_frame(
                int(t[0]), {"head": Samples(t, pose), "gaze": Samples(t, point)}
            )
        await until(lambda: len(app.frames) == 40)
        told: list[Notice] = []
        assert sum(len(f.samples["head"]) for f in app.frames) == 10
        assert sum(len(f.samples["gaze"]) for f in app.frames) == 35
        replies = 0
        while len(told) < 2 or replies < 40:
            message = await anext(client)
            replies += isinstance(message, Reply)
            told += [message] if isinstance(message, Notice) else []
        assert {n.code for n in told} == {"absent"}
        assert {k: n for notice in told for k, n in notice.counts.items()} == {
            "head": 30,
            "gaze": 5,
        }
        assert "not tracked" in next(n.text for n in told if "head" in n.counts)
        stats = app.sessions[0].stats
        assert (stats.refused, stats.frames) == (0, 40)
        assert stats.absent == {"head": 30, "gaze": 5}
        await until(lambda: app.drops)
        assert {k: v for one in app.drops for k, v in one.items()} == {
            "head absent": 30,
            "gaze absent": 5,
        }


async def test_time_goes_on_past_samples_that_are_absent() -> None:
    """A block whose last samples are absent still moves its channel's time on."""
    app = Recorder()
    point = np.array([(0.5, 0.5), (NAN, NAN)], "<f4")
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(Hello(2, 2, "u", "s", [Offer("gaze", "gaze/point2", 0.0)], []))
        block = Block(1, 0, 2, point.tobytes(), stamps=np.array([100, 200], "<i8").tobytes())
        await raw.send(PackedFrame(1, 200, [block]))
        assert isinstance(await raw.receive(), Reply)
        assert app.frames[0].samples["gaze"].t_us.tolist() == [100]
        await raw.send(PackedFrame(2, 200, [Block(1, 150, 1, point[:1].tobytes())]))
        notice = await raw.receive()
        assert isinstance(notice, Notice)
        assert notice.code == "bad-time"


def test_nobody_pays_for_what_is_not_looked_at() -> None:
    """Numbers are not read on the event loop: a frame is unpacked without them."""
    codec = ChannelCodec(Channel("eeg", "eeg/Oz-O1", 250), 1)
    values = np.full((4, 2), NAN, np.float32)
    frame = Frame(1, 4, {"eeg": Samples(np.arange(4, dtype=np.int64), values)})
    got = unpack_samples(pack_frame(frame, {"eeg": codec}), {1: codec})["eeg"]
    assert codec.absences.samples.total() == 0
    assert len(got) == 0
    assert codec.absences.samples.total() == 4
