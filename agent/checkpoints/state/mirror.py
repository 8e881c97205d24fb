"""What the file holds of a headset that is here, so that only what has changed is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import Crowd
from fedxr.agent.adaptation.own_sums import OwnSums
from fedxr.agent.adaptation.replay import Example
from fedxr.agent.checkpoints.state.format import HeadsetState, example_key
from fedxr.agent.checkpoints.state.records import PackedHead, PackedTask, PackedTrust
from fedxr.agent.tasks import task_named

Part = np.ndarray | Tensor | OwnSums | Crowd | Example | PackedTask
"""What is stored under one key, before it is packed."""


def has_learned(cohort: Cohort, row: int) -> bool:
    """Whether headset ``row`` was told anything that still counts. What the others brought it is
    not its own, and comes again with the next round."""
    return any(
        count > 0
        for counts in cohort.headsets[row].replay.label_counts.values()
        for count in counts.values()
    )


def label_counts(cohort: Cohort, row: int) -> dict[str, dict[int, int]]:
    """Labels by task and class."""
    return {task: dict(count) for task, count in cohort.headsets[row].replay.label_counts.items()}


@dataclass
class Mirror:
    """``parts`` are stored under their keys in file number ``file``, with ``head`` (as if saved at
    0); ``gone`` is stored there and means nothing any more; ``carried`` is of tasks that are not
    asked now, packed, and not in the file yet. ``fresh``: what else the file may hold under that
    name is not this headset's; ``lent`` are the labels that were told another device of its
    user's."""

    checkpoint: str
    file: int
    fresh: bool
    head: PackedHead | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    carried: dict[str, bytes] = field(default_factory=dict)
    lent: dict[str, dict[int, int]] = field(default_factory=dict)
    odd: bool = False
    _replayed: dict[str, tuple[list[Example], OwnSums]] = field(default_factory=dict)
    _uncounted: dict[str, OwnSums] = field(default_factory=dict)

    def now(
        self, cohort: Cohort, row: int, extra: Mapping[str, float]
    ) -> tuple[PackedHead, dict[str, Part]]:
        """All that is to be stored of headset ``row``; nothing of what is as at the start. Raises
        DamagedError where it could not be loaded again."""
        parts: dict[str, Part] = {}
        theta, adam = cohort.stack.theta[row], cohort.adam
        if not torch.equal(theta, cohort.start[0]):
            parts["theta"] = theta
        if bool(adam.first[row].any()) or bool(adam.second[row].any()):
            parts |= {"first": adam.first[row], "second": adam.second[row]}
        arrays = list(parts)
        moments = dict(cohort.headsets[row].normalizer.own)  # may be counted into meanwhile
        parts |= {f"normal|{key}": np.stack((m.total, m.square)) for key, m in moments.items()}
        for task in cohort.headsets[row].identity.tasks:
            if cohort.headsets[row].replay.label_counts.get(task):
                parts |= self._task(cohort, row, task)
        head = PackedHead(
            0.0,
            float(adam.steps[row]),
            float(adam.draws[row]),
            {key: m.n for key, m in moments.items()},
            arrays,
            dict(extra),
        )
        return head, parts

    def _task(self, cohort: Cohort, row: int, task: str) -> dict[str, Part]:
        memory, own = cohort.headsets[row].replay, cohort.headsets[row].personal.get(task)
        federated, examples = (
            cohort.headsets[row].federated.get(task),
            memory.examples.get(task, []),
        )
        parts: dict[str, Part] = {example_key(task, i): x for i, x in enumerate(examples)}
        again = own is not None and self._is_counted(task, examples, own)
        if own is not None and not again:
            parts[f"own|{task}"] = own
        if federated is not None:
            parts[f"crowd|{task}"] = federated
        sums = [kind for kind in ("own", "crowd") if f"{kind}|{task}" in parts]
        trust = PackedTrust.of(cohort.headsets[row].expert_weights[task])
        packed = PackedTask(trust, dict(memory.label_counts[task]), len(examples), sums, again)
        packed.check(len(task_named(task).classes), memory.capacity)
        parts[f"task|{task}"] = packed
        return parts

    def _is_counted(self, task: str, examples: list[Example], own: OwnSums) -> bool:
        """Whether ``own`` is, bit for bit, what ``examples`` give when counted one by one."""
        if self._uncounted.get(task) is own:
            return False
        before, known = self._replayed.get(task, ([], None))
        if known is not own or len(before) != len(examples):
            new = examples[len(before) :]
            kept = len(before) <= len(examples)
            if not kept or any(a is not b for a, b in zip(before, examples, strict=False)):
                known, new = None, examples
            told = ((x.z, x.label) for x in new)
            if not all(bool(x.z.isfinite().all()) for x in new) or not own.same(
                OwnSums.counted(told, own.classes, known)
            ):
                self._replayed.pop(task, None)
                self._uncounted[task] = own
                return False
        self._replayed[task] = (list(examples), own)
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

    def loaded(self, cohort: Cohort, row: int, state: HeadsetState, used: set[str]) -> None:
        """The file holds, under the keys ``used``, the ``state`` that ``row`` was given."""
        for task, one in state.tasks.items():
            if one.own is not None and one.packed.counted:
                self._replayed[task] = (list(one.examples), one.own)
        head, parts = self.now(cohort, row, state.extra)
        self.head = head if used <= parts.keys() else None
        self.parts = {key: _kept(x) for key, x in parts.items() if key in used}
        self.gone |= used - parts.keys()
        for task, one in state.tasks.items():
            if parts.get(f"task|{task}") != one.packed:
                self.parts.pop(f"task|{task}", None)


def _kept(part: Part) -> Part:
    """A copy of what is changed in place; sums and examples are replaced whole."""
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
