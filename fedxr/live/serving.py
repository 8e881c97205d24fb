"""The server of every live run: bridge, agents, learner, loops and recorder, started and ended as
one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.federated import tuning_of
from fedxr.agent.checkpoints.state import Keep
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.recording.recorder import RECORDINGS, Recorder
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer
from fedxr.dashboard.controls import Controls
from fedxr.dashboard.door import Door
from fedxr.dashboard.judged import Truth, nobodys
from fedxr.dashboard.metrics import LiveMetrics
from fedxr.dashboard.preview import Preview
from fedxr.learning.agents import Agents
from fedxr.learning.learner_process import LearnerProcess
from fedxr.learning.learning_rule import LearningRule
from fedxr.live.live import Live
from fedxr.live.loops import Tempo, keep_going

SAVE_S, END_S = 3.0, 4.5
"""Seconds after Ctrl-C or SIGTERM in which the learner may save what was told, then it is killed;
and after which the process ends, whatever still runs in it."""
DRAIN_S = 1.0
"""Seconds that pictures which are still being decoded may take at the end."""
KEPT = "states are kept as they were last saved"


@dataclass
class Serving:
    """A running server: stop it by :meth:`stop` or Ctrl-C; a second one does not wait for what is
    still to be saved. ``for_sure``: this process ends ``END_S`` after a stop, also where a thread
    of it is stuck."""

    server: BridgeServer
    live: Live
    recorder: Recorder
    learner: LearnerProcess
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False
    for_sure: bool = False

    @property
    def metrics(self) -> LiveMetrics:
        return self.live.metrics

    def stop(self) -> None:
        if self.interrupted:
            self.learner.kill()
            return
        self.interrupted = True
        self.stopped.set()
        asyncio.get_running_loop().call_later(SAVE_S, self.learner.kill)
        if self.for_sure:
            last = threading.Timer(END_S, self._end)
            last.daemon = True
            last.start()

    def _end(self) -> None:
        """Something is stuck: a pass over what a headset sent, a decoder, a disk."""
        self.learner.kill()
        print(f"stopped while busy for {END_S:g} s: {KEPT}", flush=True)
        os._exit(0)


@asynccontextmanager
async def serving(
    checkpoint: Checkpoint,
    state: Path,
    config: ServerConfig,
    rule: LearningRule,
    tempo: Tempo,
    scenario: str = "all",
    door: Door | None = None,
    record: Path | None = None,
    preview: bool = True,
    truth: Truth = nobodys,
    keep: Keep | None = None,
    wait: bool = True,
) -> AsyncIterator[Serving]:
    """A live server with its loops running; SIGINT and SIGTERM set ``stopped``. At the end every
    session is told goodbye, every headset's state is saved, and a recording that runs is finished.
    ``door`` says how it is reached from elsewhere (without: by the address that it listens on);
    with ``record`` all is recorded from the start; without ``preview`` no live page draws what a
    headset senses. ``truth`` is known of headsets that are played here; states are kept as
    ``keep`` says. The learner starts in a process of its own, which takes seconds: with ``wait``
    nothing goes on before it is ready; without, pages are served, and a headset that comes sooner
    is welcomed when it is. Where it cannot start, ``stopped`` is set and the error raised at the
    end.

    Raises BridgeError where it cannot listen, StateError where another server has the state file,
    LearnerExitedError where the learner cannot start."""
    learned = checkpoint.federated
    tuning = Tuning(seed=rule.round.seed) if learned is None else tuning_of(learned)
    rule = rule.with_round(exchange=tuning.exchange)
    learner = LearnerProcess(checkpoint, tuning, rule, state, keep)
    live = Live(Agents(checkpoint, tuning, learner), scenario, truth)
    sys.setswitchinterval(0.001)  # the answering thread must not wait 5 ms for the event loop
    loop = asyncio.get_running_loop()
    config = replace(config, drain_s=min(config.drain_s, DRAIN_S))
    door = door or Door(config, config.host)
    server = BridgeServer(live, config, door.pages(lambda: server.port))
    recorder = Recorder(server, RECORDINGS)
    serving = Serving(server, live, recorder, learner)
    previews = Preview(live.look_at, preview)
    server.hear = Controls(recorder, live.metrics, previews, live.put_out).hear
    try:
        if record is not None:
            recorder.start(record)
        async with server:  # first, since it says at once where the port is taken
            ready = asyncio.create_task(asyncio.to_thread(learner.ready))
            if wait:
                await ready
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(signal.SIGINT, serving.stop)
                loop.add_signal_handler(signal.SIGTERM, serving.stop)

            async def loops() -> None:
                await asyncio.gather(ready, keep_going(live, server, tempo, previews))

            running = asyncio.create_task(loops())
            running.add_done_callback(lambda _: serving.stopped.set())
            try:
                yield serving
            finally:
                for task in (running, ready):
                    task.cancel()
                await asyncio.gather(running, ready, return_exceptions=True)
                error = None if running.cancelled() else running.exception()
        if error is not None and not serving.interrupted:
            raise error
    finally:
        await recorder.stop()
        await asyncio.to_thread(live.close)  # signals are still heard
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)
