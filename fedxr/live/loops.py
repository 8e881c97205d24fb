"""When a live server does what: the loops around the steps of :class:`fedxr.live.live.Live`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from fedxr.bridge.serving.server import BridgeServer
from fedxr.dashboard.preview import Preview
from fedxr.learning.walls import keep_on
from fedxr.live.live import Live


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
    save: float = 0.5


async def keep_going(
    live: Live, server: BridgeServer, tempo: Tempo, preview: Preview | None = None
) -> None:
    """Answer, learn, meet, publish and save, until cancelled: loops that go on whatever happens in
    one turn of one of them (:func:`fedxr.learning.walls.keep_on`)."""
    loops: dict[str, Callable[[], Awaitable[object]]] = {
        "answering": partial(_answer, live, tempo),
        "learning": partial(_listen, live, tempo),
        "steps and rounds": partial(_work, live, tempo),
        "rounds": partial(_after, tempo.round, live.round_due),
        "the states": partial(_after, tempo.save, live.save_once),
        "the live page": partial(_after, tempo.publish, partial(live.publish_once, server.publish)),
    }
    if preview is not None:
        loops["the preview"] = partial(_show, preview, tempo)
    async with asyncio.TaskGroup() as group:
        for part, turn in loops.items():
            group.create_task(keep_on(part, turn, live.metrics.troubles))


async def _answer(live: Live, tempo: Tempo) -> None:
    await live.due.wait()
    with contextlib.suppress(TimeoutError):  # wait_for of Python 3.11 may swallow the end of this
        async with asyncio.timeout(tempo.gather):
            await live.all_due.wait()
    live.due.clear()
    live.all_due.clear()
    started = time.monotonic()
    await live.tick_once()
    await asyncio.sleep(max(0.0, tempo.gap - (time.monotonic() - started)))


async def _listen(live: Live, tempo: Tempo) -> None:
    await live.said.wait()
    live.said.clear()
    try:
        await live.tell_once()
        await asyncio.sleep(tempo.learn)
        await live.learn_once()
    except Exception:
        live.said.set()  # what could not be learned waits for the next turn
        raise


async def _work(live: Live, tempo: Tempo) -> None:
    if not await live.work_once():
        await asyncio.sleep(tempo.rest)


async def _show(preview: Preview, tempo: Tempo) -> None:
    await preview.wanted.wait()
    preview.beat()
    await asyncio.sleep(tempo.preview)


async def _after(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    await asyncio.sleep(seconds)
    await step()
