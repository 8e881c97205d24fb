"""What learning hands to answering: what has changed, by row, whole.

Learning and answering each have a cohort of their own, in one process or in two; between them go
examples one way and a :class:`WeightUpdate` the other.

Shape legend: P numbers of theta, Z features, C classes, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import EXPERTS, GENERIC


@dataclass(frozen=True)
class WeightUpdate:
    """What has changed: ``theta[row]`` (P,), and by (row, task) how far each expert is believed,
    ``trust`` (E,), and the ridge head (Z, C) of each that is, but for the generic one, which
    everybody has; an expert without an entry answers with that. ``newest`` is the label learned
    last, by (row, task), of all that have learned one. ``failed`` says of whose nothing is handed
    on, and why: it is no number, or could not be reckoned."""

    theta: Mapping[int, Tensor]
    trust: Mapping[tuple[int, str], Tensor]
    weights: Mapping[tuple[int, str], Mapping[int, Tensor]]
    newest: Mapping[tuple[int, str], int] = field(default_factory=dict)
    failed: Mapping[int, str] = field(default_factory=dict)


_Told = tuple[Tensor, dict[int, Tensor]]
"""Trust in the experts, and the ridge heads of those that are believed."""


class Changes:
    """What of a cohort has changed since last asked; at first, since nobody had learned
    anything."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self._theta: dict[int, Tensor] = {}
        self._told: dict[tuple[int, str], _Told] = {}

    def take(self) -> WeightUpdate:
        """The changes; ridge heads are solved where their sums changed."""
        theta, start = self.cohort.stack.theta, self.cohort.start[0]
        moved = {
            row: mine.clone()
            for row, mine in enumerate(theta)
            if not torch.equal(mine, self._theta.get(row, start))
        }
        self._theta = {r: x for r, x in self._theta.items() if r < len(theta)} | moved
        failed = {row: "its adapters are no numbers" for row, x in moved.items() if not _finite(x)}
        now: dict[tuple[int, str], _Told] = {}
        changed: dict[tuple[int, str], _Told] = {}
        for row, state in enumerate(self.cohort.headsets):
            try:
                mine = {(row, task): self._now(row, task) for task in state.identity.tasks}
                fresh = {k: told for k, told in mine.items() if not _same(told, self._told.get(k))}
                if not all(
                    _finite(x) for trust, heads in fresh.values() for x in (trust, *heads.values())
                ):
                    raise ArithmeticError("no numbers")
            except Exception as error:  # noqa: BLE001 - named; the others' is handed on
                failed[row] = f"its ridge heads: {type(error).__name__}: {error}"
                continue
            now |= mine
            changed |= fresh
        self._told = now
        return WeightUpdate(
            {row: x for row, x in moved.items() if row not in failed},
            {key: trust for key, (trust, _) in changed.items()},
            {key: weights for key, (_, weights) in changed.items()},
            {
                (r, t): n
                for r, t in now
                if (n := self.cohort.headsets[r].expert_weights[t].label) >= 0
            },
            failed,
        )

    def _now(self, row: int, task: str) -> _Told:
        trust = self.cohort.trust(row, task)
        believed = [e for e in range(GENERIC + 1, len(EXPERTS)) if trust[e] > 0]
        return trust, {e: self.cohort.headsets[row].head(task, e) for e in believed}


def _finite(x: Tensor) -> bool:
    return bool(torch.isfinite(x).all())


def _same(a: _Told, b: _Told | None) -> bool:
    # A ridge head is kept as the same object until its sums change.
    return (
        b is not None
        and torch.equal(a[0], b[0])
        and a[1].keys() == b[1].keys()
        and all(a[1][e] is b[1][e] for e in a[1])
    )
