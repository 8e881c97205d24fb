"""Fuzzing that is led by coverage, and sessions led through their states by hypothesis."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bridge_rig import GAZE, RawHeadset, Recorder, gaze, server_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fedxr.bridge.frames import ChannelCodec, pack_samples
from fedxr.bridge.protocol import (
    Feedback,
    Hello,
    Notice,
    Offer,
    PackedFrame,
    Ping,
    Pong,
    Reply,
    Welcome,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_coverage_leads_to_no_exception() -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -c constraints.txt -e .[fuzz]")
    command = [sys.executable, "-m", "benchmarks.fuzz_guided", "--count", "6000"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(
        r"(\w+): 3000 executions .* reached: (\d+) by .*, (\d+) at the end; (\d+) inputs",
        done.stdout,
    )
    assert [f[0] for f in found] == ["codec", "session"], done.stdout
    # Led by coverage indeed: it got further than the golden messages, and kept what got there.
    assert all(int(end) > int(start) > 50 and int(kept) for _, start, end, kept in found)


GUIDED = ["benchmarks.fuzz_guided", "--count", "20000", "--target"]
FEEDBACK = ("serving/incoming.py", "        self._stats.feedback += 1\n", "feedback.label > 5")
LATER = (
    "serving/decode_queue.py",
    "def _decoded(self, message: PackedFrame) -> None:\n",
    "message.seq > 5",
)
UNPACK = ("frames.py", "    numbers: list[bytes] = []\n", "packed.episode > 5")
RAISE = 'raise KeyError("planted")'
LOG = '__import__("logging").getLogger(__name__).error("planted")'


@pytest.mark.parametrize(
    ("arguments", "place", "fault"),
    [
        pytest.param([*GUIDED, "codec"], UNPACK, RAISE, id="codec"),
        pytest.param([*GUIDED, "session"], FEEDBACK, RAISE, id="session"),
        pytest.param([*GUIDED, "session"], LATER, RAISE, id="callback", marks=pytest.mark.slow),
        pytest.param([*GUIDED, "session"], FEEDBACK, LOG, id="log", marks=pytest.mark.slow),
        pytest.param(["benchmarks.fuzz", "--count", "20000"], FEEDBACK, RAISE, id="by-chance"),
    ],
)
def test_a_planted_fault_is_found(
    arguments: list[str], place: tuple[str, str, str], fault: str, tmp_path: Path
) -> None:
    """In a copy of the code. A fuzzer that never finds anything says nothing about the code."""
    file, after, when = place
    if "guided" in arguments[0] and importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -c constraints.txt -e .[fuzz]")
    for folder in ("benchmarks", "tests/golden"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for part in ("bridge", "plugins"):  # as a wheel has them
        shutil.copytree(ROOT / part, tmp_path / "fedxr" / part)
    (tmp_path / "fedxr" / "__init__.py").touch()
    source = (tmp_path / "fedxr" / "bridge" / file).read_text(encoding="utf-8")
    assert source.count(after) == 1, "plant it elsewhere: that line is gone"
    indent = " " * (4 if file == "frames.py" else 8)
    planted = source.replace(after, f"{after}{indent}if {when}:\n{indent}    {fault}\n")
    (tmp_path / "fedxr" / "bridge" / file).write_text(planted, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)},
        text=True,
        errors="replace",
        capture_output=True,
        timeout=300,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert re.search(r"(KeyError|RuntimeError): .*planted", said), said
    assert list(tmp_path.glob("fedxr-*-crash-*")) or re.search(r"message \d+ of seed 0: \w", said)


class SessionStates(RuleBasedStateMachine):
    """A headset does what it likes, in any order; a model of ten lines says what must come of it.

    Every message is followed by a ping: its pong acknowledges, and all that the server had to say
    before has come by then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.app = Recorder()
        self.server = server_of(self.app)
        self.loop.run_until_complete(self.server.start())
        self.seq = self.capture = self.episode = self.frames = self.told = 0
        self.session: str | None = None
        self.refused = 0
        self.connect()

    def teardown(self) -> None:
        self.loop.run_until_complete(self.headset.socket.close())
        self.loop.run_until_complete(self.server.stop())
        self.loop.close()

    def connect(self) -> None:
        async def come() -> Welcome:
            self.headset = await RawHeadset.open(self.server.url)
            offers = [Offer("gaze", GAZE.layout, 72.0)]
            hello = Hello(2, 2, "u", "companion", offers, ["emotion"])
            hello.resume = self.session
            return await self.headset.hello(hello)

        welcome = self.loop.run_until_complete(come())
        assert self.session in (None, welcome.session)  # it is the same session that goes on
        assert welcome.last_seq == self.seq
        self.session, self.capture, self.episode, self.refused = welcome.session, 0, 0, 0

    def send(self, message: PackedFrame | Feedback | Hello) -> list[Reply | Notice]:
        async def ask() -> list[Reply | Notice]:
            said: list[Reply | Notice] = []
            await self.headset.send(message)
            await self.headset.send(Ping(1))
            while not isinstance(answer := await self.headset.receive(), Pong):
                assert isinstance(answer, Reply | Notice), answer
                said.append(answer)
            assert answer.last_seq == self.server.sessions[str(self.session)].last_seq
            return said

        return self.loop.run_until_complete(ask())

    def refusal(self, message: PackedFrame | Feedback | Hello, code: str) -> None:
        said = self.send(message)
        assert [n.code for n in said if isinstance(n, Notice)] == [code], said
        assert len(said) == 1
        self.refused += 1

    def frame(self, seq: int, capture: int, episode: int) -> PackedFrame:
        blocks = pack_samples(gaze(capture), {"gaze": ChannelCodec(GAZE, 1)})
        return PackedFrame(seq, capture, blocks, episode, 0)

    few = precondition(lambda self: self.refused < 15)  # twenty within ten seconds end a session

    @rule(gap=st.integers(1, 3), later=st.integers(1, 10_000), episode=st.integers(0, 1))
    def a_frame(self, gap: int, later: int, episode: int) -> None:
        self.capture = later + (0 if episode else self.capture)
        self.seq, self.episode = self.seq + gap, self.episode + episode
        said = self.send(self.frame(self.seq, self.capture, self.episode))
        assert [type(m) for m in said] == [Reply]
        self.frames += 1

    @rule()
    def feedback(self) -> None:
        self.seq += 1
        assert self.send(Feedback(self.seq, "emotion", self.capture, 1)) == []
        self.told += 1

    @few
    @rule(back=st.integers(0, 2))
    def a_frame_again(self, back: int) -> None:
        seq = max(0, self.seq - back)
        self.refusal(self.frame(seq, self.capture + 1, self.episode), "bad-sequence")

    @few
    @rule()
    def feedback_on_what_is_not_open(self) -> None:
        self.seq += 1
        self.refusal(Feedback(self.seq, "juggling", 1, 1), "unknown-task")

    @few
    @rule()
    def a_second_hello(self) -> None:
        self.refusal(Hello(2, 2, "u", "s", [], []), "bad-sequence")

    @rule()
    def the_connection_is_lost_and_resumed(self) -> None:
        self.headset.socket.transport.abort()
        self.connect()

    @invariant()
    def what_was_taken_is_what_the_model_says(self) -> None:
        assert (len(self.app.frames), len(self.app.told)) == (self.frames, self.told)
        assert self.server.sessions[str(self.session)].last_seq == self.seq


SessionStates.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_a_session_in_any_order = SessionStates.TestCase
