"""How long answers take: the federation's headsets in real time, to a server with agents."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import task_named
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.transport.connection import run
from fedxr.evaluation.result import Latency
from fedxr.experiments.choices import live_coordinations
from fedxr.experiments.progress import Say
from fedxr.learning.learning_rule import LIVE, LearningRule
from fedxr.live.loops import Tempo
from fedxr.live.serving import serving
from fedxr.virtual.headsets import recorded_actor
from fedxr.virtual.streaming import Played, VirtualHeadset, play_apart

if TYPE_CHECKING:  # the demo needs none of what these import
    from fedxr.experiments.run_config import RunConfig
    from fedxr.experiments.splits import Split

Latencies = dict[str, list[float]]
"""task -> capture to reply in ms, of every reply that answers it"""


def latency_of(config: RunConfig, checkpoint: Checkpoint, split: Split, say: Say) -> Latencies:
    """Capture to reply, on the headsets' clock: the federation's users of ``split`` stream all at
    once, in real time, for ``bridge_s`` seconds, each over a websocket of its own, while the server
    answers, learns and holds a round. Nothing of it goes into the accuracies.

    Raises KeyboardInterrupt when it was stopped, BridgeError where a headset got no answers."""
    say(f"{split.name}: {len(split.federation)} headsets in real time, {config.bridge_s:g} s")
    cast = [recorded_actor(u, config.seed, i) for i, u in enumerate(split.federation)]
    return latencies(run(_live(config, checkpoint, cast)))


async def _live(
    config: RunConfig, checkpoint: Checkpoint, cast: Sequence[VirtualHeadset]
) -> list[Played]:
    with tempfile.TemporaryDirectory(prefix="fedxr-") as folder:
        tempo = Tempo(round=config.bridge_s / 2)  # one falls into the time that is measured
        state, door = Path(folder) / "state.db", ServerConfig(port=0)
        async with serving(checkpoint, state, door, _rule(config), tempo, preview=False) as live:
            playing = asyncio.create_task(play_apart(live.server.url, cast, config.bridge_s))
            stopped = asyncio.create_task(live.stopped.wait())
            await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            while live.interrupted and not playing.done():  # also those who come only now
                for session in list(live.server.sessions.values()):
                    session.close("the run was stopped")
                await asyncio.wait({playing}, timeout=0.2)
            if live.interrupted:
                await asyncio.gather(playing, return_exceptions=True)
                raise KeyboardInterrupt
            return await playing


def _rule(config: RunConfig) -> LearningRule:
    """The run's, where a live server can: pooled samples never reach one."""
    if config.coordination not in live_coordinations():
        return LIVE.with_round(seed=config.seed)
    return LIVE.with_round(
        coordination=config.coordination, aggregation=config.aggregation, seed=config.seed
    )


def latencies(played: Iterable[Played]) -> Latencies:
    """Of every task, over all headsets that are asked it."""
    found: Latencies = defaultdict(list)
    for one in played:
        for task in one.tasks:
            found[task] += one.latency_ms
    return {task: ms for task, ms in sorted(found.items()) if ms}


def latency_rows(found: Iterable[Mapping[str, Sequence[float]]]) -> list[Latency]:
    """One a task, over the replies of all that was ``found``."""
    together: Latencies = defaultdict(list)
    for one in found:
        for task, ms in one.items():
            together[task] += ms
    return [_row(task, np.array(ms)) for task, ms in sorted(together.items())]


def _row(task: str, ms: np.ndarray) -> Latency:
    deadline = task_named(task).deadline_ms
    p50, p99 = np.percentile(ms, (50, 99)).tolist()
    return Latency(
        task=task,
        deadline_ms=deadline,
        p50_ms=p50,
        p99_ms=p99,
        replies=len(ms),
        late=int((ms > deadline).sum()),
    )


def told_of_latency(config: RunConfig, headsets: int) -> str:
    """What a result's notes say of how latency was measured."""
    return (
        f"latency: the federation's headsets of a set at once (at most {headsets}), in real time "
        f"for {config.bridge_s:g} s, server and headsets on one machine of {os.cpu_count()} cores"
    )
