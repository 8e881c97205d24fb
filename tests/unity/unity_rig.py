"""What the tests of Unity players share: the stand-in as a program that can be started."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlagents_envs", reason="needs the extra 'unity': pip install -e .[unity]")

import stand_in_player as stand_in
from mlagents_envs.side_channel import IncomingMessage as IncomingMessage

from fedxr.bridge.unity.player import Launch, UnityPlayer

TIMEOUT_S = 60.0
"""Far more than anything here takes; only the tests of hangs wait for less."""


class StandIn:
    """A built player in ``folder``; its report after it has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "scene.x86_64"
        script = Path(stand_in.__file__)
        self.path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        self.path.chmod(0o755)

    def arguments(self, *more: str) -> list[str]:
        return ["--report", str(self.folder / "report.json"), *more]

    def launch(self, *more: str, timeout_s: float = TIMEOUT_S, seed: int = 0) -> UnityPlayer:
        told = tuple(self.arguments(*more))
        return UnityPlayer(Launch(self.path, 0, seed, False, timeout_s, 1.0, told))

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found


def expected(sensor: str, agent: int, episode: int, step: int) -> np.ndarray:
    """What a turn shows of ``stand_in.sensed``, worked out by hand: pictures without their channel,
    Z and with it the x and y of quaternions mirrored, flat numbers in the layout's shape."""
    raw = stand_in.sensed(sensor, agent, episode, step)
    if sensor == "vision/gray":
        return raw[None, :, :, 0]
    if sensor == "gaze/point2@60":
        return raw.reshape(2, 2)
    if sensor in ("motion/head", "hands/webxr25"):
        poses = raw.reshape(-1, 7).copy()
        poses[:, 2], poses[:, 3], poses[:, 4] = -poses[:, 2], -poses[:, 3], -poses[:, 4]
        return poses.reshape((1, 7) if sensor == "motion/head" else (1, 25, 7))
    return raw


def sensors(behaviour: str) -> Sequence[str]:
    return stand_in.SCENES[behaviour][0]
