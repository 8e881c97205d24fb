"""Cues reach the headset, and they are those of its scenario: the shipped checkpoint, real
sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import live_rig
import pytest
from test_live import beat_together

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.tasks import ACTS, task_named
from fedxr.bridge.protocol import Cue, Reply
from fedxr.learning.shipped import CHECKPOINT
from fedxr.scenarios.cues import Cues
from fedxr.virtual.headsets import simulated_cast
from fedxr.virtual.streaming import Player, open_player
from fedxr.virtual.timeline import beats

SECONDS = 8.0


async def listen(player: Player, heard: list[Reply | Cue]) -> None:
    heard += [m async for m in player.client if isinstance(m, Reply | Cue)]


@pytest.mark.slow
async def test_each_headset_gets_the_cues_of_its_scenario(tmp_path: Path) -> None:
    """One headset per use case. Told nothing of its answers, it is cued by the rules alone: what
    it hears equals what the answers that it got give, fed to the rules one by one."""
    cast = simulated_cast(8, SECONDS, seed=0)[::2]
    assert len({a.user.use_case for a in cast}) == 4
    async with live_rig.Rig(load_checkpoint(CHECKPOINT), tmp_path / "s.db") as rig:
        players = [await open_player(rig.server.url, actor) for actor in cast]
        heard: list[list[Reply | Cue]] = [[] for _ in cast]
        pairs = zip(players, heard, strict=True)
        listening = [asyncio.create_task(listen(*pair)) for pair in pairs]
        scripts = [beats(a.user, a.voice, SECONDS) for a in cast]
        for n, rows in enumerate(zip(*scripts, strict=True), 1):
            await beat_together(rig, players, n, [replace(beat, said=()) for beat in rows])
        for player in players:
            await player.client.close()
        await asyncio.gather(*listening)
    for actor, messages in zip(cast, heard, strict=True):
        rules, wanted = Cues(), []
        for reply in messages:
            if isinstance(reply, Reply):
                for task, answer in reply.answers.items():
                    cue = rules(task, list(answer.probabilities), 1.0)
                    wanted += [(cue.task, cue.act, dict(cue.payload))] if cue else []
        got = [m.payload for m in messages if isinstance(m, Cue)]
        assert [(c["task"], c["act"], c["payload"]) for c in got] == wanted
        assert wanted, f"{actor.name} was never sure of anything"
        for task, act, payload in wanted:
            asked = task_named(task)
            assert asked.use_case == actor.user.use_case
            assert act in ACTS
            assert asked.cues
            assert act == "clear" or (act, payload) in list(asked.cues.acts.values())
