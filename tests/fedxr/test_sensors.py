"""The command `fedxr sensors`, from its arguments to what it prints, with the synthetic board."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fedxr.bridge.channels import Channel
from fedxr.bridge.frames import Frame
from fedxr.bridge.sensors.boards import load_brainflow
from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session
from fedxr.cli.main import main
from fedxr.cli.sensors import Sensors

try:
    load_brainflow()
except SensorError as error:
    pytest.skip(str(error), allow_module_level=True)


class Listener(Application):
    """Answers one task, and keeps which channels came and how many samples of each."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.user = ""
        self.samples: dict[str, int] = {}

    def joined(self, session: Session) -> Sequence[str]:
        self.channels, self.user = dict(session.channels), session.user
        return ("tension",)

    def frame(self, session: Session, frame: Frame) -> None:
        for name, samples in frame.samples.items():
            self.samples[name] = self.samples.get(name, 0) + len(samples)
        session.send_reply(frame.seq, frame.capture_us, {})


async def test_a_board_streams_until_its_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    listener = Listener()
    async with BridgeServer(listener, ServerConfig(port=0)) as server:
        arguments = ["sensors", "--url", server.url, "--user", "ann", "--seconds", "2"]
        board = ["--brainflow", "synthetic", "--channel", "Synthetic[Oz,Pz]=eeg/Oz-Pz"]
        code = await asyncio.to_thread(main, [*arguments, *board])
    out = capsys.readouterr().out
    assert code == 0, out
    assert listener.user == "ann"
    layouts = {name: channel.layout for name, channel in listener.channels.items()}
    assert layouts == {
        "eeg": "eeg/Oz-Pz",
        "eda": "physiology/eda",
        "temperature": "physiology/temperature",
    }
    assert listener.samples["eeg"] > 0
    assert "streaming eeg (eeg/Oz-Pz, 250 Hz)" in out
    assert "tick to reply p50" in out
    assert "Synthetic: " in out


def test_a_wrong_board_or_channel_ends_with_what_is_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sensors", "--brainflow", "cytn"]) == 2
    assert "board 'cytn'; known are playback_file (-3)" in capsys.readouterr().out
    assert main(["sensors", "--channel", "oops"]) == 2
    assert "channel 'oops'; allowed is NAME=layout" in capsys.readouterr().out


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(ValueError, match="--seconds -1; 0 or more"):
        Sensors(seconds=-1)
    with pytest.raises(ValueError, match="say which by --brainflow NAME"):
        Sensors(board_param=("serial_port=/dev/ttyUSB0",))
    with pytest.raises(ValueError, match="with --brainflow say --lsl as well"):
        Sensors(stream=("amp",), brainflow="cyton")
    with pytest.raises(ValueError, match="--delay-ms 2000; allowed are 0 to 1000"):
        Sensors(delay_ms=2000)


def test_no_bridge_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sensors", "--brainflow", "synthetic", "--url", "ws://127.0.0.1:1"]
    assert main(arguments) == 2
    out = capsys.readouterr().out
    assert "is it started" in out
    assert "Synthetic: sent nothing" in out
    assert "Hz, jitter" not in out, "nothing was measured"


def test_a_use_case_that_is_none_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sensors", "--brainflow", "synthetic", "--scenario", "bogus"])
    assert ended.value.code == 2
    assert "neuroadaptive" in capsys.readouterr().err


def test_the_list_says_what_becomes_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensors", "--list", "--brainflow", "synthetic", "--wait", "0.2"]) == 0
    out = capsys.readouterr().out
    assert "Synthetic" in out
    assert "physiology/eda" in out
