"""What the file holds of a headset that is here, so that only what has changed is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agent.analytic import Sums
from agent.fleet import Fleet
from agent.headset import AGAIN
from agent.memory import Lesson
from agent.state.format import HeadsetState, lesson_key
from agent.state.records import PackedHead, PackedTask, PackedTrust
from agent.tasks import task_named

Part = np.ndarray | Tensor | Sums | Lesson | PackedTask
"""What is stored under one key, before it is packed."""


def has_learned(fleet: Fleet, row: int) -> bool:
    """Whether headset ``row`` was told anything that still counts. What the others brought it is
    not its own, and comes again with the next round."""
    return any(
        count > 0 for told in fleet.headsets[row].replay.told.values() for count in told.values()
    )


def told(fleet: Fleet, row: int) -> dict[str, dict[int, int]]:
    """Labels by task and class."""
    return {task: dict(count) for task, count in fleet.headsets[row].replay.told.items()}


@dataclass
class Mirror:
    """``parts`` are stored under their keys in file number ``file``, with ``head`` (as if saved at
    0); ``gone`` is stored there and means nothing any more; ``carried`` is of tasks that are not
    asked now, packed, and not in the file yet. ``fresh``: what else the file may hold under that
    name is not this headset's; ``lent`` are the labels that were told another device of its
    user's."""

    brain: str
    file: int
    fresh: bool
    head: PackedHead | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    carried: dict[str, bytes] = field(default_factory=dict)
    lent: dict[str, dict[int, int]] = field(default_factory=dict)
    odd: bool = False
    _replayed: dict[str, tuple[list[Lesson], Sums]] = field(default_factory=dict)
    _uncounted: dict[str, Sums] = field(default_factory=dict)

    def now(
        self, fleet: Fleet, row: int, extra: Mapping[str, float]
    ) -> tuple[PackedHead, dict[str, Part]]:
        """All that is to be stored of headset ``row``; nothing of what is as at the start. Raises
        DamagedError where it could not be loaded again."""
        parts: dict[str, Part] = {}
        theta, momentum = fleet.cohort.theta[row], fleet.momentum
        if not torch.equal(theta, fleet.start[0]):
            parts["theta"] = theta
        if bool(momentum.first[row].any()) or bool(momentum.second[row].any()):
            parts |= {"first": momentum.first[row], "second": momentum.second[row]}
        arrays = list(parts)
        moments = dict(fleet.headsets[row].normalizer.own)  # may be counted into meanwhile
        parts |= {f"normal|{key}": np.stack((m.total, m.square)) for key, m in moments.items()}
        for task in fleet.headsets[row].member.tasks:
            if fleet.headsets[row].replay.told.get(task):
                parts |= self._task(fleet, row, task)
        head = PackedHead(
            0.0,
            float(momentum.steps[row]),
            float(momentum.draws[row]),
            {key: m.n for key, m in moments.items()},
            arrays,
            dict(extra),
        )
        return head, parts

    def _task(self, fleet: Fleet, row: int, task: str) -> dict[str, Part]:
        memory, own = fleet.headsets[row].replay, fleet.headsets[row].personal.get(task)
        crowd, lessons = fleet.headsets[row].federated.get(task), memory.lessons.get(task, [])
        parts: dict[str, Part] = {lesson_key(task, i): x for i, x in enumerate(lessons)}
        again = own is not None and self._is_counted(task, lessons, own)
        if own is not None and not again:
            parts[f"own|{task}"] = own
        if crowd is not None:
            parts[f"crowd|{task}"] = crowd
        sums = [kind for kind in ("own", "crowd") if f"{kind}|{task}" in parts]
        trust = PackedTrust.of(fleet.headsets[row].trusts[task])
        packed = PackedTask(trust, dict(memory.told[task]), len(lessons), sums, again)
        packed.check(len(task_named(task).classes), memory.capacity)
        parts[f"task|{task}"] = packed
        return parts

    def _is_counted(self, task: str, lessons: list[Lesson], own: Sums) -> bool:
        """Whether ``own`` is, bit for bit, what ``lessons`` give when counted one by one."""
        if self._uncounted.get(task) is own:
            return False
        before, start = self._replayed.get(task, ([], None))
        if len(before) > len(lessons) or any(
            a is not b for a, b in zip(before, lessons, strict=False)
        ):
            before, start = [], None
        if start is not own or len(before) < len(lessons):
            found, new = None, lessons[len(before) :]
            few = start is not None or len(lessons) <= AGAIN
            if few and all(bool(x.z.isfinite().all()) for x in new):
                found = Sums.counted(((x.z, x.label) for x in new), len(own.n), start)
            if found is None or not _same_sums(found, own):
                self._replayed.pop(task, None)
                self._uncounted[task] = own
                return False
        self._replayed[task] = (list(lessons), own)
        return True

    def changed(self, parts: Mapping[str, Part]) -> dict[str, Part]:
        """Those that are not stored as they are."""
        return {k: x for k, x in parts.items() if not _same(x, self.parts.get(k))}

    def wrote(
        self, head: PackedHead, parts: Mapping[str, Part], changed: Mapping[str, Part]
    ) -> None:
        """The file holds them now."""
        self.head, self.fresh, self.odd = head, False, False
        self.parts = {k: _kept(x) if k in changed else self.parts[k] for k, x in parts.items()}
        self.gone.clear()
        self.carried.clear()

    def loaded(self, fleet: Fleet, row: int, state: HeadsetState, used: set[str]) -> None:
        """The file holds, under the keys ``used``, the ``state`` that ``row`` was given."""
        for task, one in state.tasks.items():
            if one.own is not None and one.packed.counted:
                self._replayed[task] = (list(one.lessons), one.own)
        head, parts = self.now(fleet, row, state.extra)
        self.head = head if used <= parts.keys() else None
        self.parts = {key: _kept(x) for key, x in parts.items() if key in used}
        self.gone |= used - parts.keys()
        for task, one in state.tasks.items():
            if parts.get(f"task|{task}") != one.packed:
                self.parts.pop(f"task|{task}", None)


def _kept(part: Part) -> Part:
    """A copy of what is changed in place; sums and lessons are replaced whole."""
    if isinstance(part, Tensor):
        return part.clone()
    return part.copy() if isinstance(part, np.ndarray) else part


def _same(a: Part, b: Part | None) -> bool:
    # Comparing is twenty times as fast as packing or hashing, and most has not changed.
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.array_equal(a, b)
    return a == b if isinstance(a, PackedTask) else a is b


def _same_sums(a: Sums, b: Sums) -> bool:
    return torch.equal(a.a, b.a) and torch.equal(a.b, b.b) and torch.equal(a.n, b.n)
