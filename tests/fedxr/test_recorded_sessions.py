"""A recorded live session, replayed into a fresh server with the same checkpoint: the same inputs
of the model bit by bit, and the same answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import live_rig
import pytest

from fedxr.agent.inputs.tokens import TokenFeatures, TokenStream
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US
from fedxr.bridge.protocol import PackedFrame, Reply
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.recorder import Recorder
from fedxr.bridge.recording.records import Closed
from fedxr.bridge.recording.replay import replay
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.cli.main import main
from fedxr.learning.learning_rule import LIVE
from fedxr.live.loops import Tempo, keep_going
from fedxr.live.serving import serving
from fedxr.virtual.streaming import Player, VirtualHeadset, open_player
from fedxr.virtual.timeline import beats

START = 10**15
SECONDS = 2.5
PATIENCE = 120.0

Inputs = dict[tuple[tuple[str, ...], int], list[tuple[str, int, bytes]]]
"""(channels of a headset, tick) -> (layout or task, tick, bytes) of each token and summary."""


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=SECONDS)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> Inputs:
    """Every token and summary that any headset's stream gives the model, noted as it is made."""
    seen: Inputs = {}
    advance, summary = TokenStream.advance, TokenStream.summary

    def key(stream: TokenStream, tick: int) -> tuple[tuple[str, ...], int]:
        return tuple(f"{c.name} {c.layout}" for c in stream.channels), tick

    def noted_advance(self: TokenStream, tick: int, *rest: object) -> list[TokenFeatures]:
        made = advance(self, tick, *rest)  # type: ignore[arg-type]
        told = seen.setdefault(key(self, tick), [])
        told += [(e.layout, e.tick, e.features.tobytes()) for e in made]
        return made

    def noted_summary(self: TokenStream, task: str, tick: int) -> dict:  # type: ignore[type-arg]
        made = summary(self, task, tick)
        told = seen.setdefault(key(self, tick), [])
        told += [(f"{task} {layout}", tick, x.tobytes()) for layout, x in made.items()]
        return made

    monkeypatch.setattr(TokenStream, "advance", noted_advance)
    monkeypatch.setattr(TokenStream, "summary", noted_summary)
    return seen


@asynccontextmanager
async def inference(checkpoint: Checkpoint, folder: Path) -> AsyncIterator[live_rig.Rig]:
    """A fresh live server whose loops run, at their own pace, but which learns nothing
    meanwhile: when learning takes effect depends on a clock, and that is not compared here."""
    folder.mkdir()
    async with live_rig.Rig(checkpoint, folder / "s.db") as rig:
        never = 1e6
        tempo = Tempo(learn=never, round=never, publish=never, save=never)
        loop = asyncio.create_task(keep_going(rig.live, rig.server, tempo))
        yield rig
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop


async def play_in_step(players: list[Player], cast: list[VirtualHeadset]) -> None:
    """Each beat is sent when the one before it was answered, as headsets do that keep up."""
    heard: dict[str, asyncio.Queue[int]] = {p.played.name: asyncio.Queue() for p in players}

    async def listen(player: Player) -> None:
        async for message in player.client:
            if isinstance(message, Reply):
                heard[player.played.name].put_nowait(message.capture_us)

    listening = [asyncio.create_task(listen(p)) for p in players]
    scripts = [list(beats(a.user, a.voice, SECONDS)) for a in cast]
    for n, rows in enumerate(zip(*scripts, strict=True), 1):
        for player, beat in zip(players, rows, strict=True):
            await player.beat(beat, START + n * TICK_US)
        for player in players:
            while await asyncio.wait_for(heard[player.played.name].get(), PATIENCE) < (
                START + n * TICK_US
            ):
                pass
    for player in players:
        await player.client.close("the end")
    await asyncio.gather(*listening)


async def test_a_replay_gives_the_same_inputs_and_answers(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, inputs: Inputs, tmp_path: Path
) -> None:
    path = tmp_path / "session.mcap"
    async with inference(checkpoint, tmp_path / "live") as rig:
        recorder = Recorder(rig.server, tmp_path)
        recorder.start(path)
        players = [await open_player(rig.server.url, actor) for actor in cast]
        await play_in_step(players, cast)
        status = await recorder.stop()
        assert (status.dropped, status.error) == (0, "")
    live, recording = dict(inputs), Recording(path)
    inputs.clear()
    async with inference(checkpoint, tmp_path / "again") as rig:
        again = Recorder(rig.server, tmp_path)
        again.start(tmp_path / "again.mcap")
        replayed = await replay(recording, rig.server.url, speed=0)
        await again.stop()
    assert replayed.trouble == []
    assert recording.found.report == []

    ticks = round(SECONDS * 1e6 / TICK_US)
    assert len(live) >= len(cast) * ticks, "each tick, and the moments that feedback names"
    assert inputs.keys() == live.keys()
    for key, made in live.items():
        assert sorted(inputs[key]) == sorted(made), key
    assert sum(map(len, live.values())) > ticks, "tokens and summaries were made"

    assert replayed.frames == len(cast) * ticks
    assert replayed.equal + replayed.close == len(cast) * ticks
    assert (replayed.different, replayed.missing) == (0, 0)
    assert replayed.furthest <= 1e-6
    assert replayed.feedback > 0
    cues = [
        [(e.session.hello.user, e.message) for e in Recording(p).events() if _is_cue(e.message)]
        for p in (path, tmp_path / "again.mcap")
    ]
    assert cues[0], "the agents must have told the scene something"
    assert len(cues[0]) == len(cues[1])


def _is_cue(message: object) -> bool:
    return type(message).__name__ == "Cue"


def test_the_commands_replay_and_export(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`fedxr replay` against a live server, and `fedxr export`, as they are typed."""
    path = tmp_path / "session.mcap"

    async def session() -> None:
        async with inference(checkpoint, tmp_path / "live") as rig:
            recorder = Recorder(rig.server, tmp_path)
            recorder.start(path)
            players = [await open_player(rig.server.url, actor) for actor in cast[:1]]
            for n, beat in enumerate(beats(cast[0].user, cast[0].voice, 0.5), 1):
                await players[0].beat(beat, START + n * TICK_US)
            await players[0].client.close()
            await recorder.stop()
        async with inference(checkpoint, tmp_path / "again") as rig:
            typed = ["replay", str(path), "--url", rig.server.url, "--speed", "0"]
            assert await asyncio.to_thread(main, typed) == 0

    asyncio.run(session())
    said = capsys.readouterr().out
    assert "1 sessions, 15 frames" in said
    assert main(["export", str(path), "--to", "xdf"]) == 0
    assert f"wrote {tmp_path / 'session.xdf'}" in capsys.readouterr().out.replace("\n", "")
    assert main(["export", str(path), "--to", "xdf"]) == 2
    assert "exists; name another" in capsys.readouterr().out
    assert main(["replay", str(path), "--speed", "-1"]) == 2
    assert "--speed -1; allowed are 0" in capsys.readouterr().out
    assert main(["replay", str(path), "--url", "ws://127.0.0.1:9"]) == 2
    assert "cannot reach a bridge" in capsys.readouterr().out


@pytest.mark.slow
async def test_a_live_server_records_from_its_start_to_its_end(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """As `fedxr serve --record FILE` does, learning and all."""
    path, config = tmp_path / "r.mcap", ServerConfig(port=0)
    learning, tempo = LIVE.with_round(coordination="local", seed=0), Tempo(round=3600.0)
    async with serving(
        checkpoint, tmp_path / "s.db", config, learning, tempo, record=path
    ) as running:
        player = await open_player(running.server.url, cast[0])
        for n, beat in enumerate(beats(cast[0].user, cast[0].voice, 0.5), 1):
            await player.beat(beat, START + n * TICK_US)
        async with asyncio.timeout(PATIENCE):
            async for message in player.client:  # who is recorded is told so before
                if isinstance(message, Reply):
                    break
        assert running.recorder.status().recording
    events = list(Recording(path).events())
    assert sum(isinstance(e.message, PackedFrame) for e in events) == 15
    assert any(isinstance(e.message, Reply) for e in events)
    assert [e.message.reason for e in events if isinstance(e.message, Closed)] == [
        "the server stops"
    ]
    recording = Recording(path)
    list(recording.events())
    assert recording.found.report == []
