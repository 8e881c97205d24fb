"""A brain with more tasks, of which it knows nothing yet: its users teach it.

A new task reads the layouts of known ones (its donors), so encoders, standardisation and the
analytic head's landmarks are taken from there. Its own head and shortcut are zero and its sums
empty: it answers every class alike until the first label, and then learns from each, alone and from
others in rounds, as every task does. Pretraining (:mod:`agent.brain`) is what makes a task good for
strangers; this is for a task that no recording of anybody exists of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agent.analytic import Ridge, Sums
from agent.fleet import Brain
from agent.kernel import FEATURES, Kernel
from agent.model import M3T
from agent.normal import summary_key
from agent.tasks import Task, task_named

Donors = Mapping[str, str]
"""By layout that a new task reads, the known task from which its numbers are taken."""
Standard = tuple[Tensor, Tensor]
"""Mean and deviation."""


def with_task(brain: Brain, task: str, like: str) -> Brain:
    """``brain`` and the task called ``task``, which reads what the brain's task ``like`` reads.

    Raises ValueError where the brain has the one or lacks the other, or where they differ in
    modalities or in ``per_user``.
    """
    plan = brain.model.plan
    new, old = task_named(task), task_named(like)
    if task in plan.tasks:
        raise ValueError(f"this checkpoint answers {task!r} already")
    if like not in plan.tasks:
        raise ValueError(f"this checkpoint answers {', '.join(plan.tasks)}; not {like!r}")
    if (new.modalities, new.per_user) != (old.modalities, old.per_user):
        raise ValueError(
            f"task {task!r} reads {', '.join(new.modalities)} (per_user {new.per_user}), {like!r} "
            f"reads {', '.join(old.modalities)} (per_user {old.per_user}); give a task that reads "
            "the same in the same way"
        )
    return _extended(brain, new, dict.fromkeys(_layouts(brain, like), like))


def with_tasks(brain: Brain, tasks: Iterable[str]) -> Brain:
    """``brain`` and those of ``tasks`` that it lacks and that it reads something for: each layout
    is read as a known task does, one that is standardised alike and reads much the same if there
    is any. Where nobody whom the brain has learned from had what a task reads, there is nothing to
    compare its users with: it needs pretraining, and is not added."""
    for task in tasks:
        donors = _donors(brain, task_named(task))
        if task not in brain.model.plan.tasks and donors:
            more = _extended(brain, task_named(task), donors)
            brain = more if len(more.ridges[task].kernel.landmarks) else brain
    return brain


def _layouts(brain: Brain, task: str) -> list[str]:
    keys = (key.split("|") for key in brain.model.plan.summaries)
    return [layout for name, layout in keys if name == task]


def _donors(brain: Brain, new: Task) -> Donors:
    """As :func:`with_tasks` says; tasks alike in all that are in the plan's order."""

    def distance(old: str) -> tuple[bool, int, int]:
        there = _layouts(brain, old)
        fits = sum(layout.split("/")[0] in new.modalities for layout in there)
        return task_named(old).per_user != new.per_user, -fits, len(there)

    out: dict[str, str] = {}
    for old in sorted(brain.model.plan.tasks, key=distance):
        for layout in _layouts(brain, old):
            if layout.split("/")[0] in new.modalities and _standard(brain, new, old, layout):
                out.setdefault(layout, old)
    return {layout: out[layout] for layout in sorted(out)}


@dataclass(frozen=True)
class _Standard:
    """How one summary of the new task is standardised: by the ``model`` for all, and before that
    by the user's own data, which start from ``population`` (None: from nothing)."""

    model: Standard
    population: Standard | None


def _standard(brain: Brain, new: Task, old: str, layout: str) -> _Standard | None:
    """From the same of the task ``old``, so that the model sees the numbers that it sees of it;
    None where that cannot be told."""
    key = summary_key(old, layout)
    mean, deviation = (brain.model.get_buffer(f"{x}:summary:{key}") for x in ("mean", "deviation"))
    population = brain.population.get(key)
    if task_named(old).per_user == new.per_user:
        return _Standard((mean, deviation), population)
    if new.per_user:  # the user's own mean and deviation come first, and take the model's place
        none = torch.zeros_like(mean), torch.ones_like(deviation)
        return _Standard(none, (mean.double(), deviation.double()))
    if population is None:
        return None
    return _Standard((population[0].float(), population[1].float().clamp_min(1e-4)), None)


def _extended(brain: Brain, new: Task, donors: Donors) -> Brain:
    plan, task = brain.model.plan, new.name
    keys = {layout: summary_key(task, layout) for layout in donors}
    sizes = {layout: plan.layouts[layout].summary for layout in donors}
    summaries = {**plan.summaries, **{keys[x]: sizes[x] for x in donors}}
    model = M3T(replace(plan, tasks=(*plan.tasks, task), summaries=summaries))
    state, population = _untaught(brain.model, model, task, donors), {**brain.population}
    for layout, old in donors.items():
        if found := _standard(brain, new, old, layout):  # as with every donor
            for kind, numbers in zip(("mean", "deviation"), found.model, strict=True):
                state[f"{kind}:summary:{keys[layout]}"] = numbers
            if found.population is not None:
                population[keys[layout]] = found.population
    model.load_state_dict(state)
    kernel = Kernel(tuple(keys.values()), tuple(sizes.values()), _landmarks(brain, donors, sizes))
    ridge = Ridge(kernel, Sums.none(len(new.classes)))
    return Brain(model.requires_grad_(False).eval(), {**brain.ridges, task: ridge}, population)


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


def _landmarks(brain: Brain, donors: Donors, sizes: Mapping[str, int]) -> Tensor:
    """(L, X): those of the donors, as many of each; what a donor does not read is absent there,
    which is zero (:func:`agent.kernel.side_by_side`)."""
    order = list(dict.fromkeys(donors.values()))
    out = []
    for old in order:
        kernel = brain.ridges[old].kernel
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
