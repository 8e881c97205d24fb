"""The command `fedxr sensors`, from its arguments to what it prints, with the synthetic board."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fedxr.bridge.channels import Channel
from fedxr.bridge.frames import Frame
from fedxr.bridge.sensors.boards import load_brainflow
from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.sensors.sources import SOURCES
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
        board = ["--source", "brainflow:synthetic", "--channel", "Synthetic[Oz,Pz]=eeg/Oz-Pz"]
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
    assert main(["sensors", "--source", "brainflow:cytn"]) == 2
    assert "board 'cytn'; did you mean 'cyton'? known are" in capsys.readouterr().out
    assert main(["sensors", "--channel", "oops"]) == 2
    assert "channel 'oops'; allowed is NAME=layout" in capsys.readouterr().out


def test_wrong_options_say_what_is_right() -> None:
    with pytest.raises(ValueError, match="--seconds -1; 0 or more"):
        Sensors(seconds=-1)
    with pytest.raises(ValueError, match="--delay-ms 2000; allowed are 0 to 1000"):
        Sensors(delay_ms=2000)


def test_no_bridge_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sensors", "--source", "brainflow:synthetic", "--url", "ws://127.0.0.1:1"]
    assert main(arguments) == 2
    out = capsys.readouterr().out
    assert "is it started" in out
    assert "Synthetic: sent nothing" in out
    assert "Hz, jitter" not in out, "nothing was measured"


def test_a_use_case_that_cannot_be_is_refused_before_anything_starts() -> None:
    """The bridge may know others than this machine does; a name that none has is refused here."""
    assert Sensors(scenario="my-museum").scenario == "my-museum"
    with pytest.raises(ValueError, match="use case 'Bo gus'; take overlays, neuroadaptive"):
        Sensors(scenario="Bo gus")


def test_the_list_says_what_becomes_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sensors", "--list", "--source", "brainflow:synthetic", "--wait", "0.2"]) == 0
    out = capsys.readouterr().out
    assert "Synthetic" in out
    assert "physiology/eda" in out
    # And the sources that there are, each with its library or how to get it.
    assert all(f"--source {name}[:WHERE]; WHERE: " in out for name in SOURCES)


def test_an_unknown_source_or_task_is_told_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sensors", "--source", "leap"]) == 2
    out = capsys.readouterr().out
    assert "unknown source 'leap'; known are lsl, brainflow, quest, pupil, osc" in out
    assert main(["sensors", "--marker", "tensoin"]) == 2
    assert "no task 'tensoin'; nearest are tension" in capsys.readouterr().out
