"""``fedxr serve``: bridge and agents for whoever connects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.checkpoints.extend import with_tasks
from fedxr.agent.checkpoints.state import Keep
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import TASKS
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.transport.connection import freeze_gc, run
from fedxr.bridge.transport.tls import Certificate
from fedxr.cli.lan import open_door, show_door
from fedxr.experiments.choices import UseCase, live_coordinations, one_of, told_of
from fedxr.federation import AGGREGATIONS
from fedxr.learning.learning_rule import LIVE, LearningRule
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import KEPT, serving
from fedxr.plugins import loaded


@dataclass(frozen=True)
class Serve:
    """Bridge and agents for whoever connects."""

    host: str = "127.0.0.1"
    """Address to listen on; any but loopback needs a token, and TLS or --insecure."""
    port: int = 8765
    """Port for headsets and pages; 0 takes any free one."""
    scenario: UseCase = "all"
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
    """How the server makes one of what it is sent; sums of ridge heads are added."""
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
    """Live pages may draw the hands, head and gaze of a headset that is opened there;
    --no-preview: they may not."""
    config: Path | None = None
    """Where to start from: a YAML file; other options override it."""
    record: Path | None = None
    """Record all sessions, raw sensor data included, to this new file (MCAP)."""

    def __post_init__(self) -> None:
        self.learning()  # refuses what cannot go together

    def learning(self) -> LearningRule:
        return LIVE.with_round(
            coordination=self.coordination, aggregation=self.aggregation, seed=self.seed
        )


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
    tempo = Tempo(round=config.round_s)
    async with serving(
        checkpoint,
        config.state,
        door.config,
        rule,
        tempo,
        config.scenario,
        door,
        config.record,
        config.preview,
        keep=keep,
        wait=False,
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


def serve_command(config: Serve, console: Console) -> int:
    added = [name for plugin in loaded() for kind, name in plugin.adds if kind == TASKS.kind]
    checkpoint = with_tasks(load_checkpoint(config.checkpoint), added)
    if more := [task for task in checkpoint.model.plan.tasks if task in added]:
        console.print(
            f"of plug-ins, {', '.join(more)}: where the checkpoint was not pretrained on it, a "
            "task answers every class alike until its users teach it",
            highlight=False,
        )
    for task in (task for task in added if task not in checkpoint.model.plan.tasks):
        console.print(
            f"task {task} is not answered: of {', '.join(TASKS[task].modalities)} this checkpoint "
            "has seen nobody to compare with; pretrain one that has (`fedxr pretrain`)",
            highlight=False,
            style="yellow",
        )
    run(serve(config, checkpoint, console))
    return 0
