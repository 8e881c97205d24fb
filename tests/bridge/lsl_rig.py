"""LSL programs for tests: in processes of their own, seen by nobody outside this machine.

liblsl reads its configuration once a process, so it is set here, before pylsl is imported: streams
carry a session id of their own (others neither see nor are seen), are looked for at 127.0.0.1
(multicast may be forbidden), and a lost one is noticed within seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedxr.bridge.clock import now_us
from fedxr.bridge.sensors.lsl import load_pylsl
from fedxr.bridge.sensors.source import SensorError

_CONFIG = """
[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = fedxr-{session}
[tuning]
WatchdogCheckInterval = 1
WatchdogTimeThreshold = 2
[log]
level = -3
"""
_folder = tempfile.TemporaryDirectory(prefix="fedxr-lsl-")
_file = Path(_folder.name) / "lsl_api.cfg"
_file.write_text(_CONFIG.format(session=uuid.uuid4().hex))
os.environ["LSLAPICFG"] = str(_file)

try:
    pylsl = load_pylsl()
except SensorError as error:
    pytest.skip(str(error), allow_module_level=True)

EEG = [["Oz", "microvolts", "EEG"], ["O1", "microvolts", "EEG"], ["O2", "microvolts", "EEG"]]


class Outlet:
    """A stream in a process of its own; ``key`` is its source id, none when empty."""

    def __init__(
        self,
        kind: str = "EEG",
        columns: Sequence[Sequence[str]] = tuple(EEG),
        rate: float = 250.0,
        name: str = "",
        key: str | None = None,
        **more: Any,
    ) -> None:
        self.name = name or f"{kind}-{uuid.uuid4().hex[:8]}"
        self.key = uuid.uuid4().hex if key is None else key
        self.rate = rate
        about = {"name": self.name, "type": kind, "source_id": self.key, **more}
        about |= {"rate": rate, "columns": columns}
        program = Path(__file__).with_name("outlet.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), json.dumps(about)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._start_s = float(self._process.stdout.readline())

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)

    def stop(self) -> None:
        """Ends as a program that crashes does: without a word."""
        self._process.kill()
        self._process.communicate()

    def due_us(self, numbers: np.ndarray) -> np.ndarray:
        """Session times at which samples ``numbers`` were taken: LSL's clock is this machine's."""
        return numbers * (1e6 / self.rate) + self._start_s * 1e6 + session_minus_lsl()

    def __enter__(self) -> Outlet:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def session_minus_lsl() -> float:
    readings = []
    for _ in range(100):
        before, lsl_s = time.monotonic_ns(), pylsl.local_clock()
        readings.append((time.monotonic_ns() - before, now_us() - lsl_s * 1e6))
    return min(readings)[1]
