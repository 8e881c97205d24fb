"""``fedxr serve``: bridge and agents for whoever connects; and the server of every live run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.checkpoints.state import Keep
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import UseCase
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.recording.recorder import Recorder
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.web import Page
from fedxr.bridge.transport.connection import freeze_gc
from fedxr.bridge.transport.tls import Certificate
from fedxr.cli.lan import open_door, root_page, show_door
from fedxr.dashboard.controls import Controls
from fedxr.dashboard.judged import Truth, nobodys
from fedxr.dashboard.metrics import LiveMetrics
from fedxr.dashboard.preview import Preview
from fedxr.dashboard.static_files import page_files
from fedxr.experiments.choices import live_coordinations, one_of, told_of
from fedxr.federation import AGGREGATIONS
from fedxr.learning.agents import Agents
from fedxr.learning.learner_process import LearnerProcess
from fedxr.learning.learning_rule import LIVE, LearningRule
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.live import Live
from fedxr.live.loops import Tempo, keep_going

RECORDINGS = Path("runs/recordings")
"""Where recordings go that are not named."""
SAVE_S, END_S = 3.0, 4.5
"""Seconds after Ctrl-C or SIGTERM in which the learner may save what was told, then it is killed;
and after which the process ends, whatever still runs in it."""
DRAIN_S = 1.0
"""Seconds that pictures which are still being decoded may take at the end."""
KEPT = "states are kept as they were last saved"


@dataclass(frozen=True)
class Serve:
    """Bridge and agents for whoever connects."""

    host: str = "127.0.0.1"
    """Address to listen on; any but loopback needs a token, and TLS or --insecure."""
    port: int = 8765
    """Port for headsets and pages; 0 takes any free one."""
    scenario: UseCase | Literal["all"] = "all"
    """Use case whose tasks are answered, or all."""
    checkpoint: Path = CHECKPOINT
    """The checkpoint to start from (`fedxr pretrain` makes one)."""
    state: Path = Path("runs/state.db")
    """Where headsets' states live between sessions."""
    state_days: float = 365.0
    """Days after which the state of a headset that was not seen is deleted."""
    state_mb: float = 4000.0
    """Most megabytes of states; beyond, whoever was not seen for longest is deleted."""
    round_s: float = 10.0
    """Seconds between federated rounds."""
    coordination: Annotated[str, one_of(live_coordinations())] = "semi-decentralized"
    """How headsets meet."""
    aggregation: Annotated[str, one_of(AGGREGATIONS)] = "mean"
    """How the server makes one of what it is sent; the ridge heads' sums are averaged always."""
    lan: bool = False
    """Listen on the local network: with TLS and a token, and a QR code to open it in a headset."""
    cert: Path | None = None
    """Your own certificate chain (PEM) for TLS, with --key; without, --lan makes one."""
    key: Path | None = None
    """The private key of --cert (PEM, no passphrase)."""
    token: str | None = None
    """The administrator's; those for headsets, for watching and for recording are made from it.
    --lan makes one."""
    insecure: bool = False
    """Accept unencrypted traffic on a network that is yours alone."""
    seed: int = 0
    """Names all draws of chance."""
    preview: bool = True
    """Let live pages draw the hands, head and gaze of a headset that is opened there."""
    record: Path | None = None
    """Record all sessions, raw sensor data included, to this new file (MCAP)."""

    def __post_init__(self) -> None:
        self.learning()  # refuses what cannot go together

    def learning(self) -> LearningRule:
        return LIVE.with_round(
            coordination=self.coordination, aggregation=self.aggregation, seed=self.seed
        )


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
    pages: Mapping[str, Page] | None = None,
    record: Path | None = None,
    preview: bool = True,
    truth: Truth = nobodys,
    keep: Keep | None = None,
) -> AsyncIterator[Serving]:
    """A live server with its loops running; SIGINT and SIGTERM set ``stopped``. At the end every
    session is told goodbye, every headset's state is saved, and a recording that runs is finished.
    ``pages`` are served beside the usual ones; with ``record`` all is recorded from the start;
    without ``preview`` no live page draws what a headset senses. ``truth`` is known of headsets
    that are played here; states are kept as ``keep`` says.

    Raises BridgeError where it cannot listen, StateError where another server has the state file,
    LearnerExitedError where the learner cannot start."""
    tuning = Tuning(seed=rule.round.seed)
    learner = LearnerProcess(checkpoint, tuning, rule, state, keep)
    live = Live(Agents(checkpoint, tuning, learner), scenario, truth)
    sys.setswitchinterval(0.001)  # the answering thread must not wait 5 ms for the event loop
    loop = asyncio.get_running_loop()
    config = replace(config, drain_s=min(config.drain_s, DRAIN_S))
    server = BridgeServer(live, config, {**page_files(), **(pages or {})})
    recorder = Recorder(server, RECORDINGS)
    serving = Serving(server, live, recorder, learner)
    previews = Preview(live.look_at, preview)
    server.hear = Controls(recorder, live.metrics, previews, live.put_out).hear
    try:
        if record is not None:
            recorder.start(record)
        async with server:  # first, since it says at once where the port is taken
            await asyncio.to_thread(learner.ready)
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(signal.SIGINT, serving.stop)
                loop.add_signal_handler(signal.SIGTERM, serving.stop)
            running = asyncio.create_task(keep_going(live, server, tempo, previews))
            running.add_done_callback(lambda _: serving.stopped.set())
            try:
                yield serving
            finally:
                running.cancel()
                await asyncio.wait({running})
                error = None if running.cancelled() else running.exception()
        if error is not None and not serving.interrupted:
            raise error
    finally:
        await recorder.stop()
        await asyncio.to_thread(live.close)  # signals are still heard
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)


async def serve(config: Serve, checkpoint: Checkpoint, console: Console | None = None) -> None:
    """Serve until Ctrl-C."""
    out = console or Console()
    if config.key and not config.cert:
        raise BridgeError(
            "--key without --cert: name the certificate chain (PEM) that it belongs to"
        )
    own = Certificate(config.cert, config.key) if config.cert else None
    door = open_door(
        config.host,
        config.port,
        token=config.token,
        insecure=config.insecure,
        lan=config.lan,
        own=own,
    )
    rule = config.learning()
    keep = Keep(config.state_days, config.state_mb)
    tempo, pages = Tempo(round=config.round_s), root_page(door.certificate)
    async with serving(
        checkpoint,
        config.state,
        door.config,
        rule,
        tempo,
        config.scenario,
        pages,
        config.record,
        config.preview,
        keep=keep,
    ) as running:
        running.for_sure = True
        freeze_gc()
        show_door(door, running.server.port, out)
        for line in told_of(config.aggregation):
            out.print(line, highlight=False, soft_wrap=True)
        out.print("Ctrl-C stops; what headsets have learned is kept.")
        if config.record is not None:
            out.print(f"recording raw sensor data to {config.record}", highlight=False)
        running.recorder.tell.append(
            lambda status: out.print(
                f"the recording has ended: {status}", highlight=False, soft_wrap=True
            )
        )
        await running.stopped.wait()
    if running.learner.cut_short:
        out.print(f"the learner was busy: {KEPT}")
    if running.recorder.status().path is not None:
        out.print(str(running.recorder.status()), highlight=False, soft_wrap=True)
