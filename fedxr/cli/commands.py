"""The live commands as the command line calls them: each returns the exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import tyro
from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import Card, card_of, load_checkpoint, save_checkpoint
from fedxr.agent.checkpoints.extend import with_channel, with_task, with_tasks
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import TASKS, UseCase, task_named
from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.opening import channel_of
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError
from fedxr.cli.demo import Demo, demo
from fedxr.cli.serve import Serve, serve
from fedxr.evaluation.intervals import mean_of, wilson
from fedxr.learning.shipped import CHECKPOINT
from fedxr.plugins import loaded
from fedxr.scenarios.recorded import RECORDED, find
from fedxr.scenarios.users import DataError, User
from fedxr.virtual.headsets import (
    recorded_actor,
    recorded_cast,
    simulated_actor,
    simulated_cast,
    stream_device,
)
from fedxr.virtual.streaming import Played, VirtualHeadset, play

T = TypeVar("T")
RECORDED_BRAIN = (
    "The shipped checkpoint has learned from simulated people. For recorded ones make one of your "
    "own: `fedxr pretrain --source recorded --out FILE`, then `fedxr serve --checkpoint FILE`."
)
Recorded = Callable[[], tuple[Checkpoint, Mapping[str, Sequence[User]]]]
"""A checkpoint pretrained on recorded people, and other people of the same sets, by set."""


@dataclass(frozen=True)
class Stream:
    """Be a headset: stream one user's recording to a bridge in real time."""

    url: str = "ws://127.0.0.1:8765"
    """Where the bridge listens."""
    scenario: UseCase = "companion"
    """Use case."""
    source: Literal["simulated", "recorded"] = "simulated"
    """A simulated person, or one of a recorded set of this use case."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    user: str = "0"
    """Which person: a number, or a recorded user's name."""
    seconds: float = 60.0
    """How long, in real time."""
    token: str | None = None
    """What the server asks for."""
    trust: Path | None = None
    """Root certificate (PEM) of a server with TLS, where the system does not know it."""
    record: bool = True
    """Whether the server may record what is streamed."""
    seed: int = 0
    """Names all draws of chance."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("ws://", "wss://")):
            raise ValueError(
                f"url {self.url!r}; a bridge is reached at ws://HOST:PORT, or wss://HOST:PORT "
                "where it has TLS"
            )
        if not self.seconds > 0:
            raise ValueError(f"{self.seconds} seconds; stream for more than 0")


@dataclass(frozen=True)
class Extend:
    """A checkpoint with one more task, or one more sensor, of which it knows nothing until its
    users teach it."""

    task: str
    """The new task: one of ours, or of a plug-in."""
    out: Path
    """The safetensors file to write."""
    like: str | None = None
    """A task of the checkpoint that reads the same modalities; none: the new one is like no other,
    and reads what the checkpoint, with --channel, reads of its modalities."""
    checkpoint: Path = CHECKPOINT
    """The checkpoint to start from."""
    channel: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A sensor that the checkpoint is to read as well, as LAYOUT@HERTZ: a plug-in's radar/range@20,
    say."""

    def sensors(self) -> list[Channel]:
        """The channels to add; raises ValueError where one is not written as it should be."""
        return [channel_of(text) for text in self.channel]


def run(main: Coroutine[object, object, T]) -> T:
    """In an event loop of its own, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def demo_command(config: Demo, recorded: Recorded, console: Console) -> int:
    """The demo; ``recorded`` is asked for checkpoint and people when the source is recorded."""
    if config.source == "recorded":
        checkpoint, users = recorded()
        cast = recorded_cast(users, config.headsets, config.seed)
    else:
        checkpoint = load_checkpoint(CHECKPOINT)
        cast = simulated_cast(config.headsets, config.seconds, config.seed)
    found = run(demo(config, checkpoint, cast, console))
    return 130 if found.interrupted else 0


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


def extend_command(config: Extend, console: Console) -> int:
    checkpoint = load_checkpoint(config.checkpoint)
    for channel in config.sensors():
        checkpoint = with_channel(checkpoint, channel)
    checkpoint = with_task(checkpoint, config.task, config.like)
    card = card_of(config.checkpoint)
    reads = f"as {config.like}" if config.like else ", ".join(task_named(config.task).modalities)
    made_by = f"{card.made_by}; and task {config.task} (untaught, reads {reads})"
    save_checkpoint(checkpoint, config.out, Card(made_by, card.people))
    console.print(f"wrote {config.out}: {', '.join(checkpoint.model.plan.tasks)}", highlight=False)
    return 0


def stream_command(config: Stream, data: Path | None, console: Console) -> int:
    """Stream, then say how it went; 1 when the server refused or ended the session."""
    actor, seconds = actor_of(config, data), config.seconds
    try:
        played = run(
            play(
                config.url,
                actor,
                seconds,
                config.token,
                trust=config.trust,
                retry=Retry(),
                record=config.record,
            )
        )
    except BridgeError as error:
        console.print(str(error), highlight=False, markup=False)
        if config.source == "recorded":
            console.print(RECORDED_BRAIN, highlight=False, markup=False)
        return 1
    for notice in dict.fromkeys(played.notices):
        console.print(notice, highlight=False, markup=False)
    if played.latency_ms:
        p50, p99 = np.percentile(played.latency_ms, (50, 99))
        console.print(
            f"{played.name}: {len(played.latency_ms)} replies, p50 {p50:.1f} ms, p99 {p99:.1f} ms; "
            f"cues {dict(played.cues)}",
            highlight=False,
            markup=False,
        )
        for line in said_rightly(played, actor.voice.errors):
            console.print(line, highlight=False, markup=False)
    else:
        console.print(
            f"{played.name}: {played.frames} frames sent, no answers came; `fedxr serve` answers, "
            "a bridge without agents (`fedxr record`) does not",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if played.ended:
        console.print(f"ended early: {played.ended}", highlight=False, markup=False)
    return 1 if played.ended else 0


def said_rightly(played: Played, errors: float) -> list[str]:
    """How the answers were, against the truth that the streaming side knows; ``errors`` is how
    often the feedback it gave is wrong."""
    asked: dict[str, list[bool]] = {}
    for one in played.answers:
        if one.best is not None:
            asked.setdefault(one.task, []).append(one.best == one.truth)
    if not asked:
        return ["no question was answered in time"]
    right, questions = (sum(map(f, asked.values())) for f in (sum, len))
    late = len(played.answers) - questions
    whole = (
        f"right against the truth: {right} of {questions} questions; as the mean over "
        f"{len(asked)} tasks {_percent(*mean_of([(sum(r), len(r)) for r in asked.values()]))}; "
        f"{late} had no answer in time; {100 * errors:.1f} % of this user's feedback is wrong"
    )
    lines = [whole]
    for task, rights in sorted(asked.items()):
        share = sum(rights) / len(rights)
        sure = _percent(share, *wilson(share, len(rights)))
        lines.append(f"  {task}: {sum(rights)} of {len(rights)}, {sure}")
    return lines


def _percent(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def actor_of(config: Stream, data: Path | None) -> VirtualHeadset:
    """The person that ``config`` names; raises ValueError that says who there is."""
    if config.source == "simulated":
        if not config.user.isdigit():
            raise ValueError(f"user {config.user!r}; simulated people have numbers: 0, 1, 2, …")
        device = stream_device(config.scenario)
        return simulated_actor(device, config.seed, int(config.user), config.seconds)
    sets = {n: f for n, f in find(data).items() if RECORDED[n].use_case == config.scenario}
    users, said = list[User](), list[str]()
    for name, place in sets.items():
        try:
            found = RECORDED[name].load(place)
        except (DataError, OSError) as error:  # the one who is named may be of another set
            said.append(str(error))
            continue
        users += found
        said += [f"{who} is left out: {why}" for who, why in found.left_out.items()]
    named = [u for u in users if config.user == u.name] or (
        users[int(config.user) : int(config.user) + 1] if config.user.isdigit() else []
    )
    if not named:
        raise ValueError(
            f"user {config.user!r}: {len(users)} people of {config.scenario} in {data}"
            + (f", the first is {users[0].name!r}" if users else "; see `fedxr data`")
            + "".join(f"; {text}" for text in said)
        )
    return recorded_actor(named[0], config.seed, 0)
