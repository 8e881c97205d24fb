"""`fedxr serve` listens before its learner is ready: who comes at once is served as any other."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import live_rig
import pytest
from visits import examples_on_disk, visit

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import Card, load_checkpoint, save_checkpoint
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


async def test_one_that_is_left_at_once_ends_quietly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its terminal is gone before its first loop has begun, say; the learner still starts."""

    async def gone() -> None:
        async with at_once(tmp_path / "s.db") as live:
            assert not live.learner._started, "else this shows nothing"
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await gone()
    await asyncio.sleep(1)  # until whoever waited for the learner has heard that it is gone
    gc.collect()
    assert not [r for r in caplog.records if r.name == "asyncio"], "an error nobody has taken"


async def test_a_state_file_that_another_server_has_ends_it(tmp_path: Path) -> None:
    async with at_once(tmp_path / "s.db") as first:
        await visit(first.server.url, ticks=1)  # its learner is ready then, and has the file
        with pytest.raises(StateError, match="another"):
            async with at_once(tmp_path / "s.db") as second:
                await asyncio.wait_for(second.stopped.wait(), 60)


async def test_a_federations_checkpoint_is_served_with_the_adapters_it_was_learned_with(
    tmp_path: Path,
) -> None:
    """Of another rank, seed and exchange than a server has by itself."""
    shipped, tuning = load_checkpoint(CHECKPOINT), Tuning(r=4, exchange="naive", seed=3)
    before = Cohort(shipped, [HeadsetIdentity("a", (), ())], tuning)
    before.stack.theta += 1e-3
    before.met([0], rounds=2)
    path = tmp_path / "federated.safetensors"
    save_checkpoint(replace(shipped, federated=before.federated), path, Card("a test"))
    config = ServerConfig(port=0)
    start = serving(load_checkpoint(path), tmp_path / "s.db", config, live_rig.RULE, Tempo())
    async with start as live:
        assert live.learner.rule.round.exchange == "naive"
        seen = await visit(live.server.url, ticks=40, labels=3)
    assert seen.answers > 0
    assert examples_on_disk(tmp_path / "s.db") > 0
