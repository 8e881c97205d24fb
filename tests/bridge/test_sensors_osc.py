"""OSC by UDP from python-osc's own client, through its server and a real bridge."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from bridge_rig import until
from sensor_rig import streaming

from fedxr.bridge.clock import now_us
from fedxr.bridge.sensors.osc import OscFinder
from fedxr.bridge.sensors.osc_wearer import SHAPES
from fedxr.bridge.sensors.source import SensorError

udp_client = pytest.importorskip("pythonosc.udp_client", reason="needs python-osc")
bundles = pytest.importorskip("pythonosc.osc_bundle_builder")
messages = pytest.importorskip("pythonosc.osc_message_builder")

HALF = float(np.sqrt(0.5))
IDENTITY = (0.0, 0.0, 0.0, 1.0)
Messages = list[tuple[str, tuple[object, ...]]]


class Program:
    """One that sends, from a port of its own; ``bundle`` puts a frame into one datagram."""

    def __init__(self, port: int) -> None:
        self.client = udp_client.SimpleUDPClient("127.0.0.1", port)

    def send(self, frame: Messages, bundle: bool = False) -> None:
        if not bundle:
            for address, values in frame:
                self.client.send_message(address, list(values))
            return
        builder = bundles.OscBundleBuilder(bundles.IMMEDIATELY)
        for address, values in frame:
            message = messages.OscMessageBuilder(address)
            for value in values:
                message.add_arg(value)
            builder.add_content(message.build())
        self.client.send(builder.build())


@contextmanager
def sending(
    program: Program, frame: Callable[[int], Messages], bundle: bool = False
) -> Iterator[list[int]]:
    """Sixty frames a second until the block ends; gives when each left."""
    left_us: list[int] = []
    stop = threading.Event()

    def run() -> None:
        start = time.monotonic()
        while not stop.is_set():
            left_us.append(now_us())
            program.send(frame(len(left_us) - 1), bundle)
            stop.wait(max(0.0, start + len(left_us) / 60 - time.monotonic()))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield left_us
    finally:
        stop.set()
        thread.join()


def bone(name: str, at: tuple[float, ...], turn: tuple[float, ...] = IDENTITY) -> tuple:
    return "/VMC/Ext/Bone/Pos", (name, *at, *turn)


def avatar(n: int) -> Messages:
    """Hips at x = n mm and 1 m up, leaning: the spine is turned by 90 degrees about Unity's y, the
    head lies 0.5 m above and 0.1 m ahead of the spine, which is to the right then."""
    return [
        ("/VMC/Ext/Root/Pos", ("root", 0.0, 0.0, 0.0, *IDENTITY)),
        bone("Hips", (n / 1000, 1.0, 0.2)),
        bone("Spine", (0.0, 0.1, 0.0), (0.0, HALF, 0.0, HALF)),
        bone("LeftHand", (9.0, 9.0, 9.0)),
        bone("Head", (0.0, 0.4, 0.1)),
        *[
            ("/VMC/Ext/Blend/Val", (s[0].upper() + s[1:], k / 100))
            for k, s in enumerate(SHAPES[:-1])
        ],
        ("/VMC/Ext/Blend/Apply", ()),
        ("/VMC/Ext/OK", (1,)),
        ("/VMC/Ext/T", (100.0 + n / 60,)),
    ]


async def test_an_avatar_gives_its_head_and_its_face() -> None:
    said: list[str] = []
    finder = OscFinder("0", said.append)
    with sending(Program(finder.port), avatar, bundle=True) as left_us:
        async with streaming(finder) as run:
            await until(lambda: run.app.sessions and len(run.app.sessions[-1].channels) == 2)
            run.app.frames.clear()
            await until(lambda: len(run.got("head")[0]) > 60 and len(run.got("face")[0]) > 20)
    t_us, head = run.got("head")
    # x of the head: the hips', and 0.1 m ahead of a spine that is turned to the right.
    n = np.rint((head[:, 0] - 0.1) * 1000).astype(int)
    assert (np.diff(n) == 1).all()
    np.testing.assert_allclose(head[:, 1:3], [(1.5, -0.2)] * len(head), atol=1e-5)
    # Turned about y: mirrored with z, so the other way round.
    np.testing.assert_allclose(head[:, 3:], [(0, -HALF, 0, HALF)] * len(head), atol=1e-5)
    face = run.got("face")[1]
    np.testing.assert_allclose(face[0], [*(k / 100 for k in range(51)), 0.0], atol=1e-6)
    assert run.heard("shapes that do not come are taken as 0: tongueOut")
    # Stamped by the sender's own time, of another zero; a frame was not taken after it came here.
    assert run.heard("its stamps are of another clock")
    least = (np.array(left_us)[n] - n * 1e6 / 60).min()
    assert ((t_us - n * 1e6 / 60)[10:] >= least - 1000).all()


async def test_trackers_and_a_headset_of_two_programs() -> None:
    said: list[str] = []
    finder = OscFinder("0", said.append)

    def trackers(n: int) -> Messages:
        """Unity turns about z, then x, then y: 90 degrees about y alone for the head."""
        out: Messages = []
        for name, turn in (("head", (0.0, 90.0, 0.0)), ("1", (90.0, 90.0, 0.0))):
            out += [
                (f"/tracking/trackers/{name}/position", (n / 1000, 1.6, 0.5)),
                (f"/tracking/trackers/{name}/rotation", turn),
            ]
        return [*out, ("/avatar/parameters/Grounded", (True,))]

    def hmd(n: int) -> Messages:
        return [("/VMC/Ext/Hmd/Pos", ("LHR-1", 2.0, 1.7, n / 1000, *IDENTITY))]

    wish = ["tracker-1=motion/head"]
    with sending(Program(finder.port), trackers), sending(Program(finder.port), hmd):
        async with streaming(finder, wish) as run:
            await until(lambda: run.app.sessions and len(run.app.sessions[-1].channels) == 3)
            run.app.frames.clear()
            names = list(run.app.sessions[-1].channels)
            await until(lambda: all(len(run.got(name)[0]) > 30 for name in names))
            Program(finder.port).client._sock.sendto(b"hello", ("127.0.0.1", finder.port))
            await until(lambda: any("no OSC" in line for line in said))
    assert set(names) == {"head", "head-2", "head-3"}
    ways = {name: run.got(name)[1] for name in names}
    by_height = sorted(ways, key=lambda name: ways[name][0][1] + ways[name][0][0])
    tracked, there = [ways[n] for n in by_height[:2]], ways[by_height[2]]
    np.testing.assert_allclose(there[0, [0, 1]], (2.0, 1.7), atol=1e-6)
    assert (np.diff(np.rint(there[:, 2] * -1000)) == 1).all(), "ahead is -z"
    for way in tracked:
        np.testing.assert_allclose(way[:, 1:3], [(1.6, -0.5)] * len(way), atol=1e-6)
    turns = sorted(way[0, 3:].tolist() for way in tracked)
    # About y: (0, s, 0, c) mirrored: (0, -s, 0, c). With 90 degrees about x before: the product
    # (0, s, 0, c) (s, 0, 0, c) = (s c, s c, -s s, c c) with s = c, mirrored: x and y turn.
    np.testing.assert_allclose(turns, [(-0.5, -0.5, -0.5, 0.5), (0, -HALF, 0, HALF)], atol=1e-6)
    assert "osc: /avatar/parameters/Grounded from 127.0.0.1 is not used" in said


def test_a_program_that_is_started_anew_is_the_same_and_two_at_once_are_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finder = OscFinder("0", print)
    first, second = finder._sender(("10.0.0.2", 1)), finder._sender(("10.0.0.2", 2))
    assert first is not second
    assert finder._sender(("10.0.0.3", 1)) not in (first, second)
    monkeypatch.setattr("fedxr.bridge.sensors.osc._ALIVE_S", -1.0)
    assert finder._sender(("10.0.0.2", 3)) is first
    finder.close()


def test_who_floods_the_port_is_left_out() -> None:
    said: list[str] = []
    finder = OscFinder("0", said.append)
    for n in range(40):
        feed(finder, [*hmd_at(n), *hmd_at(n)], f"10.0.0.{n}")
        feed(finder, [(f"/tracking/trackers/{n}/position", (0.0, 0.0, 0.0))])
    assert len(finder.find()) == 16
    # Trackers 0 and 9 to 15 there are none; then it is the seventeenth who sends.
    assert said[8] == "osc: more than 16 send here; 10.0.0.16 is left out"
    assert len(said) == 20
    finder.close()


def keys_and_stamps(finder: OscFinder) -> dict[str, list[float]]:
    return {o.key.split()[-1]: o.open()[0].read()[1].tolist() for o in finder.find()}


def feed(finder: OscFinder, frame: Messages, host: str = "10.0.0.9") -> None:
    for address, values in frame:
        message = messages.OscMessageBuilder(address)
        for value in values:
            message.add_arg(value)
        finder.call_handlers_for_packet(message.build().dgram, (host, 1))


def hmd_at(x: float) -> Messages:
    return [("/VMC/Ext/Hmd/Pos", ("LHR-1", x, 1.7, 0.0, *IDENTITY))]


def test_a_frame_has_the_time_that_is_said_at_its_end() -> None:
    finder = OscFinder("0", print)
    for n in range(3):
        feed(finder, avatar(n))
    due = [np.float32(100 + n / 60) * 1e6 for n in range(3)]  # OSC's numbers are float32
    assert keys_and_stamps(finder) == {"head": due, "face": due}
    finder.close()


def test_a_time_that_is_not_said_with_each_frame_is_not_used() -> None:
    finder = OscFinder("0", print)
    clock: Messages = [("/VMC/Ext/T", (5.0,))]
    feed(finder, [*hmd_at(0), *hmd_at(1), *clock, *hmd_at(2)])
    (stamps,) = keys_and_stamps(finder).values()
    assert len(stamps) == 3
    assert min(stamps) > 1e15, "this machine's time, not 5 s"
    # A frame whose time was lost on the way: the last one and what passed since.
    feed(finder, [*hmd_at(0), *clock, *hmd_at(1), *hmd_at(2), ("/VMC/Ext/T", (6.0,))], "10.0.0.8")
    stamps = next(o.open()[0].read()[1] for o in finder.find() if "10.0.0.8" in o.key).tolist()
    assert stamps[0] == 5e6
    assert 5e6 < stamps[1] < 6e6
    assert stamps[2] == 6e6
    finder.close()


def test_what_is_no_pose_or_face_is_said_once() -> None:
    said: list[str] = []
    finder = OscFinder("0", said.append)
    for _ in range(2):
        feed(finder, [("/VMC/Ext/Hmd/Pos", ("LHR-1", 1.0, 2.0))])
        feed(finder, [("/VMC/Ext/Blend/Val", ("A", 0.5)), ("/VMC/Ext/Blend/Val", ("jawOpen", 0.5))])
        feed(finder, [("/VMC/Ext/Blend/Apply", ())])
        feed(finder, [("/tracking/trackers/2/position", (0.0, 0.0, 0.0))])
    assert len(said) == 3
    assert (
        "/VMC/Ext/Hmd/Pos from 10.0.0.9 is left out: 2 values [1.0, 2.0]; 7 numbers are due"
        in (said[0])
    )
    assert "the face has 1 of ARKit's 52 shapes and others (A, …); with 26 it would" in said[1]
    assert "tracker 2 has positions without rotations" in said[2]
    assert finder.find() == []
    with pytest.raises(SensorError, match=r"cannot listen for OSC at UDP port .* another port"):
        OscFinder(str(finder.port), print)
    with pytest.raises(SensorError, match=r"osc:vmc; allowed is osc, or osc:PORT"):
        OscFinder("vmc", print)
    finder.close()


def test_shapes_stand_in_the_order_of_the_headsets() -> None:
    """The C# sensor that fills ``face/arkit52`` has the same list."""
    path = "unity_project/Packages/com.fedxr.bridge/Runtime/Sensors/FaceSensor.cs"
    source = (Path(__file__).parents[2] / path).read_text()
    listed = source[source.index("names =") : source.index("tongueOut")]
    assert (*re.findall(r'"([a-z]\w+)"', listed), "tongueOut") == SHAPES
