"""Recorded people live: the demo, and one headset that streams to a server, on the real sets."""

from __future__ import annotations

import asyncio
import io
import os
from dataclasses import replace
from pathlib import Path

import live_rig
import pytest
from rich.console import Console

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.cli.demo import Demo, demo
from fedxr.cli.stream import Stream, actor_of, stream_command
from fedxr.live.loops import Tempo
from fedxr.live.serving import serving
from fedxr.scenarios.recorded import RECORDED
from fedxr.scenarios.users import User
from fedxr.virtual.headsets import recorded_cast

DATA = Path(os.environ.get("FEDXR_DATA") or "/no/data")
SETS = ("har", "ssvep", "fsdd", "shrec")
"""Of three use cases; storytelling's people are asked their first question after a minute."""


def people(name: str) -> list[User]:
    """The first of a set, with their first two episodes."""
    folder = DATA / RECORDED[name].folder
    if not folder.is_dir():
        pytest.skip(f"{RECORDED[name].folder} is not under {DATA}; set FEDXR_DATA")
    users = RECORDED[name].load(folder)[:1]
    return [replace(user, episodes=user.episodes[:2]) for user in users]


@pytest.mark.data
@pytest.mark.slow
def test_the_demo_plays_recorded_people(tmp_path: Path) -> None:
    cast = recorded_cast({name: people(name) for name in SETS}, 4, seed=0)
    assert {a.user.source for a in cast} == set(SETS)
    config = Demo(4, 6.0, "recorded", out=tmp_path, port=0, round_s=2.0, open=False)
    said = Console(file=io.StringIO(), width=160)
    found = asyncio.run(demo(config, live_rig.checkpoint_of(cast), cast, said))
    assert {row.task for row in found.latency} == {t for a in cast for t in a.user.tasks}
    assert not [note for note in found.notes if "refused" in note or "ended" in note]
    assert found.traffic.up > 0


async def streamed(checkpoint: Checkpoint, folder: Path, scenario: str) -> tuple[int, str]:
    """Exit code and words of `fedxr stream --source recorded` at a server with ``checkpoint``."""
    said = Console(file=io.StringIO(), width=400)
    learning, config = live_rig.RULE, ServerConfig(port=0)
    async with serving(checkpoint, folder / "s.db", config, learning, Tempo()) as live:
        command = Stream(live.server.url, scenario, "recorded", DATA, user="0", seconds=4.0)
        code = await asyncio.to_thread(stream_command, command, said)
    return code, said.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.data
@pytest.mark.slow
def test_a_recorded_person_streams_to_a_server_that_can_read_them(tmp_path: Path) -> None:
    people("har")
    person = actor_of(Stream(scenario="companion", source="recorded"), DATA)
    checkpoint = live_rig.checkpoint_of([replace(person, user=people("har")[0])])
    code, said = asyncio.run(streamed(checkpoint, tmp_path, "companion"))
    assert (code, person.name in said, "replies" in said) == (0, True, True), said
    people("ssvep")
    refused = "of the tasks mental_command none can be answered.*fedxr pretrain --source recorded"
    with pytest.raises(BridgeError, match=f"(?s){refused}"):
        asyncio.run(streamed(checkpoint, tmp_path, "neuroadaptive"))
