"""examples/microcontroller, installed for real: its numbers arrive as channels of a bridge."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from plugin_rig import environment, fedxr, install, lines_of

from fedxr.bridge.frames import Frame
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session

WORDS = ("--source", "microcontroller:{port},eda:uS,strain:a.u.")


class Listener(Application):
    """Keeps what comes of each channel."""

    def __init__(self) -> None:
        self.values: dict[str, list[np.ndarray]] = {}

    def joined(self, session: Session) -> Sequence[str]:
        return ("tension",)

    def frame(self, session: Session, frame: Frame) -> None:
        for name, samples in frame.samples.items():
            self.values.setdefault(name, []).append(samples.values)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(install("microcontroller", tmp_path_factory.mktemp("plugin") / "installed"))


def test_the_example_is_one_short_module() -> None:
    assert lines_of("microcontroller") <= 50


async def test_its_numbers_are_channels_in_si(env: dict[str, str], tmp_path: Path) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("127.0.0.1", 0))
    port = sender.getsockname()[1] + 1
    stop = threading.Event()

    def send() -> None:
        """25 times a second: microseconds since the board started, which is no time of ours."""
        n = 0
        while not stop.wait(0.04):
            for text in (f"{n * 40_000},{n % 10}.5,7", "oops" if n == 20 else ""):
                if text:
                    sender.sendto(text.encode(), ("127.0.0.1", port))
            n += 1

    listener = Listener()
    thread = threading.Thread(target=send)
    thread.start()
    try:
        async with BridgeServer(listener, ServerConfig(port=0)) as server:
            words = [word.format(port=port) for word in WORDS]
            words += ["--url", server.url, "--seconds", "1"]
            said = await asyncio.to_thread(fedxr, tmp_path, env, "sensors", *words)
    finally:
        stop.set()
        thread.join()
    eda = np.concatenate(listener.values["eda"])
    assert set(np.round(eda * 1e6, 3).tolist()) <= {n + 0.5 for n in range(10)}, "uS become S"
    assert "not used: strain" in said
    assert "its stamps are of another clock" in said


def test_help_and_the_doctor_name_it(env: dict[str, str], tmp_path: Path) -> None:
    said = " ".join(fedxr(tmp_path, env, "sensors", "--help").replace("│", " ").split())
    assert "known: lsl, brainflow, quest, pupil, osc, microcontroller;" in said
    code = "from fedxr.cli.doctor import sensors; print([f.what for f in sensors()])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert "source microcontroller" in done.stdout, done.stderr
