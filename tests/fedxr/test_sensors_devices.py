"""`fedxr sensors` with what ships besides LSL and boards, each library against its stand-in."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bridge"))

from companion import Companion
from test_sensors import Listener
from test_sensors_osc import Program, hmd_at, sending
from test_sensors_quest import app, by_udp, lines

from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.sensors.sources import SOURCES
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer
from fedxr.cli.main import main


def free_ports(n: int) -> Sequence[int]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


async def test_a_quest_glasses_and_an_avatar_are_one_headset(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quest, osc = free_ports(2)
    listener = Listener()
    async with BridgeServer(listener, ServerConfig(port=0)) as server:
        with Companion() as phone, ExitStack() as devices:
            devices.enter_context(app(by_udp(quest), lines))
            devices.enter_context(sending(Program(osc), lambda n: hmd_at(n / 100)))
            sources = (f"quest:{quest}", f"osc:{osc}", f"pupil:127.0.0.1:{phone.port}")
            arguments = ["sensors", "--url", server.url, "--seconds", "1.5"]
            arguments += [word for source in sources for word in ("--source", source)]
            code = await asyncio.to_thread(main, arguments)
    out = capsys.readouterr().out
    assert code == 0, out
    assert {name: channel.layout for name, channel in listener.channels.items()} == {
        "hand-right": "hands/webxr25",
        "head": "motion/head",
        "gaze": "gaze/point2",
        "pupil": "gaze/pupil",
    }
    assert all(listener.samples.get(name, 0) > 0 for name in listener.channels), out
    assert f"quest: listens at port {quest};" in out
    assert f"osc: listens at UDP port {osc};" in out
    assert "hand-right: " in out
    assert "stamped by arrival" in out


@pytest.mark.parametrize(
    ("name", "module", "line"),
    [
        ("lsl", "pylsl", "LSL needs pylsl: pip install"),
        ("brainflow", "brainflow.board_shim", "a board needs brainflow: pip install"),
        ("quest", "hand_tracking_sdk", "a Quest needs hand-tracking-sdk: pip install"),
        ("pupil", "pupil_labs.realtime_api", "needs pupil-labs-realtime-api: pip install"),
        ("osc", "pythonosc.osc_packet", "OSC needs python-osc: pip install"),
    ],
)
def test_a_library_that_is_not_there_is_named_with_its_line(
    name: str, module: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(SensorError, match=line) as told:
        SOURCES[name].find("synthetic" if name == "brainflow" else "", print)
    extra = "sensors" if name in ("lsl", "brainflow") else name
    assert f"[{extra}]" in str(told.value)
