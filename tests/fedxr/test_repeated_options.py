"""An option that may be given more than once keeps all that was given, as docs/sensors.md types."""

from __future__ import annotations

import pytest
import tyro

from fedxr.cli.sensors import Sensors
from fedxr.cli.unity import Unity
from fedxr.experiments.run_config import RunConfig


@pytest.mark.parametrize(
    ("command", "option", "first", "second"),
    [
        (Sensors, "source", "lsl:Pupil Core", "brainflow:cyton,serial_port=x"),
        (Sensors, "marker", "tension", "cues=engagement"),
        (Sensors, "channel", "A=eeg/Oz@uV", "B=eeg/O1@uV"),
        (Sensors, "tasks", "tension", "emotion"),
        (Unity, "tasks", "target", "intent"),
        (RunConfig, "sets", "har", "fsdd"),
    ],
)
def test_both_are_kept(command: type, option: str, first: str, second: str) -> None:
    needed = ["--editor"] if command is Unity else []
    typed = [*needed, f"--{option}", first, f"--{option}", second]
    assert getattr(tyro.cli(command, args=typed), option) == (first, second)


def test_environment_parameters_are_all_kept() -> None:
    scene = ["--editor", "--parameters", "noise", "0.25", "--parameters", "level", "2"]
    assert tyro.cli(Unity, args=scene).parameters == {"noise": 0.25, "level": 2.0}
