"""The learner's process ends, and the server goes on: it is started again with what was saved."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import live_rig
import pytest
from test_learning_rule import stored
from test_live import until
from test_walls import running

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.learning.agents import Agents
from fedxr.learning.learner_process import LearnerProcess
from fedxr.live.loops import Tempo, keep_going
from fedxr.virtual.streaming import VirtualHeadset


@pytest.fixture(scope="module")
def cast() -> list[VirtualHeadset]:
    return live_rig.cast_of(seconds=8.0)


@pytest.fixture(scope="module")
def checkpoint(cast: list[VirtualHeadset]) -> Checkpoint:
    return live_rig.checkpoint_of(cast)


def kill_learner(agents: Agents) -> None:
    assert isinstance(agents.learner, LearnerProcess)
    pid = agents.learner._process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
async def test_what_was_saved_and_what_is_said_then_is_known_to_the_next_learner(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db", count=2, apart=True) as run:
        live = run.rig.live
        await run.beat(20)
        await run.say(0)
        assert len(await live.learn_once()) == 1
        await live.save_once()
        kill_learner(live.agents)
        before = [run.replies(i) for i in range(2)]
        await run.beat(5)  # answers wait for no learner
        for i in range(2):
            await until(lambda i=i: run.replies(i) == before[i] + 5)
        await run.say(1)
        (score,) = await live.learn_once()
        assert score.name == cast[1].name
        assert live.restart.count == 1
        known = {row for row, _ in live.agents.inference.prepared.newest}
        assert known == {0, 1}, "the label of before, which was saved, and the new one"
        assert await run.rig.meet() is not None
        assert live.metrics.troubles.text == ""
        assert len(live._here) == 2


@pytest.mark.slow
async def test_what_was_learned_and_not_saved_is_told_to_the_next_learner(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Killed between learning and saving; what was saved before is not told twice."""
    async with running(cast, checkpoint, tmp_path / "s.db", count=2, apart=True) as run:
        live = run.rig.live
        await run.beat(20)
        await run.say(0)
        await live.learn_once()
        await live.save_once()
        await run.say(1)
        await live.learn_once()
        kill_learner(live.agents)
        await live.save_once()
        assert live.restart.count == 1
        assert live.agents.take_unsaved() == []
        members = [profile.identity for _, profile in sorted(live.agents.seated.items())]
    cohort = stored(checkpoint, members, tmp_path / "s.db")
    assert [
        sum(len(kept) for kept in m.examples.values()) for m in (s.replay for s in cohort.headsets)
    ] == [1, 1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
async def test_a_learner_that_does_not_answer_is_ended_and_started_again(
    cast: list[VirtualHeadset],
    checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(cast, checkpoint, tmp_path / "s.db", count=1, apart=True) as run:
        live = run.rig.live
        await run.beat(20)
        await run.say(0)
        await live.tell_once()
        monkeypatch.setattr("fedxr.learning.learner_process.ANSWER_S", 20.0)
        assert isinstance(live.agents.learner, LearnerProcess)
        os.kill(live.agents.learner._process.pid or 0, signal.SIGSTOP)
        asking = asyncio.create_task(live.learn_once())
        await until(lambda: live.restart.count >= 1, 240.0)
        monkeypatch.undo()
        assert len(await asking) == 1


class Poison:
    """Whoever unpickles it ends."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


@pytest.mark.slow
async def test_whose_feedback_ends_the_learner_is_found_and_put_out(
    cast: list[VirtualHeadset], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Both said something, and it may have been either; what the other said is learned."""
    async with running(cast, checkpoint, tmp_path / "s.db", count=2, apart=True) as run:
        live = run.rig.live
        await run.beat(20)
        await run.say(0)
        await run.say(1)
        await live.tell_once()
        (poisoned,) = (t for t in live.agents._told if t.row == 1)
        poisoned.tokens = Poison()  # type: ignore[assignment]
        tempo = Tempo(learn=0.05, rest=0.5, round=600.0, save=600.0)
        loops = asyncio.create_task(keep_going(live, run.rig.server, tempo))
        live.said.set()
        await until(lambda: len(live._here) == 1, 240.0)
        await run.is_put_out("learning")
        await until(
            lambda: (0, run.players[0].client.tasks[0]) in live.agents.inference.prepared.newest
        )
        loops.cancel()
        await asyncio.wait({loops})
