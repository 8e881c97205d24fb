"""How `fedxr serve` and `fedxr demo` end: by Ctrl-C, a dead learner, before they have begun."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from visits import WRIST, samples

from fedxr.agent.checkpoints.state import stored_names
from fedxr.bridge.channels import TICK_US, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError, Reply
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.evaluation.result import read_result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
WHO = {"user": "u", "scenario": "companion", "channels": [WRIST]}
WAIT_S = 60


class Command:
    """A running command; ``said`` is what it has printed, errors included."""

    def __init__(self, *words: str, run: Sequence[str] = ("-m", "fedxr.cli.entry")) -> None:
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *run, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def until(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line

    async def headset(self) -> HeadsetClient:
        self.until("Ctrl-C")
        url = re.search(r"ws://\S+", self.said)
        assert url
        return await connect(url[0], **WHO)  # type: ignore[arg-type]

    def ended(self) -> int:
        """The exit status, once it has ended by itself."""
        said, _ = self.process.communicate(timeout=WAIT_S)
        self.said += said
        return self.process.returncode


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Command]:
    command = Command("serve", "--port", "0", "--state", str(tmp_path / "s.db"))
    yield command
    end(command)


def end(command: Command) -> None:
    if command.process.poll() is None:
        os.killpg(command.process.pid, signal.SIGKILL)
    command.process.communicate()


def learner_of(pid: int) -> int:
    """The child that learns; the other is multiprocessing's tracker of resources."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # a thread starts the next one
        for child in children.read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise AssertionError(f"{pid} has no learner")


@pytest.mark.slow
async def test_one_ctrl_c_to_all_ends_serve_and_keeps_the_headset(
    server: Command, tmp_path: Path
) -> None:
    """As a terminal does it: the signal goes to the whole process group."""
    headset = await server.headset()
    for tick in range(1, 30):
        last = await headset.send_frame((tick + 1) * TICK_US, samples(WRIST, tick))
    async for heard in headset:
        if isinstance(heard, Reply) and heard.seq == last:
            break
    await headset.send_feedback("doing", 25 * TICK_US, 1)
    await headset.sync_clock()  # which is answered after what was sent before
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.ended() == 0, server.said
    assert "Traceback" not in server.said
    assert "Error" not in server.said
    await headset.close("the server is gone")
    assert len(stored_names(tmp_path / "s.db")) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the child under /proc")
async def test_a_dead_learner_is_started_again(server: Command) -> None:
    """The headset stays, and the server ends as ever."""
    headset = await server.headset()
    before = learner_of(server.process.pid)
    os.kill(before, signal.SIGKILL)
    server.until("trouble: the learner: the learner ended (exit code -9)")
    server.until("over: the learner: works again")
    assert learner_of(server.process.pid) != before
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0, server.said
    assert "Traceback" not in server.said
    await headset.close("the server is gone")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the child under /proc")
async def test_one_sigterm_is_enough_while_the_learner_hangs(server: Command) -> None:
    headset = await server.headset()
    os.kill(learner_of(server.process.pid), signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0, server.said
    assert "states are kept as they were last saved" in server.said
    assert "Traceback" not in server.said
    await headset.close("the server is gone")


STUCK = """
import sys, time
import fedxr.agent.encoders
from fedxr.cli.entry import main
real = fedxr.agent.encoders._encoder

class Slow:
    def __init__(self, real): self._real = real
    def __getattr__(self, name): return getattr(self._real, name)
    def summary(self, samples, channel, end_us):
        print("stuck", flush=True)
        time.sleep(3600)

fedxr.agent.encoders._encoder = lambda m: Slow(real(m)) if m == "motion" else real(m)
sys.exit(main())
"""
"""`fedxr` with an encoder in which whoever sends motion is stuck."""


@pytest.mark.slow
async def test_one_sigterm_is_enough_while_a_pass_is_stuck(tmp_path: Path) -> None:
    words = ("serve", "--port", "0", "--state", str(tmp_path / "s.db"))
    server = Command(*words, run=("-c", STUCK))
    try:
        headset = await server.headset()
        motion = Samples(10**15 + np.arange(0, 200_000, 20_000), np.zeros((10, 6), np.float32))
        await headset.send_frame(10**15 + 200_000, {"wrist": motion}, 0, 10**15)
        server.until("stuck")
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0, server.said
    finally:
        end(server)
    assert "stopped while busy" in server.said
    assert "Traceback" not in server.said
    await headset.close("the server is gone")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the child under /proc")
async def test_a_learner_that_hangs_does_not_keep_serve_from_ending(server: Command) -> None:
    headset = await server.headset()
    os.kill(learner_of(server.process.pid), signal.SIGSTOP)
    server.process.send_signal(signal.SIGINT)
    server.process.send_signal(signal.SIGINT)
    assert server.ended() == 0, server.said
    assert "Traceback" not in server.said
    await headset.close("the server is gone")


@pytest.mark.slow
def test_ctrl_c_before_the_headsets_are_here_ends_the_demo(tmp_path: Path) -> None:
    demo = Command("demo", "--port", "0", "--no-open", "--seconds", "600", "--out", str(tmp_path))
    try:
        demo.until("live page")
        os.killpg(demo.process.pid, signal.SIGINT)
        assert demo.ended() == 130, demo.said
    finally:
        end(demo)
    assert "Traceback" not in demo.said
    assert read_result(tmp_path / "result.json").interrupted


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_record_with_what_the_file_holds(tmp_path: Path, number: int) -> None:
    recording = Command("record", "--port", "0", "--out", str(tmp_path / "r.mcap"))
    try:
        recording.until("programs:")
        recording.process.send_signal(number)
        assert recording.ended() == 0, recording.said
    finally:
        end(recording)
    assert "Traceback" not in recording.said
    assert recording.said.count("r.mcap") == 2, "as it begins, and as it ends"


def test_a_package_that_is_not_installed_is_one_line() -> None:
    """As after an update of the source in a virtual environment that is older."""
    without = (
        "import sys; sys.modules['mcap'] = None; from fedxr.cli.entry import main; exit(main())"
    )
    command = [sys.executable, "-c", without, "record"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("fedxr: the package 'mcap")
    assert "pip install -c constraints.txt -e ." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(BridgeError, match=f"port {port}: .*from 0 to 65535"):
        ServerConfig(port=port)
