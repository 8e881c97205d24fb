"""A brain with one more task, or one more sensor, of which it knows nothing yet: users teach it.

A new task mostly reads the layouts of a known one (``like``), so encoders, standardisation and the
analytic head's landmarks are taken from there. Its own head and shortcut are zero and its sums
empty: it answers every class alike until the first label, and then learns from each, alone and from
others in rounds, as every task does.

A new sensor gets a stem of chance, which the trunk has never seen tokens of; nobody knows its mean
and deviation, so its encoder's numbers are taken as they are and should be of the order of 1. A
task that reads it has nobody to be like: its landmarks are drawn as such numbers would lie.

Pretraining (:mod:`agent.brain`) is what makes a task good for strangers; this is for a task or a
sensor that no recording of anybody exists of.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agent.analytic import Ridge, Sums
from agent.checkpoint import Brain
from agent.encoders import encoder_for
from agent.kernel import FEATURES, Kernel
from agent.model import M3T
from agent.normal import summary_key, token_key
from agent.tasks import Task, task_named
from bridge.channels import Channel


def with_channel(brain: Brain, channel: Channel) -> Brain:
    """``brain``, which reads the layout of ``channel`` as well; no task of it does yet.

    Raises ChannelError where no encoder reads the channel, ValueError where the brain does already
    or has tasks that would.
    """
    plan, layout = brain.model.plan, channel.layout
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
    model.load_state_dict({**model.state_dict(), **brain.model.state_dict()})
    population = {**brain.population}
    if key := token_key(layout):
        population[key] = torch.zeros(shape.size), torch.ones(shape.size)
    return Brain(model.requires_grad_(False).eval(), brain.ridges, population)


def with_task(brain: Brain, task: str, like: str | None = None) -> Brain:
    """``brain`` and the task called ``task``, which reads what the brain's task ``like`` reads;
    without, what the brain reads of the task's modalities.

    Raises ValueError where the brain has the one or lacks the other, where they differ in
    modalities or in ``per_user``, or where it reads nothing that the task is about.
    """
    if task in brain.model.plan.tasks:
        raise ValueError(f"this checkpoint answers {task!r} already")
    return _unlike(brain, task_named(task)) if like is None else _alike(brain, task, like)


def _unlike(brain: Brain, new: Task) -> Brain:
    plan = brain.model.plan
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
    known = brain.model.state_dict()
    state = {name: torch.zeros_like(x) for name, x in model.state_dict().items()} | dict(known)
    state[f"query.{new.name}"] = torch.stack([known[f"query.{t}"] for t in plan.tasks]).mean(0)
    population = {**brain.population}
    for key, size in keys.items():
        state[f"deviation:summary:{key}"] = torch.ones(size)
        if new.per_user:
            population[key] = torch.zeros(size), torch.ones(size)
    model.load_state_dict(state)
    chance = torch.Generator().manual_seed(0)
    drawn = torch.randn(FEATURES - 1, sum(keys.values()), generator=chance)
    kernel = Kernel(tuple(keys), tuple(keys.values()), drawn.half().float())
    ridge = Ridge(kernel, Sums.none(len(new.classes)))
    ridges = {**brain.ridges, new.name: ridge}
    return Brain(model.requires_grad_(False).eval(), ridges, population)


def _alike(brain: Brain, task: str, like: str) -> Brain:
    plan = brain.model.plan
    new, old = task_named(task), task_named(like)
    if like not in plan.tasks:
        raise ValueError(f"this checkpoint answers {', '.join(plan.tasks)}; not {like!r}")
    if (new.modalities, new.per_user) != (old.modalities, old.per_user):
        raise ValueError(
            f"task {task!r} reads {', '.join(new.modalities)} (per_user {new.per_user}), {like!r} "
            f"reads {', '.join(old.modalities)} (per_user {old.per_user}); give a task that reads "
            "the same in the same way"
        )
    renamed = {k: summary_key(task, k.split("|")[1]) for k in _keys(brain, like)}
    more = {renamed[k]: plan.summaries[k] for k in renamed}
    model = M3T(replace(plan, tasks=(*plan.tasks, task), summaries={**plan.summaries, **more}))
    model.load_state_dict(_state(brain.model, model, task, like, renamed))
    kernel = brain.ridges[like].kernel
    kernel = replace(kernel, keys=tuple(renamed[k] for k in kernel.keys))
    ridge = Ridge(kernel, Sums.none(len(new.classes)))
    population = {**brain.population}
    population.update({renamed[k]: v for k, v in brain.population.items() if k in renamed})
    return Brain(model.requires_grad_(False).eval(), {**brain.ridges, task: ridge}, population)


def _keys(brain: Brain, task: str) -> list[str]:
    return [k for k in brain.model.plan.summaries if k.split("|")[0] == task]


def _state(
    before: M3T, after: M3T, task: str, like: str, renamed: dict[str, str]
) -> dict[str, Tensor]:
    """The old weights; the new task's query, hints and standards as those of ``like``, its head and
    shortcuts zero."""
    known = before.state_dict()
    state = {name: torch.zeros_like(x) for name, x in after.state_dict().items()} | dict(known)
    state[f"query.{task}"] = known[f"query.{like}"]
    for old, new in renamed.items():
        state[f"hints.{new}.weight"] = known[f"hints.{old}.weight"]
        for kind in ("mean", "deviation"):
            state[f"{kind}:summary:{new}"] = known[f"{kind}:summary:{old}"]
    return state
