"""`fedxr serve` listens before its learner is ready: who comes at once is served as any other."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import live_rig
import pytest
from visits import examples_on_disk, visit

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.checkpoints.state import StateError
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import Serving, serving


def at_once(state: Path) -> AbstractAsyncContextManager[Serving]:
    rule, config = live_rig.RULE, ServerConfig(port=0)
    return serving(load_checkpoint(CHECKPOINT), state, config, rule, Tempo(), wait=False)


async def test_a_headset_that_comes_at_once_is_answered_and_kept(tmp_path: Path) -> None:
    async with at_once(tmp_path / "s.db") as live:
        assert not live.learner._started, "else this shows nothing"
        seen = await visit(live.server.url, ticks=40, labels=3)
        assert live.learner._started
    assert seen.answers > 0
    assert examples_on_disk(tmp_path / "s.db") > 0


async def test_a_state_file_that_another_server_has_ends_it(tmp_path: Path) -> None:
    async with at_once(tmp_path / "s.db") as first:
        await visit(first.server.url, ticks=1)  # its learner is ready then, and has the file
        with pytest.raises(StateError, match="another"):
            async with at_once(tmp_path / "s.db") as second:
                await asyncio.wait_for(second.stopped.wait(), 60)
