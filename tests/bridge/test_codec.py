"""Samples to bytes and back: every layout, every kind of time stamps, golden vectors, fuzz."""

from __future__ import annotations

import io
import json
import runpy
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from bridge_rig import samples_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fedxr.bridge.channels import LAYOUTS, Channel, ChannelError, Samples
from fedxr.bridge.frames import ChannelCodec, Frame, pack_frame, unpack_samples
from fedxr.bridge.protocol import (
    Answer,
    Block,
    PackedFrame,
    ProtocolError,
    decode_down,
    decode_up,
    encode,
)
from fedxr.bridge.stamps import StampGrid

GOLDEN = Path(__file__).parents[1] / "golden"
VECTORS = json.loads((GOLDEN / "fedxr_v1.json").read_text(encoding="utf-8"))
NAMES = [*LAYOUTS, "eeg/Oz-O1-O2", "fnirs/F3-F4", "columns/strain-tilt_x"]


def over_the_wire(channel: Channel, samples: Samples) -> Samples:
    sender, receiver = ChannelCodec(channel, 7), ChannelCodec(channel, 7)
    frame = Frame(1, int(samples.t_us[-1]), {channel.name: samples})
    packed = decode_up(encode(pack_frame(frame, {channel.name: sender})))
    assert isinstance(packed, PackedFrame)
    return unpack_samples(packed, {7: receiver})[channel.name]


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("layout", NAMES)
def test_every_layout_survives(layout: str, n: int) -> None:
    channel = Channel("c", layout, 100)
    sent = samples_of(channel, [1_000_000 + 10_000 * i for i in range(n)])
    got = over_the_wire(channel, sent)
    assert got.values.dtype == sent.values.dtype
    np.testing.assert_array_equal(got.values, sent.values)
    np.testing.assert_array_equal(got.t_us, sent.t_us)


@pytest.mark.parametrize("rounded", [np.rint, np.floor])
@pytest.mark.parametrize("rate", [250, 2304, 16_000, 44_100, 48_000])
def test_streams_at_odd_rates_keep_every_stamp_and_stay_small(rate: int, rounded: Any) -> None:
    """A stream in 50 blocks whose period is no whole number of microseconds."""
    grid, raw = StampGrid(rate), 0
    n = rate // 72
    for block in range(50):
        steps = np.arange(block * n, (block + 1) * n) * (1e6 / rate)
        t_us = 1_000_007 + rounded(steps).astype(np.int64)
        found = grid.find(t_us)
        if found is None:
            raw += 1
        else:
            np.testing.assert_array_equal(grid.make(n, *found), t_us)
    assert raw <= 10


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=40), st.sampled_from([0.0, 72.0]))
@settings(max_examples=100, deadline=None)
def test_irregular_stamps_survive(times: list[int], rate: float) -> None:
    channel = Channel("c", "physiology/eda", rate)
    sent = Samples(np.sort(np.array(times, np.int64)), np.full(len(times), 1e-6, np.float32))
    np.testing.assert_array_equal(over_the_wire(channel, sent).t_us, sent.t_us)


def test_jpeg_is_read() -> None:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 16, 3), 90, np.uint8)).save(out, "JPEG")
    codec = ChannelCodec(Channel("v", "vision/rgb", 0), 1)
    block = Block(1, 5, 2, out.getvalue(), shape=[4, 16, 3], encoding="jpeg")
    values = codec.unpack(Block(1, 5, 1, out.getvalue(), shape=[8, 16, 3], encoding="jpeg")).values
    assert values.shape == (1, 8, 16, 3)
    assert abs(values.astype(int) - 90).max() <= 2
    assert codec.unpack(block).values.shape == (2, 4, 16, 3)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        # Its header's length says 8 where 13 are due: found by benchmarks/fuzz.py.
        b"\x89PNG\r\n\x1a\n\0\0\0\x08IHDR" + bytes(12),
        b"\xff\xd8\xff\xe0",
    ],
)
@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_broken_pictures_are_refused(broken: bytes, encoding: str) -> None:
    codec = ChannelCodec(Channel("v", "vision/gray", 0), 1)
    with pytest.raises(ProtocolError) as error:
        codec.unpack(Block(1, 5, 1, broken, shape=[4, 4], encoding=encoding))  # type: ignore[arg-type]
    assert error.value.code == "bad-image"


def test_a_sender_hears_of_wrong_samples_before_they_are_sent() -> None:
    codec = ChannelCodec(Channel("gaze", "gaze/point2", 0), 1)
    t_us = np.array([1], np.int64)
    with pytest.raises(ChannelError, match=r"\(3,\); allowed is 2"):
        codec.pack(Samples(t_us, np.zeros((1, 3), np.float32)))
    with pytest.raises(ChannelError, match="float64; layout gaze/point2 is float32"):
        codec.pack(Samples(t_us, np.zeros((1, 2))))
    with pytest.raises(ChannelError, match="'mic' is not open; open are gaze"):
        pack_frame(Frame(1, 1, {"mic": Samples(t_us, t_us)}), {"gaze": codec})


def test_a_refused_frame_leaves_no_trace() -> None:
    """The first block moves time on, the second is broken: neither counts."""
    codecs = {n: ChannelCodec(Channel(f"c{n}", "gaze/point2", 0), n) for n in (1, 2)}
    fine = np.zeros(2, "<f4").tobytes()
    with pytest.raises(ProtocolError):
        unpack_samples(PackedFrame(1, 99, [Block(1, 50, 1, fine), Block(2, 50, 1, b"")]), codecs)
    assert unpack_samples(PackedFrame(2, 99, [Block(1, 10, 1, fine)]), codecs)["c1"].t_us[0] == 10


def test_golden_file_is_what_the_script_makes() -> None:
    made = runpy.run_path(str(GOLDEN / "make.py"))["text"]()
    assert made == (GOLDEN / "fedxr_v1.json").read_text(encoding="utf-8")


def golden_codecs() -> dict[int, ChannelCodec]:
    return {
        c["id"]: ChannelCodec(Channel(name, c["layout"], 72), c["id"])
        for name, c in VECTORS["channels"].items()
    }


@pytest.mark.parametrize("vector", VECTORS["accepted"] + VECTORS["absent"], ids=lambda v: v["name"])
def test_golden_messages(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    kind = vector["message"]["type"]
    up = kind in ("hello", "proof", "consent", "frame", "feedback", "ping", "bye")
    message = decode_up(data) if up else decode_down(data)
    assert encode(message) == data
    assert kind == message.__struct_config__.tag
    if isinstance(message, PackedFrame):
        got = unpack_samples(message, golden_codecs())
        assert set(got) == set(vector["samples"])
        for name, due in vector["samples"].items():
            assert got[name].t_us.tolist() == due["t_us"]
            assert got[name].values.tolist() == due["values"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda v: v["shows"])
def test_golden_refusals(vector: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as error:
        read_frame(bytes.fromhex(vector["hex"]))
    assert error.value.code == vector["code"]


def read_frame(data: bytes) -> None:
    message = decode_up(data)
    assert isinstance(message, PackedFrame)
    unpack_samples(message, golden_codecs())


def attempt(data: bytes) -> None:
    """Decode both ways; only ProtocolError may come out."""
    for decode in (decode_up, decode_down):
        try:
            message = decode(data)
            if isinstance(message, PackedFrame):
                for samples in unpack_samples(message, golden_codecs()).values():
                    assert len(samples.t_us) == len(samples.values)
        except ProtocolError:
            continue


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_never_breaks_the_decoder(data: bytes) -> None:
    attempt(data)


_hex = st.sampled_from([v["hex"] for v in VECTORS["accepted"] + VECTORS["refused"]])


@given(
    _hex,
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6),
    st.integers(0, 2**16),
)
@settings(max_examples=600, deadline=None)
def test_bent_messages_never_break_the_decoder(
    good: str, bends: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray.fromhex(good)
    for at, value in bends:
        data[at % len(data)] = value
    attempt(bytes(data[: 1 + cut % (2 * len(data))]))


_number = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats())
_block = st.fixed_dictionaries(
    {
        "channel": st.integers(1, 6),
        "t0_us": st.integers(0, 2**53),
        "n": st.integers(0, 2**31 - 1),
        "data": st.binary(max_size=64),
    },
    optional={
        "period_us": st.floats(),
        "first": st.floats(),
        "stamps": st.binary(max_size=32),
        "shape": st.lists(st.integers(0, 2**31 - 1), max_size=4),
        "encoding": st.sampled_from(["raw", "png", "jpeg"]),
    },
)


@given(st.lists(_block, max_size=3), _number)
@settings(max_examples=600, deadline=None)
def test_absurd_blocks_never_break_the_decoder(blocks: list[dict[str, Any]], when: Any) -> None:
    attempt(
        msgspec.msgpack.encode({"type": "frame", "seq": 1, "capture_us": when, "blocks": blocks})
    )


def test_a_deep_payload_is_refused_not_recursed() -> None:
    deep = b"\x91" * 100_000 + b"\xc0"
    with pytest.raises(ProtocolError):
        decode_down(b"\x83\xa4type\xa3cue\xa4kind\xa1x\xa7payload\x81\xa1a" + deep)


def test_answer_bytes_must_be_whole_floats() -> None:
    np.testing.assert_array_equal(Answer.of(np.array([0.5, 0.5])).probabilities, [0.5, 0.5])
    with pytest.raises(ProtocolError, match="3 bytes"):
        _ = Answer(b"abc", 0).probabilities
