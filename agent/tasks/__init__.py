"""What an agent can be asked, and how a stretch of a user's life with questions in it looks.

``TASKS`` holds every task by its name: ours (:mod:`fedxr.agent.tasks.ours`) and those of plug-ins,
which add one by ``TASKS.add(Task(...))``. Whatever must be known of a task stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fedxr.agent.tasks.as_text import register, written
from fedxr.agent.tasks.cues import ACTS, CueRule, Payload, every
from fedxr.agent.tasks.ours import OURS
from fedxr.agent.tasks.task import METRICS, USE_CASES, Task, check_use_case
from fedxr.bridge.channels import Samples
from fedxr.plugins import Registry

__all__ = [
    "TASKS",
    "Task",
    "task_named",
    "CueRule",
    "ACTS",
    "Payload",
    "every",
    "Query",
    "Episode",
    "USE_CASES",
    "check_use_case",
    "use_cases",
    "METRICS",
    "written_tasks",
    "register_written",
]

TASKS: Registry[Task] = Registry("task", OURS)


def task_named(name: str) -> Task:
    """The task called ``name``; raises ValueError that lists the known ones."""
    return TASKS.named(name)


def written_tasks(names: Iterable[str] | None = None) -> str:
    """The tasks called ``names`` (None: all) that do not come with fedxr, as text."""
    return written([*TASKS.values()] if names is None else map(task_named, names))


def register_written(text: str) -> None:
    """Make known what :func:`written_tasks` wrote; raises ValueError where a task of that name is
    another one here."""
    register(text, TASKS)


def use_cases() -> list[str]:
    """The simulated use cases, and those that tasks of plug-ins and of one's own sets name."""
    return [*dict.fromkeys((*USE_CASES, *(task.use_case for task in TASKS.values())))]


@dataclass(frozen=True)
class Query:
    """At ``t_us`` of its episode the user wants ``task`` answered; the truth is class ``label``."""

    task: str
    t_us: int
    label: int


@dataclass(frozen=True)
class Episode:
    """A stretch of one user's time that the model sees as a whole; context starts anew with it.

    Times count from the episode's start (microseconds, >= 0). ``adapt`` tells whether the episode
    belongs to the half that a user may learn from or to the half it is tested on; the rule by
    which a data set is halved stands in its loader.
    """

    key: str
    samples: Mapping[str, Samples]
    queries: tuple[Query, ...]
    adapt: bool
    seconds: float
