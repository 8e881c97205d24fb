"""The walks of docs/architecture.md, walked: every step is called, in the order of the page.

A trace notes the first call of each function; a step's first call must come after that of the step
before. The frame and the label go over a real socket, the recording through the command itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType

import live_rig
import pytest
import tiny_sets
from doc_names import ROOT, Step, walks

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.user_key import UserKey
from fedxr.cli.main import main
from fedxr.virtual.streaming import Player, VirtualHeadset
from fedxr.virtual.timeline import Beat, beats

START = 10**15
SECONDS = 4.0
TICKS = 40
"""Ticks before the walks."""
DEVICES = ("voice-glasses", "quest-3")


class Trace:
    """Which functions were called since :meth:`begin`, in the order of their first calls, in the
    thread that began and those of ``pools``, one each."""

    def __init__(self, *pools: ThreadPoolExecutor) -> None:
        self._pools = pools
        self._first: dict[CodeType, int] = {}

    def begin(self) -> None:
        self._first.clear()
        self._set(self._note)

    def end(self) -> None:
        self._set(None)

    def _set(self, note: Callable[[FrameType, str, object], None] | None) -> None:
        for pool in self._pools:
            pool.submit(sys.setprofile, note).result()
        sys.setprofile(note)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._first.setdefault(frame.f_code, len(self._first))

    def check(self, steps: list[Step]) -> None:
        """Each of ``steps`` was called, and first after the one before it."""
        called = [self._first.get(step.code) for step in steps]
        missing = [step.name for step, at in zip(steps, called, strict=True) if at is None]
        assert not missing, f"never called: {', '.join(missing)}"
        order = [
            step.name for _, step in sorted(zip(called, steps, strict=True), key=lambda x: x[0])
        ]
        assert order == [step.name for step in steps]


@contextmanager
def walked(heading: str, *pools: ThreadPoolExecutor) -> Iterator[None]:
    """What is done inside must be the walk under ``heading``."""
    trace = Trace(*pools)
    trace.begin()
    try:
        yield
    finally:
        trace.end()
    trace.check(walks()[heading])


async def until(what: object) -> None:
    async with asyncio.timeout(60):
        while not what():  # type: ignore[operator]
            await asyncio.sleep(0.002)


async def headset(url: str, actor: VirtualHeadset) -> Player:
    """Without clock exchanges, whose messages would come between those that are walked after."""
    user = actor.user
    client = await connect(
        url, user=user.name, scenario=user.use_case, channels=user.channels, tasks=user.tasks,
        device=actor.device, clock_s=None, key=UserKey.new(),
    )  # fmt: skip
    return Player(actor, client)


async def stream(rig: live_rig.Rig, player: Player, beat: Beat, capture_us: int) -> None:
    """One frame, and its reply."""
    replies = len(player.played.latency_ms)
    await player.beat(beat, capture_us)
    async with asyncio.timeout(60):
        await rig.live.due.wait()
    rig.live.due.clear()
    await rig.live.tick_once()
    await until(lambda: len(player.played.latency_ms) > replies)


async def label(rig: live_rig.Rig, player: Player, capture_us: int, number: int) -> None:
    """Feedback on a moment that was answered, heard by the server."""
    waiting = sum(len(here.feedback) for here in rig.live._here.values())
    await player.client.send_feedback(player.client.tasks[0], capture_us, number % 2, 0)
    await until(lambda: sum(len(h.feedback) for h in rig.live._here.values()) > waiting)


def test_there_are_three_walks_and_each_step_is_a_function() -> None:
    assert list(walks()) == [
        "A frame to its reply", "A label to a round", "A recording to a table",
    ]  # fmt: skip
    for steps in walks().values():
        assert len(set(steps)) == len(steps), "a step stands twice"
        for step in steps:
            assert Path(step.code.co_filename).resolve() == (ROOT / step.file).resolve()
            assert step.code.co_qualname == step.name


async def test_a_frame_to_its_reply_and_a_label_to_a_round(tmp_path: Path) -> None:
    cast = live_rig.cast_of(DEVICES, SECONDS)
    # What was recorded of them says nothing: the labels are those below.
    scripts = [[replace(b, said=()) for b in beats(a.user, a.voice, SECONDS)] for a in cast]
    async with live_rig.Rig(live_rig.checkpoint_of(cast), tmp_path / "s.db") as rig:
        players = [await headset(rig.server.url, actor) for actor in cast]
        listening = [asyncio.create_task(player.listen()) for player in players]
        for n in range(1, TICKS + 1):
            for player, script in zip(players, scripts, strict=True):
                await stream(rig, player, script[n - 1], START + n * TICK_US)

        pools = rig.live._thread, rig.live._learner
        with walked("A frame to its reply", *pools):
            await stream(rig, players[0], scripts[0][TICKS], START + (TICKS + 1) * TICK_US)
        with walked("A label to a round", *pools):
            for number in range(live_rig.RULE.each):
                for player in players:
                    await label(rig, player, START + (TICKS - number) * TICK_US, number)
            await rig.live.tell_once()
            await rig.live.learn_once()
            await rig.personalise()
            assert await rig.meet() is not None
            await stream(rig, players[0], scripts[0][TICKS + 1], START + (TICKS + 2) * TICK_US)
        for player in players:
            await player.client.close()
        await asyncio.gather(*listening)


@pytest.mark.slow
def test_a_recording_to_a_table(tmp_path: Path) -> None:
    for number in range(5):
        tiny_sets.har(tmp_path / "data" / "sp-sw-har-dataset", f"s{number:02}")
    with walked("A recording to a table"):
        said = main([
            "federate", "--source", "recorded", "--data", str(tmp_path / "data"), "--sets", "har",
            "--steps", "2", "--copies", "1", "--rounds", "1", "--workers", "1",
            "--out", str(tmp_path / "out"),
        ])  # fmt: skip
    assert said == 0
