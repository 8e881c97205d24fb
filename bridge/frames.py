"""Frames in memory, and the codec that turns a channel's samples into a block and back.

A headset packs, the server unpacks; both hold one `ChannelCodec` per accepted channel, so that
everything that depends only on the layout is worked out once. Unpacking validates: it is the one
place where bytes of a stranger become arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bridge.channels import Channel, ChannelError, Samples, layout_of
from bridge.images import decode_picture, encode_png
from bridge.protocol import Block, PackedFrame, ProtocolError
from bridge.stamps import StampGrid

_MAX_US = 2**53


@dataclass(slots=True, eq=False)
class Frame:
    """What a headset sent for one capture instant: every sample up to ``capture_us`` is in.

    ``received_us`` is the server's clock on arrival, 0 on the headset.
    """

    seq: int
    capture_us: int
    samples: dict[str, Samples] = field(default_factory=dict)
    episode: int = 0
    episode_start_us: int = 0
    received_us: int = 0


class ChannelCodec:
    """Packs and unpacks one channel; remembers where its time stands.

    ``number`` is the id that the welcome gave. ``last_us`` is the newest accepted stamp of the
    present episode: the caller resets it to 0 when an episode starts.
    """

    def __init__(self, channel: Channel, number: int) -> None:
        layout = layout_of(channel.layout)
        self.channel = channel
        self.name = channel.name
        self.number = number
        self.layout = layout
        # By name: NumPy takes slow paths for a dtype that merely equals the machine's own.
        self.dtype = np.dtype(np.dtype(layout.dtype).newbyteorder("<").str)
        self.shape = layout.shape
        self.free = 0 in layout.shape
        self.sample_bytes = 0 if self.free else math.prod(layout.shape) * self.dtype.itemsize
        self.image = layout.modality == "vision"
        self.float = self.dtype.kind == "f"
        self.last_us = 0
        self._grid = StampGrid(channel.rate_hz)

    def pack(self, samples: Samples) -> Block:
        """The block of ``samples`` (n >= 1); raises ChannelError when they do not fit."""
        values, t_us = samples.values, samples.t_us
        if self.free or values.shape[1:] != self.shape:
            self.layout.check(values.shape[1:])
        if values.dtype != self.dtype:
            raise ChannelError(
                f"channel {self.name}: values are {values.dtype}; layout {self.layout.name} is "
                f"{self.dtype}. Convert them"
            )
        n = len(t_us)
        block = Block(self.number, int(t_us[0]), n, b"")
        if n > 1:
            found = self._grid.find(t_us)
            if found is None:
                block.stamps = t_us.astype("<i8", copy=False).tobytes()
            else:
                block.t0_us, block.period_us, block.first = found
        if self.free:
            block.shape = list(values.shape[1:])
        if self.image:
            block.encoding, block.data = "png", encode_png(values)
        else:
            block.data = values.tobytes()
        return block

    def unpack(self, block: Block) -> Samples:
        """The samples of ``block``; raises ProtocolError that names what does not fit."""
        n, data = block.n, block.data
        try:
            if self.free or block.encoding != "raw":
                values = self._unpack_free(block)
            elif n == 0 or len(data) != n * self.sample_bytes:
                due = f"{n * self.sample_bytes} bytes" if n else "at least one sample"
                raise ProtocolError(
                    "bad-shape",
                    f"{len(data)} bytes for {n} samples; {self.layout.name} has "
                    f"{self.sample_bytes} bytes a sample, so {due} are due",
                )
            else:
                values = np.frombuffer(data, self.dtype)
            # One dot product finds a NaN or an infinity in a third of isfinite().all()'s time;
            # values above 1e19 overflow it too, hence the exact count.
            if self.float and not math.isfinite(values.dot(values)):
                _check_finite(values)
            if self.shape:
                values = values.reshape(n, *(block.shape if self.free else self.shape))
            return Samples(self._stamps(block), values)
        except ProtocolError as error:
            raise ProtocolError(error.code, f"channel {self.name}: {error}") from None

    def _unpack_free(self, block: Block) -> NDArray[np.generic]:
        """Values, flat, of pictures and of layouts whose sizes travel with the sample."""
        shape = tuple(block.shape)
        try:
            self.layout.check(shape)
        except ChannelError as error:
            raise ProtocolError("bad-shape", str(error)) from None
        if block.encoding != "raw":
            if not self.image:
                raise ProtocolError("bad-shape", f"encoding {block.encoding} is for vision only")
            return decode_picture(block.data, block.encoding, block.n, shape).reshape(-1)
        due = block.n * math.prod(shape) * self.dtype.itemsize
        if due == 0 or len(block.data) != due:
            raise ProtocolError(
                "bad-shape", f"{len(block.data)} bytes for {block.n} samples of {shape}; due {due}"
            )
        return np.frombuffer(block.data, self.dtype)

    def _stamps(self, block: Block) -> NDArray[np.int64]:
        """(n,) stamps that do not go back, neither within the block nor behind the last one."""
        n = block.n
        if n == 1 and not block.stamps:
            t_us = np.array([block.t0_us])
        elif block.stamps:
            if len(block.stamps) != 8 * n:
                raise ProtocolError("bad-shape", f"{len(block.stamps)} stamp bytes; due {8 * n}")
            t_us = np.frombuffer(block.stamps, "<i8")
            if (t_us[1:] < t_us[:-1]).any():
                raise ProtocolError("bad-time", "time stamps go back within the block")
        else:
            period, first = block.period_us, block.first
            # Written so that NaN fails.
            if not (period >= 0.0 and (abs(first) + n) * period <= _MAX_US):
                raise ProtocolError(
                    "bad-time",
                    f"period {period} us, first sample {first}; allowed are a period "
                    ">= 0 and samples that lie within 2^53 us",
                )
            t_us = self._grid.make(n, block.t0_us, period, first)
        if t_us[0] < self.last_us:
            raise ProtocolError(
                "bad-time",
                f"starts at {t_us[0]} us, before {self.last_us} us that was sent "
                "already; send in time order or start a new episode",
            )
        return t_us


def _check_finite(values: NDArray[np.generic]) -> None:
    """Raise ProtocolError when there is a NaN or an infinity among ``values`` (m,)."""
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise ProtocolError(
            "not-finite",
            f"{bad} of {values.size} numbers are NaN or infinite; leave such samples out",
        )


def pack_samples(
    samples_by_name: Mapping[str, Samples], codecs: dict[str, ChannelCodec]
) -> list[Block]:
    """The blocks of a frame; channels without samples are left out.

    Raises ChannelError for a channel that the server did not accept, or samples that do not fit.
    """
    blocks = []
    for name, samples in samples_by_name.items():
        codec = codecs.get(name)
        if codec is None:
            raise ChannelError(
                f"channel {name!r} is not open; open are {', '.join(codecs) or 'none'}"
            )
        if len(samples.t_us):
            blocks.append(codec.pack(samples))
    return blocks


def pack_frame(frame: Frame, codecs: dict[str, ChannelCodec]) -> PackedFrame:
    """The message of ``frame``; raises as `pack_samples` does."""
    return PackedFrame(
        frame.seq,
        frame.capture_us,
        pack_samples(frame.samples, codecs),
        frame.episode,
        frame.episode_start_us,
    )


# Absurd values must not become warnings in the server's log: `unpack` looks for them itself. As a
# decorator this costs half of what a with statement does.
@np.errstate(over="ignore", invalid="ignore")
def unpack_samples(packed: PackedFrame, codecs: dict[int, ChannelCodec]) -> dict[str, Samples]:
    """The samples of ``packed`` by channel name; a frame is taken whole or not at all.

    Raises ProtocolError: unknown channel, a channel twice, shapes, values, times that go back or
    lie after ``capture_us``.
    """
    samples: dict[str, Samples] = {}
    newest = []
    for block in packed.blocks:
        codec = codecs.get(block.channel)
        if codec is None:
            known = ", ".join(f"{n} ({c.name})" for n, c in codecs.items()) or "none"
            raise ProtocolError("unknown-channel", f"channel id {block.channel}; open are {known}")
        if codec.name in samples:
            raise ProtocolError("bad-shape", f"channel {codec.name} stands twice in one frame")
        got = codec.unpack(block)
        last_us = int(got.t_us[-1])
        if last_us > packed.capture_us:
            raise ProtocolError(
                "bad-time",
                f"channel {codec.name}: a sample at {last_us} us lies after the frame's "
                f"capture_us {packed.capture_us}",
            )
        samples[codec.name] = got
        newest.append((codec, last_us))
    for codec, last_us in newest:
        codec.last_us = last_us
    return samples
