"""What is stored of one headset, as bytes by key, and the checks that it must pass to be loaded.

====================== ==========================================================================
``theta``              (P,) adapters and heads; ``first`` and ``second`` (P,) are Adam's moments
``normal|KEY``         (2, size) sum and sum of squares of what was standardised under KEY
``task|TASK``          what the experts have earned, counts of feedback, which sums there are
``own|TASK``           the user's sums, flattened; ``federated|TASK`` those of others
``example|TASK|PLACE``  one labelled moment
====================== ==========================================================================

What is as at the start is not stored, nor are sums that the examples give when they are counted
again one by one (bit for bit the same). Everything that belongs to a task is read only while the
task is asked, and so waits, untouched, until it is asked again.

Shape legend: P numbers of theta, Z features, C classes, E experts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import Crowd
from fedxr.agent.adaptation.own_sums import OwnSums
from fedxr.agent.adaptation.replay import Example
from fedxr.agent.checkpoints.state.errors import DamagedError
from fedxr.agent.checkpoints.state.example import Array, PackedExample
from fedxr.agent.checkpoints.state.records import MANY, PackedHead, PackedTask, PackedTrust
from fedxr.agent.inputs.normalization import RunningStats
from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats, flatten, unflatten
from fedxr.agent.tasks import task_named
from fedxr.federation.pieces import Others

STEEP = 1e4
"""No weight, gradient or square of one that is learned comes near it."""


@dataclass
class TaskState:
    """What was learned of one task."""

    trust: PackedTrust
    told: Counter[int]
    examples: list[Example]
    own: OwnSums | None
    federated: RidgeStats | None
    packed: PackedTask


@dataclass
class HeadsetState:
    """A checked state, ready to be put into a cohort."""

    saved: float
    extra: dict[str, float]
    steps: float
    draws: float
    theta: Tensor | None
    first: Tensor | None
    second: Tensor | None
    normal: dict[str, RunningStats]
    tasks: dict[str, TaskState] = field(default_factory=dict)

    def put(self, cohort: Cohort, row: int) -> None:
        """Headset ``row``, who knew nothing, knows this."""
        adam = cohort.adam
        for mine, found in (
            (cohort.stack.theta, self.theta),
            (adam.first, self.first),
            (adam.second, self.second),
        ):
            if found is not None:
                mine[row] = found
        adam.steps[row], adam.draws[row] = self.steps, self.draws
        cohort.headsets[row].normalizer.own = self.normal
        for task, state in self.tasks.items():
            state.trust.put(cohort.headsets[row].expert_weights[task])
            if state.own is not None:
                cohort.headsets[row].personal[task] = state.own
            if state.federated is not None:
                cohort.headsets[row].federated[task] = Others(state.federated)
        cohort.headsets[row].replay.restore(
            {task: state.examples for task, state in self.tasks.items()},
            {task: state.told for task, state in self.tasks.items()},
        )


def task_of(key: str) -> str | None:
    """The task that what is stored under ``key`` belongs to; None: it is read for any."""
    kind, _, rest = key.partition("|")
    return rest.partition("|")[0] if kind in ("task", "own", "crowd", "lesson") else None


def is_asked(key: str, tasks: Collection[str]) -> bool:
    """Whether what is stored under ``key`` is read for a headset that is asked ``tasks``."""
    task = task_of(key)
    return task is None or task in tasks


def example_key(task: str, place: int) -> str:
    return f"lesson|{task}|{place:04d}"


def unpack_state(
    cohort: Cohort, row: int, head: bytes, stored: Mapping[str, bytes]
) -> tuple[HeadsetState, set[str]]:
    """The state of headset ``row`` from what is ``stored`` of its tasks, and the keys that it is
    made of.

    Raises DamagedError for anything that :mod:`fedxr.agent.checkpoints.state` cannot have saved
    with this model."""
    try:
        return _Unpacking(cohort, row, stored).state(head)
    except DamagedError:
        raise
    except KeyError as error:
        raise DamagedError(f"{error.args[0]} is missing") from None
    except (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError) as error:
        raise DamagedError(str(error)) from error  # msgspec's errors among them


class _Unpacking:
    def __init__(self, cohort: Cohort, row: int, stored: Mapping[str, bytes]) -> None:
        self.cohort, self.row, self.stored = cohort, row, stored
        self.size = cohort.stack.theta.shape[1]
        self.used: set[str] = set()

    def state(self, packed: bytes) -> tuple[HeadsetState, set[str]]:
        head = msgspec.msgpack.decode(packed, type=PackedHead)
        counts = (head.saved, head.steps, head.draws, *head.normal.values())
        if not all(0 <= n <= MANY for n in counts) or not all(
            map(math.isfinite, head.extra.values())
        ):
            raise DamagedError("counts that are negative or not finite")
        if unknown := set(head.arrays) - {"theta", "first", "second"}:
            raise DamagedError(f"arrays {sorted(unknown)[:8]}")
        theta, first, second = (
            self._row(name) if name in head.arrays else None
            for name in ("theta", "first", "second")
        )
        if second is not None and bool((second < 0).any()):
            raise DamagedError("second moments below 0")
        normal = {key: self._moments(key, n) for key, n in head.normal.items()}
        state = HeadsetState(
            head.saved, head.extra, head.steps, head.draws, theta, first, second, normal
        )
        for task in self.cohort.headsets[self.row].identity.tasks:
            if f"task|{task}" in self.stored:
                state.tasks[task] = self._task(task)
            elif any(task_of(key) == task for key in self.stored):
                raise DamagedError(f"task|{task} is missing")
        return state, self.used

    def _take(self, key: str) -> bytes:
        self.used.add(key)
        return self.stored[key]

    def _numbers(self, key: str, shape: tuple[int, ...]) -> Tensor:
        packed = msgspec.msgpack.decode(self._take(key), type=Array)
        return torch.from_numpy(packed.get(key, "<f4", shape))

    def _row(self, key: str) -> Tensor:
        found = self._numbers(key, (self.size,))
        _check_row(key, found)
        return found

    def _moments(self, key: str, n: float) -> RunningStats:
        packed = msgspec.msgpack.decode(self._take(f"normal|{key}"), type=Array)
        size = self._vector_size(key)
        if size is None:
            size = packed.shape[-1] if len(packed.shape) == 2 else 0
        total, square = packed.get(key, "<f8", (2, size))
        if (square < 0).any():
            raise DamagedError(f"{key}: squares below 0")
        return RunningStats(n, total, square)

    def _vector_size(self, key: str) -> int | None:
        """Numbers standardised under ``key`` (:mod:`fedxr.agent.inputs.normalization`), where this
        model reads them."""
        layouts = self.cohort.checkpoint.model.plan.layouts
        _, bar, layout = key.rpartition("|")
        shape = layouts.get(layout)
        return None if shape is None else shape.summary if bar else shape.size

    def _task(self, task: str) -> TaskState:
        classes, memory = len(task_named(task).classes), self.cohort.headsets[self.row].replay
        packed = msgspec.msgpack.decode(self._take(f"task|{task}"), type=PackedTask)
        packed.check(classes, memory.capacity)
        layouts = self.cohort.checkpoint.model.plan.layouts
        examples = []
        for place in range(packed.examples):
            stored = self._take(example_key(task, place))
            example = msgspec.msgpack.decode(stored, type=PackedExample)
            examples.append(example.get(task, classes, layouts))
        own = None
        if "own" in packed.sums:
            own = OwnSums(classes, (), self._sums("own", task, classes))
        if packed.counted:
            own = OwnSums.counted(((x.z, x.label) for x in examples), classes)
        mine = own.sums if own is not None and "crowd" in packed.sums else None
        federated = self._sums("crowd", task, classes, mine) if "crowd" in packed.sums else None
        return TaskState(packed.trust, Counter(packed.told), examples, own, federated, packed)

    def _sums(
        self, kind: str, task: str, classes: int, less: RidgeStats | None = None
    ) -> RidgeStats | None:
        """Others' sums are a total ``less`` one's own, as exact as neighbours have agreed: where
        not even that total can be one, there are none until the next round."""
        size = FEATURES * (FEATURES + 1) // 2 + (FEATURES + 1) * classes
        sums = unflatten(self._numbers(f"{kind}|{task}", (size,)), FEATURES, classes)
        if _are_sums(sums if less is None else sums.plus(less)):
            return sums
        if kind == "own":
            raise DamagedError(f"own|{task} are sums of no features")
        return None


def _are_sums(sums: RidgeStats) -> bool:
    """Whether some features and labels can have given them, but for rounding."""
    a = sums.a.double()
    level = a.diagonal().mean().clamp_min(1e-6)
    _, failed = torch.linalg.cholesky_ex(a + 0.01 * level * torch.eye(len(a), dtype=a.dtype))
    return not bool(failed) and bool((sums.n > -1e-3 * (1 + sums.n.abs().max())).all())


def _check_row(key: str, row: Tensor) -> None:
    most = float(row.abs().max())
    if not most <= STEEP:
        raise DamagedError(f"{key}: numbers up to {most:.3g}")


def pack(part: np.ndarray | Tensor | OwnSums | Crowd | Example | PackedTask) -> bytes:
    """What is stored of ``part``. Raises DamagedError where it could not be loaded again."""
    if isinstance(part, PackedTask):
        return msgspec.msgpack.encode(part)
    if isinstance(part, Example):
        return msgspec.msgpack.encode(PackedExample.of(part))
    if isinstance(part, OwnSums | Others):
        return msgspec.msgpack.encode(Array.of(flatten(part.sums).numpy()))
    if isinstance(part, Tensor):
        _check_row("what is learned", part)
        part = part.numpy()
    return msgspec.msgpack.encode(Array.of(part))
