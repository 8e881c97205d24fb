"""What waits and what goes, by policy and by bytes."""

from __future__ import annotations

import numpy as np

from fedxr.bridge.channels import Samples
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.transport.queues import FrameQueue, Outbox


def frame(seq: int, *names: str, floats: int = 10, episode: int = 0) -> Frame:
    samples = Samples(np.array([seq], np.int64), np.zeros((1, floats), np.float32))
    return Frame(seq, seq, dict.fromkeys(names, samples), episode)


def waiting(queue: FrameQueue) -> list[tuple[int, list[str]]]:
    return [(item.seq, sorted(item.samples)) for item in queue.drain() if isinstance(item, Frame)]


def test_each_channel_is_thinned_by_its_own_policy() -> None:
    queue = FrameQueue({"a": "latest", "b": "queue 2", "c": "reliable"}, 10**6)
    for seq in range(1, 5):
        queue.put(frame(seq, "a", "b", "c"))
    assert waiting(queue) == [(1, ["c"]), (2, ["c"]), (3, ["b", "c"]), (4, ["a", "b", "c"])]
    assert queue.drops == {"a": 3, "b": 2}


def test_emptied_frames_leave_and_the_newest_stays() -> None:
    queue = FrameQueue({"a": "latest"}, 10**6)
    for seq in range(1, 100):
        queue.put(frame(seq, "a"))
        queue.put(frame(seq + 100))
    assert len(queue) == 2
    assert waiting(queue) == [(99, ["a"]), (199, [])]


def test_an_empty_frame_of_another_episode_is_kept() -> None:
    queue = FrameQueue({}, 10**6)
    for seq, episode in ((1, 0), (2, 0), (3, 1)):
        queue.put(frame(seq, episode=episode))
    assert waiting(queue) == [(2, []), (3, [])]


def test_bytes_are_bounded_by_dropping_the_oldest_that_may_go() -> None:
    queue = FrameQueue({"big": "queue 999", "keep": "reliable"}, 50_000)
    for seq in range(1, 101):
        queue.put(frame(seq, "big", floats=1000))  # 4 KB each
    assert queue.nbytes <= 50_000
    assert not queue.full
    kept = [seq for seq, _ in waiting(queue)]
    assert kept == list(range(101 - len(kept), 101))
    assert queue.drops["big"] == 100 - len(kept)


def test_reliable_blocks_and_feedback_make_it_full_instead() -> None:
    queue = FrameQueue({"keep": "reliable"}, 20_000)
    for seq in range(1, 8):
        queue.put(frame(seq, "keep", floats=1000))
    assert queue.full
    assert not queue.drops
    queue.put(Feedback(9, "t", 1))
    seqs = [item.seq for item in iter(queue.take, None)]
    assert seqs == [1, 2, 3, 4, 5, 6, 7, 9]
    assert not queue.full
    assert queue.nbytes == 0


class Socket:
    """A writer that a test can congest."""

    def __init__(self) -> None:
        self.congested = False
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def test_outbox_keeps_the_newest_reply_and_sends_control_first() -> None:
    socket = Socket()
    outbox = Outbox(socket, 100)
    assert outbox.send_latest(b"r0")
    socket.congested = True
    assert not outbox.send_latest(b"r1")
    outbox.send_control(b"n1")
    outbox.send_latest(b"r2")
    outbox.send_control(b"n2")
    assert outbox.waiting == 6
    socket.congested = False
    outbox.flush()
    assert socket.written == [b"r0", b"n1", b"n2", b"r2"]
    assert outbox.drops == {"reply": 1}
    assert outbox.waiting == 0


def test_outbox_is_bounded() -> None:
    socket = Socket()
    socket.congested = True
    outbox = Outbox(socket, 100)
    for _ in range(50):
        outbox.send_control(bytes(30))
    assert outbox.waiting == 90
    assert outbox.drops == {"control": 47}
