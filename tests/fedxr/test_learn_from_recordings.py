"""What was streamed and recorded can be learned from: the same examples as live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import live_rig
import numpy as np
import pytest
from test_live_absent import until

from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel
from fedxr.bridge.recording.recorder import Recorder
from fedxr.cli.main import main
from fedxr.experiments.splits import one_ask_each, raw_tokens
from fedxr.scenarios.recorded import find
from fedxr.scenarios.users import User
from fedxr.virtual.streaming import Player, VirtualHeadset, open_player
from fedxr.virtual.timeline import TimedFeedback, beats

START = 10**15
SECONDS = 16.5
DEVICES = ("ar-glasses", "vision-pro-band")
"""Pictures, gaze and voices; brains and hands."""
SOON = 8
"""Ticks that are answered in one pass: with more, a live server passes over older pictures."""

Moment = tuple[str, str, int, int]
"""Headset, task, episode, tick."""


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(DEVICES, SECONDS)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


class _Told:
    """What a live server has counted as examples, by moment, before they are standardised: the last
    one said of each."""

    def __init__(self, rig: live_rig.Rig) -> None:
        self._rig = rig
        self.examples: dict[Moment, TokenizedEpisode] = {}

    async def hear(self) -> None:
        """Answer what is due, then hear what was said."""
        agents = self._rig.live.agents
        await self._rig.live.tick_once()
        await self._rig.live.tell_once()
        for one in agents.take():
            moment = agents.seated[one.row].identity.name, one.task, one.episode, one.tick
            if one.tokens is None:
                self.examples.pop(moment, None)
                continue
            past, label = agents.inference.headsets[one.row].past, one.tokens.queries[0].label
            raw = past.moment(one.task, one.episode, (one.tick + 1) * TICK_US, label)
            assert raw is not None
            self.examples[moment] = raw


async def _arrived(rig: live_rig.Rig, player: Player) -> None:
    session = rig.server.sessions[player.client.session]
    await until(lambda: session.last_seq == player.client._seq)


async def _play(rig: live_rig.Rig, actor: VirtualHeadset, told: _Told) -> None:
    """``actor``'s beats; and of the third thing that is said another class, of the fourth the same
    again, of the fifth that it is taken back, of the sixth a class that there is not, a rating, and
    a moment that is still to come."""
    player = await open_player(rig.server.url, actor)
    count = 0
    for n, beat in enumerate(beats(actor.user, actor.voice, SECONDS), 1):
        await player.beat(beat, START + n * TICK_US)
        for said in beat.said:
            count += 1
            await _say_more(player, said, count)
        if beat.said or n % SOON == 0:
            await _arrived(rig, player)
            await told.hear()
    assert count >= 6
    await player.client.close("done")
    await until(lambda: not rig.server.sessions)


async def _say_more(player: Player, said: TimedFeedback, count: int) -> None:
    send, t_us = player.client.send_feedback, player._starts[said.episode] + said.t_us
    if count == 3:
        await send(said.task, t_us, 1 - min(said.label, 1), said.episode, "correction")
    elif count == 4:
        await send(said.task, t_us, said.label, said.episode)
    elif count == 5:
        await send(said.task, t_us, 0, said.episode, "undo")
    elif count == 6:
        await send(said.task, t_us, 99, said.episode)
        await send(said.task, t_us, 7, said.episode, "rating")
        await send(said.task, t_us + 10**9, 0, said.episode)


async def _recorded(
    checkpoint: Checkpoint, cast: Sequence[VirtualHeadset], folder: Path
) -> dict[Moment, TokenizedEpisode]:
    """Record the ``cast`` into ``folder``, one after the other; what the server counted."""
    async with live_rig.Rig(checkpoint, folder.parent / f"{folder.name}.db") as rig:
        recorder, told = Recorder(rig.server, folder), _Told(rig)
        recorder.start(folder / "session.mcap")
        for actor in cast:
            await _play(rig, actor, told)
        status = await recorder.stop()
        assert (status.dropped, status.error) == (0, "")
    return told.examples


def _tokenised(users: Sequence[User]) -> dict[Moment, TokenizedEpisode]:
    """What a headless run makes of ``users``, by moment, before it is standardised."""
    out = {}
    for user in users:
        for tokens in raw_tokens(user):
            for one in one_ask_each(tokens, user.channels):
                episode = int(one.key.split("/")[2])
                out[user.name, one.queries[0].task, episode, one.queries[0].tick] = one
    return out


def _assert_equal(found: TokenizedEpisode, live: TokenizedEpisode) -> None:
    assert found.queries[0].label == live.queries[0].label
    assert [(m.layout, m.tick) for m in found.token_features] == [
        (m.layout, m.tick) for m in live.token_features
    ]
    numbers = zip(found.token_features, live.token_features, strict=True)
    for mine, its in numbers:
        np.testing.assert_allclose(mine.features, its.features, rtol=1e-6, atol=1e-6)
    summary, its_summary = found.queries[0].summary, live.queries[0].summary
    assert summary.keys() == its_summary.keys()
    for layout, vector in summary.items():
        np.testing.assert_allclose(vector, its_summary[layout], rtol=1e-5, atol=1e-6)


async def test_a_recording_gives_the_examples_that_the_live_server_counted(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    live = await _recorded(checkpoint, cast, tmp_path / "recordings")
    assert len(live) >= 5 * len(cast)
    sets = find(tmp_path / "recordings")
    assert {s.known.use_case for s in sets.values()} == {a.user.use_case for a in cast}
    users = [user for here in sets.values() for user in here.load()]
    assert {u.name for u in users} == {f"{a.user.name}/{a.user.device}" for a in cast}
    assert {u.name: u.channels for u in users} == {
        f"{a.user.name}/{a.user.device}": a.user.channels for a in cast
    }
    found = _tokenised(users)
    assert found.keys() == live.keys()
    for moment, tokens in live.items():
        _assert_equal(found[moment], tokens)
    for user in users:
        halves = [e.adapt for e in user.episodes]
        assert halves == sorted(halves, reverse=True), "time runs forward"
        assert set(halves) == {True, False}


def test_an_example_of_a_long_episode_looks_back_as_far_as_a_live_one() -> None:
    """Live: 450 ticks, and 3840 of what is slow (agent/serving/history.py)."""
    channels = (Channel("wrist", "motion/wrist", 30), Channel("eda", "physiology/eda", 4))
    numbers, asked = np.zeros(1, np.float32), 5000
    every = [TokenFeatures(c.layout, tick, numbers) for tick in range(6000) for c in channels]
    whole = TokenizedEpisode(tuple(every), (TokenizedQuery("doing", asked, 0, {}),))
    (one,) = one_ask_each(whole, channels)
    ticks = {
        c.layout: [m.tick for m in one.token_features if m.layout == c.layout] for c in channels
    }
    assert ticks["motion/wrist"] == list(range(asked - 449, asked + 1))
    assert ticks["physiology/eda"] == list(range(asked - 3839, asked + 1))


@pytest.mark.slow
async def test_what_was_streamed_is_learned_from_by_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three companions are recorded by a server; `fedxr federate --data recordings/` learns."""
    cast = live_rig.cast_of(("voice-glasses", "quest-3-watch", "phone-glasses"), SECONDS)
    await _recorded(live_rig.checkpoint_of(cast), cast, tmp_path / "recordings")
    typed = ["federate", "--source", "recorded", "--data", str(tmp_path / "recordings")]
    small = ["--steps", "1", "--rounds", "1", "--copies", "1", "--out", str(tmp_path / "out")]
    assert await asyncio.to_thread(main, [*typed, *small]) == 0, capsys.readouterr().out
    rows = json.loads((tmp_path / "out" / "result.json").read_text())["rows"]
    assert [(row["name"], row["task"]) for row in rows] == [("recordings/doing", "doing")]
    assert rows[0]["test_windows"] >= 3
    assert rows[0]["halves"].startswith("time forward")
