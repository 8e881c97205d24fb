"""Order within a session: what a headset numbers and dates only counts up."""

from __future__ import annotations

from fedxr.bridge.channels import Samples
from fedxr.bridge.episodes import default_start
from fedxr.bridge.frames import ChannelCodec, Frame, unpack_samples
from fedxr.bridge.protocol import PackedFrame, ProtocolError
from fedxr.bridge.stats import SessionStats


class SequenceGuard:
    """Frames and feedback share one counter, whose gaps are counted as lost; episodes never shrink,
    and within one neither capture times nor stamps go back.

    The number of a message that is refused is used up. Apart from that a refused frame has no
    effect: it begins no episode, and the next frame is compared with the last accepted one.
    """

    __slots__ = ("_capture_us", "_start_us", "_stats", "episode", "last_seq")

    def __init__(self, stats: SessionStats) -> None:
        self.last_seq = 0
        """The newest number that has arrived."""
        self.episode = -1
        """That of the last accepted frame; -1 before the first."""
        self._capture_us = self._start_us = 0
        self._stats = stats

    def accept_seq(self, seq: int) -> None:
        """Use ``seq`` up; raises ProtocolError (bad-sequence) if it is not a new one."""
        gap = seq - self.last_seq
        if gap <= 0:
            raise ProtocolError("bad-sequence", f"seq {seq} after {self.last_seq}; count up")
        self._stats.lost += gap - 1
        self.last_seq = seq

    def accept_frame(
        self, packed: PackedFrame, codecs: dict[int, ChannelCodec], received_us: int
    ) -> Frame:
        """Unpack ``packed``, which came at ``received_us`` of the server's clock; raises
        ProtocolError (bad-sequence, bad-time, and those of `unpack_samples`)."""
        self.accept_seq(packed.seq)
        begins = packed.episode > self.episode
        if packed.episode < self.episode:
            raise ProtocolError(
                "bad-sequence", f"episode {packed.episode} after {self.episode}; count up"
            )
        if not begins and packed.capture_us < self._capture_us:
            raise ProtocolError(
                "bad-time", f"capture_us {packed.capture_us} after {self._capture_us}"
            )
        samples = _unpack_first(packed, codecs) if begins else unpack_samples(packed, codecs)
        self.episode, self._capture_us = packed.episode, packed.capture_us
        if begins:
            self._start_us = packed.episode_start_us or default_start(packed.capture_us)
        start_us = packed.episode_start_us or self._start_us
        return Frame(packed.seq, packed.capture_us, samples, packed.episode, start_us, received_us)


def _unpack_first(packed: PackedFrame, codecs: dict[int, ChannelCodec]) -> dict[str, Samples]:
    """The samples of an episode's first frame: stamps may start anew, unless it is refused."""
    before = {codec: codec.last_us for codec in codecs.values()}
    for codec in before:
        codec.last_us = 0
    try:
        return unpack_samples(packed, codecs)
    except ProtocolError:
        for codec, last_us in before.items():
            codec.last_us = last_us
        raise
