"""``fedxr pretrain``: a checkpoint of one's own; and the one that the recorded demo needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import card_of, load_checkpoint, save_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import task_named
from fedxr.cli.pretrain_options import Pretrain
from fedxr.cli.progress import shown
from fedxr.experiments.gathering import gather
from fedxr.experiments.outputs import check_file
from fedxr.experiments.pretraining import card_for, pretrain_on
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import Split
from fedxr.scenarios.recorded import RECORDED, data_folder
from fedxr.scenarios.users import DataError, User


def pretrain_command(command: Pretrain, console: Console) -> int:
    how = RunConfig(
        source=command.source,
        steps=command.steps,
        copies=command.copies,
        headsets=command.headsets,
        seed=command.seed,
    )
    check_file(command.out, "--out")
    with shown(console) as say:
        splits = gather(how, data_folder(command.data), say)
        _print_notes(splits, console)
        checkpoint = pretrain_on(splits, how, say)
        save_checkpoint(checkpoint, command.out, card_for(splits, how))
    console.print(f"wrote {command.out} ({command.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def recorded_checkpoint(
    data: Path | None, console: Console
) -> tuple[Checkpoint, dict[str, list[User]]]:
    """A checkpoint pretrained on the recorded pretraining users, and the others by set.

    No licence of the recordings lets us ship it, so it is made here once and kept in runs/.
    """
    how = RunConfig(source="recorded")
    with shown(console) as say:
        splits = gather(how, data, say)
        _print_notes(splits, console)
        kept = Path("runs") / f"recorded-{'-'.join(map(_called, splits))}-{how.seed}.safetensors"
        if not kept.exists():
            console.print(f"pretraining on recorded people, once, several minutes; kept in {kept}")
            save_checkpoint(pretrain_on(splits, how, say), kept, card_for(splits, how))
    others = {s.name: [*s.federation, *s.unseen] for s in splits}
    taught = {name for people in card_of(kept).people.values() for name in people}
    known = sorted(taught & {f"{u.source}/{u.name}" for users in others.values() for u in users})
    if known:
        raise DataError(
            f"{kept}: has learned from {known[0]} and {len(known) - 1} others who would be shown, "
            "since the recorded sets have changed; move it away, and a new one is pretrained"
        )
    return load_checkpoint(kept), others


def _called(split: Split) -> str:
    """The name of a set that is known; of one's own, which may be another tomorrow or elsewhere,
    with a mark of what is in it: who, what is asked, and what was sensed."""
    if split.name in RECORDED:
        return split.name
    mark = hashlib.sha256()
    for user in (*split.pretraining, *split.federation, *split.unseen):
        asked = [(name, task_named(name).classes) for name in user.tasks]
        mark.update(repr((user.name, user.channels, asked)).encode())
        for one in user.episodes:
            sensed = {n: float(s.values.sum(dtype=np.float64)) for n, s in one.samples.items()}
            mark.update(repr((one.key, one.adapt, one.queries, sensed)).encode())
    return f"{split.name}-{mark.hexdigest()[:8]}"


def _print_notes(splits: Sequence[Split], console: Console) -> None:
    """Who is left out of the recorded sets, and what else is to be said of them."""
    for note in (note for split in splits for note in split.notes):
        console.print(note, style="yellow", highlight=False, markup=False, soft_wrap=True)
