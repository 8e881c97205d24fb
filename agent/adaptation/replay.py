"""What a headset has been told: labelled moments, kept for replay and for checking.

Feedback joins by reservoir sampling (Vitter 1985), so that the memory stays a fair sample of all
that was ever told. Of every ``hold`` examples of a class one, drawn by seed, is held back: nothing
is trained on it while it may have to confirm a change of the model. By class and by chance, since
labels come in an order: what is held back every so many labels of a cycle is always the same class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np
from torch import Tensor

from fedxr.agent.inputs.tokens import TokenizedEpisode


@dataclass(frozen=True)
class Remembering:
    """What is kept of a headset's examples: at most ``capacity`` of a task; one of every ``hold``
    of a class is held back, to confirm what is learned from the others."""

    hold: int = 4
    capacity: int = 512

    def __post_init__(self) -> None:
        if self.hold < 2 or self.capacity < 2:
            raise ValueError(
                f"remembering: one of {self.hold} examples held back, capacity {self.capacity}; "
                "take at least 2 of each"
            )


@dataclass(frozen=True)
class Example:
    """A moment with its truth: ``tokens`` hold one ask with its label; ``z`` (Z,) are the fixed
    features of the ridge head."""

    tokens: TokenizedEpisode
    task: str
    label: int
    z: Tensor
    held: bool


@dataclass
class ReplayBuffer:
    """Examples of the headset ``name``, at most ``capacity`` per task, of which one of ``hold`` of
    a class is held back; ``label_counts`` counts all there
    were, ``newest`` is the last of each task, unless it was taken back; ``before`` are the examples
    of earlier visits. Every draw of chance is named by headset, task and count."""

    name: str = ""
    capacity: int = Remembering.capacity
    examples: dict[str, list[Example]] = field(default_factory=dict)
    label_counts: dict[str, Counter[int]] = field(default_factory=dict)
    newest: dict[str, Example] = field(default_factory=dict)
    before: Sequence[Example] = ()
    hold: int = Remembering.hold

    def add(self, tokens: TokenizedEpisode, z: Tensor) -> Example:
        """Remember the last ask of ``tokens``; returns the example. Raises ValueError where
        something is no number: replayed, it would spoil every step."""
        if not (tokens.finite and bool(z.isfinite().all())):
            raise ValueError(
                f"an example of {tokens.queries[-1].task} with numbers that are not finite"
            )
        ask = tokens.queries[-1]
        seen = self.label_counts.setdefault(ask.task, Counter())
        turn, place = divmod(seen[ask.label], self.hold)
        held = int(self._draw(ask.task, ask.label, turn).integers(self.hold)) == place
        seen[ask.label] += 1
        example = Example(tokens, ask.task, ask.label, z, held)
        self.newest[ask.task] = example
        kept = self.examples.setdefault(ask.task, [])
        if len(kept) < self.capacity:
            kept.append(example)
        else:
            total = seen.total()
            place = int(self._draw(ask.task, "reservoir", total).integers(total))
            if place < self.capacity:
                kept[place] = example
        return example

    def _draw(self, *names: object) -> np.random.Generator:
        return np.random.default_rng([crc32(str(n).encode()) for n in (self.name, *names)])

    def forget(self, task: str, key: str, tick: int) -> Example | None:
        """Take the newest example of this visit on that moment out, kept or not; returns it, None
        where there is none."""
        kept, newest = self.examples.get(task, []), self.newest.get(task)
        old = {id(x) for x in self.before}
        recent = [x for x in reversed(kept) if id(x) not in old]
        for example in recent if newest is None else [newest, *recent]:
            if (example.tokens.key, example.tokens.queries[0].tick) == (key, tick):
                kept[:] = [x for x in kept if x is not example]
                if newest is example:
                    del self.newest[task]
                self.label_counts[task][example.label] -= 1
                return example
        return None

    def restore(
        self, examples: dict[str, list[Example]], label_counts: dict[str, Counter[int]]
    ) -> None:
        """What was kept of earlier visits, whose moments nobody can take back: episodes are counted
        anew in each."""
        self.examples, self.label_counts = examples, label_counts
        self.before = [x for kept in examples.values() for x in kept]

    def copy(self) -> ReplayBuffer:
        """The same examples, to put back where learning on from here fails."""
        return replace(
            self,
            examples={task: list(kept) for task, kept in self.examples.items()},
            label_counts={task: Counter(count) for task, count in self.label_counts.items()},
            newest=dict(self.newest),
        )

    def of(self, tasks: Sequence[str]) -> list[Example]:
        """All examples on ``tasks``, by task name and age."""
        return [x for task in sorted(tasks) for x in self.examples.get(task, ())]

    def count(self, task: str) -> int:
        return self.label_counts.get(task, Counter()).total()

    def per_class(self, tasks: Sequence[str]) -> float:
        """Labels a class, over all classes of ``tasks`` that were told."""
        label_counts = [
            n for task in tasks for n in self.label_counts.get(task, Counter()).values() if n > 0
        ]
        return sum(label_counts) / max(1, len(label_counts))


Split = tuple[list[Example], list[Example]]
"""Examples to train on, and others to check on."""


def splits(examples: Sequence[Example]) -> list[Split]:
    """How ``examples`` can confirm what is learned from them.

    One split by what is held back, where each class shown has an example on both sides; else two
    folds, each class dealt out between them in turn. None where not even that leaves something on
    both sides: then nothing can be checked.
    """
    train = [x for x in examples if not x.held]
    check = [x for x in examples if x.held]
    classes = {(x.task, x.label) for x in examples}
    if classes and all({(x.task, x.label) for x in side} == classes for side in (train, check)):
        return [(train, check)]
    folds: Split = ([], [])
    dealt = Counter[tuple[str, int]]()
    for x in examples:
        # The second class starts on the other side, so that single examples do not all gather.
        folds[(dealt[x.task, x.label] + x.label) % 2].append(x)
        dealt[x.task, x.label] += 1
    one, two = folds
    return [(one, two), (two, one)] if one and two else []
