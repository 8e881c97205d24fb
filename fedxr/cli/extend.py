"""``fedxr extend``: a checkpoint with one more task, or one more sensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import Card, card_of, load_checkpoint, save_checkpoint
from fedxr.agent.checkpoints.extend import with_channel, with_task
from fedxr.agent.tasks import task_named
from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.opening import channel_of
from fedxr.learning.shipped import CHECKPOINT


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
