"""A checkpoint with more tasks, or one more sensor, of which it knows nothing yet: its users teach
it.

A new task mostly reads layouts of known ones (its donors), so encoders, standardisation and the
ridge head's landmarks are taken from there. Its own head and shortcut are zero and its sums
empty: it answers every class alike until the first label, and then learns from each, alone and from
others in rounds, as every task does.

A new sensor gets a stem of chance, which the trunk has never seen tokens of; nobody knows its mean
and deviation, so its encoder's numbers are taken as they are and should be of the order of 1. A
task that reads it has nobody to be like: its landmarks are drawn as such numbers would lie.

Pretraining (:mod:`fedxr.agent.checkpoints.pretrain`) is what makes a task good for
strangers; this is for a task or a sensor that no recording of anybody exists of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.normalization import summary_key, task_and_layout, token_key
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import M3T
from fedxr.agent.model.nystroem import FEATURES, Nystroem
from fedxr.agent.model.ridge_head import RidgeHead, RidgeStats
from fedxr.agent.tasks import Task, task_named
from fedxr.bridge.channels import Channel

Donors = Mapping[str, str]
"""By layout that a new task reads, the known task from which its numbers are taken."""
Standard = tuple[Tensor, Tensor]
"""Mean and deviation."""


def with_channel(checkpoint: Checkpoint, channel: Channel) -> Checkpoint:
    """``checkpoint``, which reads the layout of ``channel`` as well; no task of it does yet.

    Raises ChannelError where no encoder reads the channel, ValueError where the checkpoint does
    already or has tasks that would."""
    plan, layout = checkpoint.model.plan, channel.layout
    shape = encoder_for(channel).shape(channel)
    if layout in plan.layouts:
        raise ValueError(f"this checkpoint reads {layout} already")
    reading = [t for t in plan.tasks if channel.modality in task_named(t).modalities]
    if reading:
        raise ValueError(
            f"tasks {', '.join(reading)} of this checkpoint read {channel.modality}, and have not "
            f"learned from {layout}; pretrain on users who have it (`fedxr pretrain`)"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = M3T(replace(plan, layouts=dict(sorted({**plan.layouts, layout: shape}.items()))))
    model.load_state_dict({**model.state_dict(), **checkpoint.model.state_dict()})
    population = {**checkpoint.population}
    if key := token_key(layout):
        population[key] = torch.zeros(shape.size), torch.ones(shape.size)
    return replace(checkpoint, model=model.requires_grad_(False).eval(), population=population)


def with_task(checkpoint: Checkpoint, task: str, like: str | None = None) -> Checkpoint:
    """``checkpoint`` and the task called ``task``, which reads what the checkpoint's task ``like``
    reads; without, what the checkpoint reads of the task's modalities.

    Raises ValueError where the checkpoint has the one or lacks the other, where they differ in
    modalities or in ``per_user``, or where it reads nothing that the task is about.
    """
    if task in checkpoint.model.plan.tasks:
        raise ValueError(f"this checkpoint answers {task!r} already")
    return _unlike(checkpoint, task_named(task)) if like is None else _alike(checkpoint, task, like)


def _unlike(checkpoint: Checkpoint, new: Task) -> Checkpoint:
    plan = checkpoint.model.plan
    keys = {
        summary_key(new.name, layout): shape.summary
        for layout, shape in plan.layouts.items()
        if layout.split("/")[0] in new.modalities and shape.summary
    }
    if not keys:
        raise ValueError(
            f"task {new.name!r} reads {', '.join(new.modalities)}; this checkpoint reads "
            f"{', '.join(plan.layouts)}. Add a channel that it reads"
        )
    model = M3T(replace(plan, tasks=(*plan.tasks, new.name), summaries={**plan.summaries, **keys}))
    known = checkpoint.model.state_dict()
    state = {name: torch.zeros_like(x) for name, x in model.state_dict().items()} | dict(known)
    state[f"query.{new.name}"] = torch.stack([known[f"query.{t}"] for t in plan.tasks]).mean(0)
    population = {**checkpoint.population}
    for key, size in keys.items():
        state[f"deviation:summary:{key}"] = torch.ones(size)
        if new.per_user:
            population[key] = torch.zeros(size), torch.ones(size)
    model.load_state_dict(state)
    chance = torch.Generator().manual_seed(0)
    drawn = torch.randn(FEATURES - 1, sum(keys.values()), generator=chance)
    kernel = Nystroem(tuple(keys), tuple(keys.values()), drawn.half().float())
    ridge = RidgeHead(kernel, RidgeStats.none(len(new.classes)))
    ridges = {**checkpoint.ridges, new.name: ridge}
    return replace(
        checkpoint,
        model=model.requires_grad_(False).eval(),
        ridges=ridges,
        population=population,
    )


def _alike(checkpoint: Checkpoint, task: str, like: str) -> Checkpoint:
    plan = checkpoint.model.plan
    new, old = task_named(task), task_named(like)
    if like not in plan.tasks:
        raise ValueError(f"this checkpoint answers {', '.join(plan.tasks)}; not {like!r}")
    if (new.modalities, new.per_user) != (old.modalities, old.per_user):
        raise ValueError(
            f"task {task!r} reads {', '.join(new.modalities)} (per_user {new.per_user}), {like!r} "
            f"reads {', '.join(old.modalities)} (per_user {old.per_user}); give a task that reads "
            "the same in the same way"
        )
    return _extended(checkpoint, new, dict.fromkeys(_layouts(checkpoint, like), like))


def with_tasks(checkpoint: Checkpoint, tasks: Iterable[str]) -> Checkpoint:
    """``checkpoint`` and those of ``tasks`` that it lacks and that it reads something for: each
    layout is read as a known task does, one that is standardised alike and reads much the same if
    there is any. Where nobody whom the checkpoint has learned from had what a task reads, there is
    nothing to compare its users with: it needs pretraining, and is not added."""
    for task in tasks:
        donors = _donors(checkpoint, task_named(task))
        if task not in checkpoint.model.plan.tasks and donors:
            more = _extended(checkpoint, task_named(task), donors)
            checkpoint = more if len(more.ridges[task].kernel.landmarks) else checkpoint
    return checkpoint


def _layouts(checkpoint: Checkpoint, task: str) -> list[str]:
    keys = map(task_and_layout, checkpoint.model.plan.summaries)
    return [layout for name, layout in keys if name == task]


def _donors(checkpoint: Checkpoint, new: Task) -> Donors:
    """As :func:`with_tasks` says; tasks alike in all that are in the plan's order."""

    def distance(old: str) -> tuple[bool, int, int]:
        there = _layouts(checkpoint, old)
        fits = sum(layout.split("/")[0] in new.modalities for layout in there)
        return task_named(old).per_user != new.per_user, -fits, len(there)

    out: dict[str, str] = {}
    for old in sorted(checkpoint.model.plan.tasks, key=distance):
        for layout in _layouts(checkpoint, old):
            if layout.split("/")[0] in new.modalities and _standard(checkpoint, new, old, layout):
                out.setdefault(layout, old)
    return {layout: out[layout] for layout in sorted(out)}


@dataclass(frozen=True)
class _Standard:
    """How one summary of the new task is standardised: by the ``model`` for all, and before that
    by the user's own data, which start from ``population`` (None: from nothing)."""

    model: Standard
    population: Standard | None


def _standard(checkpoint: Checkpoint, new: Task, old: str, layout: str) -> _Standard | None:
    """From the same of the task ``old``, so that the model sees the numbers that it sees of it;
    None where that cannot be told."""
    key = summary_key(old, layout)
    mean, deviation = (
        checkpoint.model.get_buffer(f"{x}:summary:{key}") for x in ("mean", "deviation")
    )
    population = checkpoint.population.get(key)
    if task_named(old).per_user == new.per_user:
        return _Standard((mean, deviation), population)
    if new.per_user:  # the user's own mean and deviation come first, and take the model's place
        none = torch.zeros_like(mean), torch.ones_like(deviation)
        return _Standard(none, (mean.double(), deviation.double()))
    if population is None:
        return None
    return _Standard((population[0].float(), population[1].float().clamp_min(1e-4)), None)


def _extended(checkpoint: Checkpoint, new: Task, donors: Donors) -> Checkpoint:
    plan, task = checkpoint.model.plan, new.name
    keys = {layout: summary_key(task, layout) for layout in donors}
    sizes = {layout: plan.layouts[layout].summary for layout in donors}
    summaries = {**plan.summaries, **{keys[x]: sizes[x] for x in donors}}
    model = M3T(replace(plan, tasks=(*plan.tasks, task), summaries=summaries))
    state, population = _untaught(checkpoint.model, model, task, donors), {**checkpoint.population}
    for layout, old in donors.items():
        if found := _standard(checkpoint, new, old, layout):  # as with every donor
            for kind, numbers in zip(("mean", "deviation"), found.model, strict=True):
                state[f"{kind}:summary:{keys[layout]}"] = numbers
            if found.population is not None:
                population[keys[layout]] = found.population
    model.load_state_dict(state)
    kernel = Nystroem(
        tuple(keys.values()), tuple(sizes.values()), _landmarks(checkpoint, donors, sizes)
    )
    ridge = RidgeHead(kernel, RidgeStats.none(len(new.classes)))
    return replace(
        checkpoint,
        model=model.requires_grad_(False).eval(),
        ridges={**checkpoint.ridges, task: ridge},
        population=population,
    )


def _untaught(before: M3T, after: M3T, task: str, donors: Donors) -> dict[str, Tensor]:
    """The old weights; the new task's query and hints as those of its donors, its head and
    shortcuts zero."""
    known = before.state_dict()
    state = {name: torch.zeros_like(x) for name, x in after.state_dict().items()} | dict(known)
    state[f"query.{task}"] = known[f"query.{next(iter(donors.values()))}"]
    for layout, old in donors.items():
        new, its = summary_key(task, layout), summary_key(old, layout)
        state[f"hints.{new}.weight"] = known[f"hints.{its}.weight"]
    return state


def _landmarks(checkpoint: Checkpoint, donors: Donors, sizes: Mapping[str, int]) -> Tensor:
    """(L, X): those of the donors, as many of each; what a donor does not read is absent there,
    which is zero (:func:`fedxr.agent.model.nystroem.side_by_side`)."""
    order = list(dict.fromkeys(donors.values()))
    out = []
    for old in order:
        kernel = checkpoint.ridges[old].kernel
        parts = torch.split(kernel.landmarks, list(kernel.sizes), 1)
        its = dict(zip(kernel.keys, parts, strict=True))
        columns = [
            its[summary_key(old, layout)]
            if donor == old
            else torch.zeros(len(kernel.landmarks), sizes[layout])
            for layout, donor in donors.items()
        ]
        rows = torch.cat(columns, 1)
        there = rows.any(1)  # people who had none of these sensors are no landmarks here
        out.append(rows[there][: (FEATURES - 1) // len(order)])
    return torch.cat(out)
