"""Frames in memory, and the codec that turns a channel's samples into a block and back.

A headset packs, the server unpacks; both hold one `ChannelCodec` per accepted channel, so that
everything that depends only on the layout is worked out once. Unpacking validates: it is the one
place where bytes of a stranger become arrays, of which what cannot be is absent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.absences import Absences
from fedxr.bridge.channels import Channel, ChannelError, Samples, layout_of
from fedxr.bridge.images import decode_picture, encode_png
from fedxr.bridge.protocol import Block, PackedFrame, ProtocolError
from fedxr.bridge.stamps import StampGrid

_MAX_US = 2**53
DecodePicture = Callable[[bytes, str, int, tuple[int, ...]], NDArray[np.uint8]]
"""`fedxr.bridge.images.decode_picture`, or the same in a process of its own."""


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


class ReceivedSamples(Samples):
    """Samples whose form was checked on arrival and that become arrays when they are first looked
    at; then what cannot be is left out (`fedxr.bridge.plausible`), so there may be none.

    So the event loop, on which every headset waits, spends nothing on arrays that another thread
    will use, that a newer block replaces, or that nobody looks at.
    """

    __slots__ = ("_block", "_codec")

    def __init__(self, block: Block, codec: ChannelCodec) -> None:
        self._block, self._codec = block, codec

    def __getattr__(self, name: str) -> Any:
        """Called while ``t_us`` and ``values`` are not set."""
        if name not in Samples.__slots__:
            raise AttributeError(name)
        codec, block = self._codec, self._block
        there = codec.absences.sift(Samples(codec.times(block), codec.values(block)))
        self.t_us, self.values = there.t_us, there.values
        return getattr(self, name)

    @property
    def sent(self) -> int:
        return self._block.n

    @property
    def nbytes(self) -> int:
        return len(self._block.data) + 8 * self._block.n

    def __reduce__(self) -> tuple[type[Samples], tuple[NDArray[Any], NDArray[Any]]]:
        return Samples, (self.t_us, self.values)


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
        self.absences = Absences(channel.name, layout.name)
        self.last_us = 0
        self.seen_us = 0
        """The newest stamp of the last block unpacked, whether its frame was accepted or not."""
        self._one = () if self.free else (1, *layout.shape)
        self._grid = StampGrid(channel.rate_hz)
        self._ahead: tuple[Block, NDArray[np.generic] | ProtocolError] | None = None

    def pack(self, samples: Samples) -> Block:
        """The block of ``samples`` (n >= 1); raises ChannelError when they do not fit."""
        values, t_us = samples.values, samples.t_us
        if values.shape == self._one and values.dtype == self.dtype and not self.image:
            # A pose: what most blocks are takes this short way.
            return Block(self.number, t_us.item(0), 1, values.tobytes())
        if self.free or values.shape[1:] != self.shape:
            self.layout.check(values.shape[1:])
        if values.dtype != self.dtype:
            raise ChannelError(
                f"channel {self.name}: values are {values.dtype}; layout {self.layout.name} is "
                f"{self.dtype}. Convert them"
            )
        n = len(t_us)
        data = encode_png(values) if self.image else values.tobytes()
        block = Block(self.number, int(t_us[0]), n, data)
        if n > 1:
            found = self._grid.find(t_us)
            if found is None:
                block.stamps = t_us.astype("<i8", copy=False).tobytes()
            else:
                block.t0_us, block.period_us, block.first = found
        if self.free:
            block.shape = list(values.shape[1:])
            if self.image:
                block.encoding = "png"
        return block

    def unpack(self, block: Block) -> Samples:
        """The samples of ``block``; raises ProtocolError that names what does not fit.

        The numbers themselves are looked at when somebody else looks: `ReceivedSamples`.
        """
        try:
            picture = None if block.encoding == "raw" else self._picture(block)
            if picture is None:
                self._check_size(block)
            self._check_times(block)
        except ProtocolError as error:
            raise ProtocolError(error.code, f"channel {self.name}: {error}") from None
        if picture is None:
            return ReceivedSamples(block, self)
        return Samples(self.times(block), picture)

    def values(self, block: Block) -> NDArray[np.generic]:
        """(n, *shape) values of a raw block that `unpack` has accepted."""
        shape = block.shape if self.free else self.shape
        return np.ndarray((block.n, *shape), self.dtype, block.data)

    def times(self, block: Block) -> NDArray[np.int64]:
        """(n,) stamps of a block that `unpack` has accepted."""
        if block.stamps:
            return np.frombuffer(block.stamps, "<i8")
        if block.n == 1:
            return np.array((block.t0_us,))
        return self._grid.make(block.n, block.t0_us, block.period_us, block.first)

    def decode_ahead(self, block: Block, decode: DecodePicture) -> None:
        """Decode the picture in ``block``, in whatever thread; `unpack` then takes it."""
        try:
            self._ahead = block, self._decode(block, decode)
        except ProtocolError as error:
            self._ahead = block, error

    def _picture(self, block: Block) -> NDArray[np.generic]:
        ahead, self._ahead = self._ahead, None
        picture = (
            ahead[1]
            if ahead is not None and ahead[0] is block
            else self._decode(block, decode_picture)
        )
        if isinstance(picture, ProtocolError):
            raise picture
        return picture

    def _decode(self, block: Block, decode: DecodePicture) -> NDArray[np.generic]:
        self._check_shape(block)
        if not self.image:
            raise ProtocolError("bad-shape", f"encoding {block.encoding} is for vision only")
        return decode(block.data, block.encoding, block.n, tuple(block.shape))

    def _check_shape(self, block: Block) -> None:
        try:
            self.layout.check(tuple(block.shape))
        except ChannelError as error:
            raise ProtocolError("bad-shape", str(error)) from None

    def _check_size(self, block: Block) -> None:
        n, data = block.n, block.data
        if not self.free:
            if n and len(data) == n * self.sample_bytes:
                return
            due = f"{n * self.sample_bytes} bytes" if n else "at least one sample"
            raise ProtocolError(
                "bad-shape",
                f"{len(data)} bytes for {n} samples; {self.layout.name} has "
                f"{self.sample_bytes} bytes a sample, so {due} are due",
            )
        self._check_shape(block)
        bytes_due = n * math.prod(block.shape) * self.dtype.itemsize
        if bytes_due == 0 or len(data) != bytes_due:
            raise ProtocolError(
                "bad-shape",
                f"{len(data)} bytes for {n} samples of {tuple(block.shape)}; due {bytes_due}",
            )

    def _check_times(self, block: Block) -> None:
        """Refuse stamps that go back, within the block or behind the last one; set ``seen_us``."""
        n, start_us = block.n, block.t0_us
        if block.stamps:
            if len(block.stamps) != 8 * n:
                raise ProtocolError("bad-shape", f"{len(block.stamps)} stamp bytes; due {8 * n}")
            t_us = np.frombuffer(block.stamps, "<i8")
            if (t_us[1:] < t_us[:-1]).any():
                raise ProtocolError("bad-time", "time stamps go back within the block")
            start_us, self.seen_us = int(t_us[0]), int(t_us[-1])
        elif n == 1:
            self.seen_us = start_us
        else:
            period, first = block.period_us, block.first
            # Written so that NaN fails.
            if not (period >= 0.0 and (abs(first) + n) * period <= _MAX_US):
                raise ProtocolError(
                    "bad-time",
                    f"period {period} us, first sample {first}; allowed are a period "
                    ">= 0 and samples that lie within 2^53 us",
                )
            # As StampGrid makes them: Python rounds half to even too.
            self.seen_us = start_us + round((n - 1 + first) * period)
            start_us += round(first * period)
        if start_us < self.last_us:
            raise ProtocolError(
                "bad-time",
                f"starts at {start_us} us, before {self.last_us} us that was sent "
                "already; send in time order or start a new episode",
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
        if samples.t_us.size:
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


def unpack_samples(packed: PackedFrame, codecs: dict[int, ChannelCodec]) -> dict[str, Samples]:
    """The samples of ``packed`` by channel name; a frame is taken whole or not at all.

    Raises ProtocolError: unknown channel, a channel twice, shapes, times that go back or lie after
    ``capture_us``. Numbers that cannot be are no error: their samples are absent.
    """
    samples: dict[str, Samples] = {}
    capture_us = packed.capture_us
    for block in packed.blocks:
        codec = codecs.get(block.channel)
        if codec is None:
            known = ", ".join(f"{n} ({c.name})" for n, c in codecs.items()) or "none"
            raise ProtocolError("unknown-channel", f"channel id {block.channel}; open are {known}")
        if codec.name in samples:
            raise ProtocolError("bad-shape", f"channel {codec.name} stands twice in one frame")
        samples[codec.name] = codec.unpack(block)
        if codec.seen_us > capture_us:
            raise ProtocolError(
                "bad-time",
                f"channel {codec.name}: a sample at {codec.seen_us} us lies after the frame's "
                f"capture_us {capture_us}",
            )
    for block in packed.blocks:
        codec = codecs[block.channel]
        codec.last_us = codec.seen_us
    return samples
