"""Tasks as text, for those who must know them and cannot import what brought them: checkpoints
that have learned a set of somebody's own, and processes that are started beside this one."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from fedxr.agent.tasks.ours import OURS
from fedxr.agent.tasks.task import Task
from fedxr.plugins import Registry

_KNOWN = {task.name for task in OURS}


def written(tasks: Iterable[Task]) -> str:
    """Those of ``tasks`` that do not come with fedxr, as JSON."""
    return json.dumps([msgspec.to_builtins(task) for task in tasks if task.name not in _KNOWN])


def register(text: str, tasks: Registry[Task]) -> None:
    """Add what was :func:`written` to ``tasks``, unless there is one of that name. Raises
    ValueError where that one has other classes: it is not what was learned."""
    for raw in json.loads(text):
        task = msgspec.convert(raw, Task)
        known = tasks.get(task.name)
        if known is None:
            tasks.add(task)
        elif known.classes != task.classes:
            raise ValueError(
                f"task {task.name!r} was learned with the classes {', '.join(task.classes)}, and "
                f"has {', '.join(known.classes)} here; rename one of them, or pretrain again"
            )
