"""Hand Tracking Streamer's lines by UDP and TCP, through its SDK and a real bridge.

The stand-in sends what the app does: for each hand a datagram with its wrist's line and that of its
landmarks, another with the head; Unity's coordinates, four decimals and three.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from bridge_rig import until
from sensor_rig import Run, streaming

from fedxr.bridge.clock import now_us
from fedxr.bridge.sensors.quest import QuestFinder, joints_of
from fedxr.bridge.sensors.source import SensorError

pytest.importorskip("hand_tracking_sdk", reason="needs hand-tracking-sdk")

HALF = np.sqrt(0.5)
# A right hand in its wrist's frame, palm down, fingers straight ahead: Unity's x right, z ahead.
FINGERS = {"thumb": -0.04, "index": -0.02, "middle": 0.0, "ring": 0.02, "little": 0.04}
LANDMARKS = np.array(
    [(0.0, 0.0, 0.0)]
    + [(x, 0.0, 0.06 + 0.02 * n) for x in FINGERS.values() for n in range(4)],
)  # fmt: skip


def lines(n: int, side: str = "Right", stamp: str = "") -> str:
    """Frame ``n`` of one hand: at x = n mm, turned to the right by 90 degrees about Unity's y."""
    turn = f"0.000, {HALF:.3f}, 0.000, {HALF:.3f}"
    wrist = f"{side} wrist{stamp}:, {n / 1000:.4f}, 1.0000, 0.3000, {turn}"
    points = ", ".join(f"{x:.4f}" for x in LANDMARKS.ravel())
    return f"{wrist}\n{side} landmarks{stamp}:, {points}"


@contextmanager
def app(send: object, *frames: object, rate: float = 72.0) -> Iterator[list[int]]:
    """Sends frames until the block ends; gives when each left."""
    left_us: list[int] = []
    stop = threading.Event()

    def run() -> None:
        start = time.monotonic()
        while not stop.is_set():
            n = len(left_us)
            left_us.append(now_us())
            for frame in frames:
                send(frame(n))  # type: ignore[operator]
            stop.wait(max(0.0, start + (n + 1) / rate - time.monotonic()))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield left_us
    finally:
        stop.set()
        thread.join()


def by_udp(port: int) -> object:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return lambda text: sender.sendto(text.encode(), ("127.0.0.1", port))


def frame_numbers(run: Run, channel: str) -> np.ndarray:
    """A frame's number is where its wrist is, in millimetres."""
    values = run.got(channel)[1]
    return np.rint(values[:, 0, 0] * 1000).astype(int)


async def test_hands_and_head_arrive_in_our_coordinates() -> None:
    said: list[str] = []
    finder = QuestFinder("udp,0", said.append)
    head = "Head pose:, 0.1000, 1.6000, 0.2000, 0.000, 0.000, 0.000, 1.000"
    both = (lines, lambda n: lines(n, "Left"), lambda n: head)
    with app(by_udp(finder.port), *both) as left_us:
        async with streaming(finder) as run:
            await until(lambda: run.app.sessions and len(run.app.sessions[-1].channels) == 3)
            run.app.frames.clear()
            await until(lambda: len(run.got("hand-left")[0]) > 50)
            await until(lambda: len(run.got("hand-right")[0]) > 50)
            by_udp(finder.port)("what is this?")  # type: ignore[operator]
            by_udp(finder.port)("Right wrist:, 1, 2, 3")  # type: ignore[operator]
            await until(lambda: said)
            arrived = len(run.got("hand-right")[0])
            await until(lambda: len(run.got("hand-right")[0]) > arrived + 5)
    channels = run.app.sessions[-1].channels
    assert {name: c.layout for name, c in channels.items()} == {
        "hand-left": "hands/webxr25",
        "hand-right": "hands/webxr25",
        "head": "motion/head",
    }
    n, (t_us, values) = frame_numbers(run, "hand-right"), run.got("hand-right")
    assert (np.diff(n) == 1).all(), "one sample a frame, though each comes in two lines"
    # Stamped when they came: after they were sent, and before the bridge had them.
    assert (t_us >= np.array(left_us)[n]).all()
    assert all(f.samples["hand-right"].t_us[-1] <= f.capture_us for f in run.app.frames[-5:]
               if "hand-right" in f.samples)  # fmt: skip
    hand = values[0] - np.eye(1, 7)[0] * n[0] / 1000  # at frame 0
    # In Unity the hand points along x (ahead, turned right); ours: -z is ahead, so x again.
    np.testing.assert_allclose(hand[0, :3], (0, 1, -0.3), atol=1e-6)
    np.testing.assert_allclose(hand[14, :3], (0.12, 1, -0.3), atol=1e-3)  # middle tip
    # The thumb of a right hand that points right with its palm down is ahead of it: -z.
    np.testing.assert_allclose(hand[4, :3], (0.12, 1, -0.3 - 0.04), atol=1e-3)
    # The middle finger's metacarpal: a third of the way to its base at 0.06 m.
    np.testing.assert_allclose(hand[10, :3], (0.02, 1, -0.3), atol=1e-3)
    # A straight finger looks where the wrist does: -z turned to +x, that is -90 degrees about y.
    for joint in (0, 10, 12, 14):
        np.testing.assert_allclose(hand[joint, 3:], (0, -HALF, 0, HALF), atol=1e-3)
    np.testing.assert_allclose(run.got("head")[1][0], (0.1, 1.6, -0.2, 0, 0, 0, 1), atol=1e-6)
    assert run.heard("metacarpals, which the app does not send")
    (told,) = said
    assert "not of Hand Tracking Streamer, and is left out: Missing ':' separator" in told


async def test_the_quests_own_stamps_are_used_and_a_pause_is_silence() -> None:
    """By TCP and with debug information: stamps of a clock with another zero, 200 ppm fast."""
    finder = QuestFinder("tcp,0", print)

    def stamped(n: int) -> str:
        taken_ns = round((7_000 + n / 72.0 * (1 + 200e-6)) * 1e9)
        return lines(n, stamp=f" | f = {n} | t = {taken_ns}") + "\n"

    reader = socket.create_connection(("127.0.0.1", finder.port))
    with app(lambda text: reader.sendall(text.encode()), stamped) as left_us:
        async with streaming(finder) as run:
            await until(lambda: len(run.got("hand-right")[0]) > 72)
            (sensor,) = run.headset.sensors
    reader.close()
    assert run.heard("its stamps are of another clock")
    assert sensor.clock.by_arrival
    n, t_us = frame_numbers(run, "hand-right"), run.got("hand-right")[0]
    # Nothing was taken before the frame that came with the least delay says; 1 ms is for the drift.
    least = (np.array(left_us)[n] - n * 1e6 / 72).min()
    assert ((t_us - n * 1e6 / 72)[10:] >= least - 1000).all()


def test_a_stamp_is_the_devices_own_where_it_says_one() -> None:
    finder = QuestFinder("udp,0", print)
    for n in range(3):
        for line in lines(n, stamp=f" | f = {n} | t = {7_000_000_000 + n}").split("\n"):
            finder._take(line)
    stream = finder.find()[0].open()[0]
    assert stream.read()[1].tolist() == [7_000_000 + n / 1000 for n in range(3)]
    finder.close()


async def test_a_device_that_goes_and_comes_back_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedxr.bridge.sensors.sensor.SILENT_US", 200_000)
    finder = QuestFinder("udp,0", print)
    async with streaming(finder) as run:
        with app(by_udp(finder.port), lines):
            await until(lambda: len(run.got("hand-right")[0]) > 20)
        arrived = len(run.got("hand-right")[0])
        await until(lambda: run.heard("hand-right: silent for"))
        with app(by_udp(finder.port), lines):
            await until(lambda: len(run.got("hand-right")[0]) > arrived + 20)
    assert run.heard("hand-right: sends again")
    assert len(run.app.sessions) == 1
    n = frame_numbers(run, "hand-right")
    assert (np.diff(n) < 0).sum() == 1, "the app began to count anew, once"


def test_what_cannot_be_is_said() -> None:
    finder = QuestFinder("udp,0", print)
    with pytest.raises(SensorError, match=r"cannot listen for a Quest at udp port .* another port"):
        QuestFinder(str(finder.port), print)
    finder.close()
    for where in ("wifi", "udp,ninety", "udp,9000,8000", "99999"):
        with pytest.raises(SensorError, match="allowed is quest, quest:tcp"):
            QuestFinder(where, print)


@pytest.mark.parametrize(
    "broken",
    [
        (np.full(3, np.nan), np.array([0, 0, 0, 1.0]), LANDMARKS),
        (np.zeros(3), np.zeros(4), LANDMARKS),
        (np.zeros(3), np.array([0, 0, 0, 1.0]), np.zeros((21, 3))),
    ],
    ids=["no place", "no turn", "no fingers"],
)
def test_a_hand_that_is_not_tracked_is_absent(broken: tuple[np.ndarray, ...]) -> None:
    assert np.isnan(joints_of(*broken)).all()
