"""The parts of a session, each by itself: order, refusals, what waits, what leaves, health."""

from __future__ import annotations

import numpy as np
import pytest
from bridge_rig import GAZE, gaze

from fedxr.bridge.frames import ChannelCodec, Frame, pack_samples
from fedxr.bridge.protocol import PackedFrame, ProtocolError
from fedxr.bridge.serving.refusals import RefusalLimit
from fedxr.bridge.serving.sequence import SequenceGuard
from fedxr.bridge.stats import SessionStats


class Sender:
    """Packs gaze at any time and number, and has a guard judge it."""

    def __init__(self) -> None:
        self.stats = SessionStats()
        self.guard = SequenceGuard(self.stats)
        self.codecs = {1: ChannelCodec(GAZE, 1)}

    def frame(
        self,
        seq: int,
        capture_us: int,
        episode: int = 0,
        start_us: int = 0,
        at_us: int | None = None,
    ) -> Frame:
        samples = gaze(capture_us if at_us is None else at_us)
        blocks = pack_samples(samples, {"gaze": ChannelCodec(GAZE, 1)})
        packed = PackedFrame(seq, capture_us, blocks, episode, start_us)
        return self.guard.accept_frame(packed, self.codecs, 7)

    def refused(self, *frame: int, at_us: int | None = None) -> str:
        with pytest.raises(ProtocolError) as caught:
            self.frame(*frame, at_us=at_us)
        return caught.value.code


def test_numbers_count_up_and_gaps_are_lost() -> None:
    sender = Sender()
    sender.guard.last_seq = 4
    for seq in (5, 6, 9, 10, 20):  # 7 and 8 never came, nor 11 to 19
        sender.guard.accept_seq(seq)
    assert sender.stats.lost == 2 + 9
    for seq in (20, 19, 0):
        with pytest.raises(ProtocolError, match=rf"seq {seq} after 20; count up"):
            sender.guard.accept_seq(seq)
    assert (sender.guard.last_seq, sender.stats.lost) == (20, 11)


def test_a_refused_frame_uses_up_its_number_and_nothing_else() -> None:
    sender = Sender()
    sender.frame(1, 1000)
    assert sender.refused(2, 999) == "bad-time"
    assert sender.refused(2, 2000) == "bad-sequence"
    assert sender.refused(5, 2000, at_us=2001) == "bad-time"  # the sample lies after the frame
    assert (sender.guard.last_seq, sender.stats.lost) == (5, 2)
    assert sender.frame(6, 1000).capture_us == 1000  # compared with the first, not with a refused


def test_an_episode_begins_anew_unless_its_first_frame_is_refused() -> None:
    sender = Sender()
    assert sender.guard.episode == -1
    sender.frame(1, 5000)
    assert sender.refused(2, 100, 1, at_us=101) == "bad-time"
    assert sender.guard.episode == 0
    # Still the old episode, in which stamps stand at 5000.
    assert sender.refused(3, 6000, 0, at_us=4000) == "bad-time"
    frame = sender.frame(4, 100, 1)
    assert (frame.episode, sender.guard.episode) == (1, 1)
    assert sender.refused(5, 7000, 0) == "bad-sequence"


def test_later_frames_of_an_episode_know_its_start() -> None:
    sender = Sender()
    frames = [
        sender.frame(1, 90_000_000),  # far from the clock's zero: one tick of 33 333 us before
        sender.frame(2, 90_000_010),
        sender.frame(3, 90_000_020, 1, 90_000_015),  # said by the headset
        sender.frame(4, 90_000_030, 1),
        sender.frame(5, 50, 2),  # near zero: zero is meant
    ]
    starts = [f.episode_start_us for f in frames]
    assert starts == [89_966_667, 89_966_667, 90_000_015, 90_000_015, 0]
    assert {f.received_us for f in frames} == {7}


def test_twenty_refusals_within_ten_seconds_are_too_many() -> None:
    limit = RefusalLimit()
    assert not any(limit.count(n * 0.5) for n in range(19))  # the last at 9.0 s
    assert limit.count(9.9)  # the twentieth, 9.9 s after the first
    assert str(limit) == "20 refused messages within 10 s"


def test_twenty_refusals_in_ten_seconds_exactly_are_not() -> None:
    limit = RefusalLimit()
    at = [*np.linspace(0.0, 9.0, 19), 10.0]  # from the first to the twentieth: 10 s, not less
    assert not any(limit.count(t) for t in at)
    # Two a second, for as long as one likes: any twenty of them take 9.5 s.
    assert any(limit.count(20.0 + n / 2) for n in range(20))
    # 1.9 a second: any twenty take 10 s.
    limit = RefusalLimit()
    assert not any(limit.count(n * 10.0 / 19 + 1e-9 * n) for n in range(200))
