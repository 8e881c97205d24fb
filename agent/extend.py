"""A brain with one more task, of which it knows nothing yet: its users teach it.

The new task reads the layouts of a known one, so encoders, standardisation and the analytic head's
landmarks are taken from there. Its own head and shortcut are zero and its sums empty: it answers
every class alike until the first label, and then learns from each, alone and from others in rounds,
as every task does. Pretraining (:mod:`agent.brain`) is what makes a task good for strangers; this
is for a task that no recording of anybody exists of.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agent.analytic import Ridge, Sums
from agent.fleet import Brain
from agent.model import M3T
from agent.normal import summary_key, task_and_layout
from agent.tasks import task_named


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
    renamed = {k: summary_key(task, task_and_layout(k)[1]) for k in _keys(brain, like)}
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
    return [k for k in brain.model.plan.summaries if task_and_layout(k)[0] == task]


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
