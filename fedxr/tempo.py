"""When a live server does what: the loops around the steps of :class:`fedxr.live.Live`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from bridge.server import BridgeServer
from fedxr.live import Live
from fedxr.preview import Preview


@dataclass(frozen=True)
class Tempo:
    """Seconds: ``gather`` from the first due frame to the pass, unless all are due before; ``gap``
    between two passes, ``learn`` from feedback until it is learned with what came meanwhile,
    ``rest`` of the learner when there is nothing to do, ``round`` between rounds, ``publish`` of
    the live page, ``preview`` of what an opened headset senses and ``save`` of each headset's
    state."""

    gather: float = 0.003
    gap: float = 0.010
    learn: float = 0.1
    rest: float = 0.1
    round: float = 10.0
    publish: float = 0.4
    preview: float = 0.08
    save: float = 1.0


async def keep_going(
    live: Live, server: BridgeServer, tempo: Tempo, preview: Preview | None = None
) -> None:
    """Answer, learn, meet, publish and save, until cancelled."""

    async def publish() -> None:
        server.publish(msgspec.json.encode(live.scoreboard.state(live.agents)))

    async with asyncio.TaskGroup() as group:
        group.create_task(_answer(live, tempo))
        group.create_task(_listen(live, tempo))
        group.create_task(_work(live, tempo))
        if preview is not None:
            group.create_task(_show(preview, tempo))
        for seconds, step in (
            (tempo.round, live.round_due),
            (tempo.save, live.save_once),
            (tempo.publish, publish),
        ):
            group.create_task(_every(seconds, step))


async def _answer(live: Live, tempo: Tempo) -> None:
    while True:
        await live.due.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(live.all_due.wait(), tempo.gather)
        live.due.clear()
        live.all_due.clear()
        started = time.monotonic()
        await live.tick_once()
        await asyncio.sleep(max(0.0, tempo.gap - (time.monotonic() - started)))


async def _listen(live: Live, tempo: Tempo) -> None:
    while True:
        await live.said.wait()
        live.said.clear()
        await live.tell_once()
        await asyncio.sleep(tempo.learn)
        await live.learn_once()


async def _work(live: Live, tempo: Tempo) -> None:
    while True:
        if not await live.work_once():
            await asyncio.sleep(tempo.rest)


async def _show(preview: Preview, tempo: Tempo) -> None:
    while True:
        await preview.wanted.wait()
        preview.beat()
        await asyncio.sleep(tempo.preview)


async def _every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await step()
