"""Answers and cues as ML-Agents actions.

ML-Agents' actions have sizes and no names, so a behaviour's actions are matched with the session's
tasks by size, in order. A discrete branch takes the first task that is not taken yet and has

- one class less than the branch has choices: choice 0 is silence, k + 1 means that the *cue* of
  class k is on (the agent was sure, several times in a row);
- as many classes as the branch has choices: the choice is the class of the newest *answer*.

Continuous actions hold the probabilities of the first tasks, one after the other, when their
number is exactly that of their classes. What nothing fits stays zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.unity.turns import Action, Behaviour


@dataclass(frozen=True)
class Branch:
    """What one discrete branch follows; no ``task``: nothing."""

    task: str = ""
    cues: bool = False


class ActionPlan:
    """How answers and cues fill the actions of ``behaviour``; ``tasks``: classes of each, in
    order."""

    def __init__(self, behaviour: Behaviour, tasks: Mapping[str, int]) -> None:
        self.behaviour = behaviour
        self.branches = _branches(behaviour.branches, tasks)
        self.continuous = _continuous(behaviour.continuous, tasks)
        self._sizes = tasks

    def __str__(self) -> str:
        told = [
            f"branch {i} ({n}): "
            + (f"{'cues' if b.cues else 'answers'} of {b.task}" if b.task else "nothing fits")
            for i, (n, b) in enumerate(zip(self.behaviour.branches, self.branches, strict=True))
        ]
        if self.behaviour.continuous:
            of = " and ".join(self.continuous)
            told.append(
                f"continuous ({self.behaviour.continuous}): "
                + (f"probabilities of {of}" if of else "nothing fits")
            )
        return "; ".join(told) or "no actions"

    def action(
        self,
        answers: Mapping[str, NDArray[np.float32]],
        cues: Mapping[str, int],
        allowed: Sequence[NDArray[np.bool_]],
    ) -> Action:
        """``answers``: newest probabilities (C,) by task; ``cues``: class whose cue is on by task;
        ``allowed``: the step's masks. A forbidden choice is replaced by the next best."""
        numbers = [
            answers.get(task, np.zeros(self._sizes[task], np.float32)) for task in self.continuous
        ]
        continuous = np.concatenate(numbers) if numbers else np.zeros(self.behaviour.continuous)
        chosen = [
            _choose(branch, answers, cues, mask)
            for branch, mask in zip(self.branches, allowed, strict=True)
        ]
        return Action(continuous.astype(np.float32), np.array(chosen, np.int32))


def _branches(sizes: Sequence[int], tasks: Mapping[str, int]) -> tuple[Branch, ...]:
    free = dict(tasks)
    found = []
    for size in sizes:
        task = next((t for t, n in free.items() if size in (n, n + 1)), "")
        found.append(Branch(task, bool(task) and size == free[task] + 1))
        free.pop(task, None)
    return tuple(found)


def _continuous(size: int, tasks: Mapping[str, int]) -> tuple[str, ...]:
    taken: list[str] = []
    for task, classes in tasks.items():
        if size <= 0:
            break
        taken.append(task)
        size -= classes
    return tuple(taken) if size == 0 else ()


def _choose(
    branch: Branch,
    answers: Mapping[str, NDArray[np.float32]],
    cues: Mapping[str, int],
    mask: NDArray[np.bool_],
) -> int:
    first = int(mask.argmax())
    if branch.cues:
        wanted = cues.get(branch.task, -1) + 1
        return wanted if mask[wanted] else first
    p = answers.get(branch.task)
    if p is None:
        return first
    return int(np.where(mask, p, -1.0).argmax())
