"""Who is here, and what is done where one of them breaks something: the ground of a live server.

The walls of :mod:`fedxr.learning.walls`, applied to visits; and the two threads in which answers
and learning are done, one call at a time each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import torch

from fedxr.dashboard.judged import Truth
from fedxr.dashboard.metrics import LiveMetrics
from fedxr.learning.agents import Agents
from fedxr.learning.learner import Learner
from fedxr.learning.restart import Restart
from fedxr.learning.walls import Fault, Quarantine, SaidError, briefly
from fedxr.live.headset_session import HeadsetSession

_log = logging.getLogger("fedxr")
P = ParamSpec("P")
T = TypeVar("T")


class Visitors:
    """Of those who are here, the visits by session id. Seats change only under both locks,
    ``_learning`` taken before ``_answering``."""

    def __init__(self, agents: Agents, truth: Truth) -> None:
        self.agents = agents
        self.metrics = LiveMetrics(truth)
        self.quarantine = Quarantine()
        self.restart = Restart(agents, self.metrics.troubles)
        self._here: dict[str, HeadsetSession] = {}
        self._learning = asyncio.Lock()
        self._answering = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "answering", lambda: torch.set_num_threads(1))
        self._learner = ThreadPoolExecutor(1, "learner", lambda: torch.set_num_threads(1))

    def blame(self, doing: str, faults: Iterable[Fault]) -> None:
        """``doing`` something went on without these headsets: who broke it is put out; so is who
        had no numbers to it again and again, and is told until then."""
        by_row = {here.row: here for here in self._here.values()}
        for fault in faults:
            here = by_row.get(fault.row)
            if here is None or here.out:
                continue
            if fault.broke or here.strikes.out():
                self.shut_out(here, doing, fault.why)
            else:
                here.session.notice("not-finite", f"{doing} left this headset out: {fault.why}")

    def shut_out(self, here: HeadsetSession, doing: str, why: str) -> None:
        """End a headset's session: what it sent broke ``doing``. It is told, and cannot come back
        for a while; the others go on."""
        here.out = True
        here.frames.take()
        wait = self.quarantine.add(self.agents.seated[here.row].identity.kept_as)
        text = f"{doing} failed over what this headset sent ({why}); come again in {wait:.0f} s"
        name = self.metrics.boards[here.row].name
        _log.warning("%s is put out: %s", name, text)
        self.metrics.events.trouble(self.metrics.seconds, name, f"put out: {text}")
        here.session.notice("put-out", text)
        here.session.close(f"put out: {text}")

    async def _tried(self, part: str, step: Awaitable[T]) -> T | None:
        """What came of ``step``; None where it failed, which is a trouble of ``part``."""
        try:
            return await step
        except SaidError:
            return None
        except Exception as error:  # noqa: BLE001 - said, and the headset leaves all the same
            self.metrics.troubles.begin(part, briefly(error))
            return None

    async def _learned(
        self, what: Callable[Concatenate[Learner, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have the learner do it, and answer with what it learned from the next tick on."""
        ask = partial(self.restart.ask, what, *args, **kwargs)
        found, prepared = await self._run(self._learner, ask)
        self.agents.swap(prepared)
        faults = [Fault(row, why, broke=False) for row, why in prepared.failed.items()]
        self.blame("learning", [*self.restart.take_faults(), *faults])
        return found

    @staticmethod
    async def _run(thread: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, call)
