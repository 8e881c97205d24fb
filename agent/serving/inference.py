"""Answering live: H headsets, tick by tick, in one pass; and from late feedback back to examples.

One tick: each headset's samples become emissions, standardised by what is known of its user; every
task of every headset is asked; one forward answers all whose caches are of one size
(:mod:`fedxr.agent.serving.size_classes`), once as the checkpoint does, and a second time, in the
same pass, for headsets whose adapters have earned weight (their *twins*, with rings of their own).
The answer is the mixture of the experts (:mod:`fedxr.agent.adaptation.experts`). What answers are
computed with is a :class:`ServingWeights`, made by whoever learns and taken up whole between ticks,
so that answers never wait for learning.

What is one headset's alone, its stream and its normaliser, stands in
:mod:`fedxr.agent.serving.serving_state`.

Shape legend: P numbers of theta, Q tasks of a headset, C classes, Z features, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.adaptation.experts import ADAPTED, EXPERTS, GENERIC, Mixing, mixed
from fedxr.agent.adaptation.headset_state import VACANT, HeadsetIdentity
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedQuery
from fedxr.agent.model.backbone import Adapters
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.kv_cache import tick_batch
from fedxr.agent.serving.serving_state import ServingState
from fedxr.agent.serving.size_classes import Seat, SizeClass, SizeClasses
from fedxr.agent.serving.weight_update import WeightUpdate
from fedxr.bridge.channels import Samples

Probabilities = NDArray[np.float32]

Adapted = tuple[list[Adapters], Mapping[str, Tensor]]
"""Adapters and heads of the seats of a pass; empty where the checkpoint alone answers."""


@dataclass(frozen=True)
class ServingWeights:
    """What answers are computed with; ``version`` counts. ``theta`` (P,) are the adapters of the
    rows that have trained some, ``twins`` the rows whose adapters answer too, and ``adapted`` what
    those come to for the seats that share a pass. By (row, task): ``trust`` (E,), the ridge heads
    of the experts side by side, ``weights`` (E, Z, C), and the label that was learned last,
    ``newest``. ``failed`` is as in :class:`fedxr.agent.serving.weight_update.WeightUpdate`."""

    version: int
    twins: tuple[int, ...]
    adapted: Mapping[tuple[Seat, ...], Adapted]
    theta: Mapping[int, Tensor]
    trust: Mapping[tuple[int, str], Tensor]
    weights: Mapping[tuple[int, str], Tensor]
    newest: Mapping[tuple[int, str], int] = field(default_factory=dict)
    failed: Mapping[int, str] = field(default_factory=dict)


class InferenceEngine:
    """The live side of H headsets: it answers once it has adopted what was learned. Not
    thread-safe, but for :meth:`prepare`, which may run in one thread while the others run in
    another.

    Of the last tick, ``used`` is what it was answered with, and ``generic`` what the checkpoint
    alone would have answered (best class by row and task)."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        members: Sequence[HeadsetIdentity] = (),
        tuning: Tuning | None = None,
        mixing: Mixing | None = None,
        freshest: int = 3,
    ) -> None:
        self.checkpoint, self.freshest = checkpoint, freshest
        self.headsets: list[ServingState] = []
        self.caches = SizeClasses(checkpoint.model, torch.float32)
        self.prepared = self.used = ServingWeights(-1, (), {}, {}, {}, {})
        self.generic: dict[int, dict[str, int]] = {}
        self._head = (mixing or Mixing()).head
        self._adapters = AdapterStack(checkpoint.model, 0, tuning or Tuning())
        (self._start,) = self._adapters.start(1)
        self._late: dict[tuple[Seat, ...], Adapted] = {}
        self._late_for = -1
        for row, identity in enumerate(members):
            self.add(row, identity)

    def add(self, row: int, identity: HeadsetIdentity) -> None:
        """Row ``row`` is ``identity``'s, of whom nothing is known; the others keep what they have
        seen, and nobody has those between the last and a new one."""
        while row > len(self.headsets):
            self.add(len(self.headsets), VACANT)
        self.headsets[row : row + 1] = [ServingState(identity, self.checkpoint, self.freshest, row)]
        self.caches.reseat(row, identity.channels)

    def remove(self, row: int) -> bool:
        """Nobody has ``row`` any more. Whether the last half of all rows was nobody's, and its
        memory is free."""
        self.add(row, VACANT)
        there = (r + 1 for r, one in enumerate(self.headsets) if one.identity is not VACANT)
        used = max(there, default=0)
        if 2 * used > len(self.headsets):
            return False
        del self.headsets[used:]
        return True

    # -- what answers are computed with ----------------------------------------------------------

    def prepare(self, learned: WeightUpdate) -> ServingWeights:
        """Everything that was learned so far, ready to answer with."""
        before, headsets = self.prepared, self.headsets
        asked = {(row, task) for row, h in enumerate(headsets) for task in h.identity.tasks}
        trust = {k: t for k, t in {**before.trust, **learned.trust}.items() if k in asked}
        weights = {k: w for k, w in before.weights.items() if k in asked}
        for (row, task), found in learned.weights.items():
            if (row, task) in asked:  # or it has left
                generic = self.checkpoint.generic[task]
                heads = [found.get(e, generic) for e in range(len(EXPERTS))]
                weights[row, task] = torch.stack(heads)
        twins = tuple(sorted({row for (row, _), t in trust.items() if t[ADAPTED] > 0}))
        theta = {**before.theta, **learned.theta}
        theta = {row: x for row, x in theta.items() if row < len(headsets)}
        same = twins == before.twins
        same = same and all(theta.get(row) is before.theta.get(row) for row in twins)
        known = before.adapted if same else {}
        adapted = {}
        for seats in [tuple(found.seats) for found in self.caches]:
            adapted[seats] = known[seats] if seats in known else self._adapted(seats, theta)
        version, newest = before.version + 1, learned.newest
        return ServingWeights(
            version, twins, adapted, theta, trust, weights, newest, learned.failed
        )

    def _adapted(self, seats: Sequence[Seat], theta: Mapping[int, Tensor]) -> Adapted:
        """Of ``seats``, whose twins have learned ``theta``."""
        if not any(twin for _, twin in seats):
            return [], {}
        adapters, start = self._adapters, self._start
        with torch.no_grad():
            rows = [theta.get(row, start) if twin else start for row, twin in seats]
            leaves = adapters.leaves(torch.stack(rows), ())
            return adapters.adapters(leaves), adapters.heads(leaves)

    def swap(self, prepared: ServingWeights) -> None:
        """Answer with what was learned, from the next tick on."""
        self.prepared = prepared

    # -- one tick --------------------------------------------------------------------------------

    def push(self, row: int, episode: int, samples: Mapping[str, Samples]) -> None:
        """What headset ``row`` sent; times count from the start of ``episode``, which only grows:
        with a new one its context starts anew."""
        if self.headsets[row].push(episode, samples):
            self.caches.clear(row)

    def tick(
        self, due: Mapping[int, int], failed: dict[int, Exception] | None = None
    ) -> dict[int, dict[str, Probabilities]]:
        """Close tick ``due[row]`` of each headset in ``due``; probabilities (C,) of all its tasks.
        A headset may skip ticks: what they emitted is read, its tasks are asked at the last.

        Where one headset's part raises, the error is put into ``failed`` and the others are
        answered; without ``failed`` it is raised."""
        rows = range(len(self.headsets))
        token_features: list[list[TokenFeatures]] = [[] for _ in rows]
        queries: list[list[TokenizedQuery]] = [[] for _ in rows]
        for row, tick in due.items():
            try:
                token_features[row], queries[row] = self.headsets[row].close(tick)
            except Exception as error:
                if failed is None:
                    raise
                failed[row] = error
        self.generic = {row: {} for row in due}
        self.used = prepared = self.prepared
        if not any(queries) and not any(token_features):
            return {row: {} for row in due if row not in (failed or ())}
        fine = [row for row in due if row not in (failed or ())]
        for row in fine:
            self.caches.open(row)
        self.caches.twin(prepared.twins)
        out: dict[int, dict[str, Probabilities]] = {}
        with torch.inference_mode():
            for found in self.caches:
                its = {row for row, _ in found.seats}
                here = [row for row in fine if row in its]
                if here:
                    out.update(self._together(found, here, token_features, queries, failed))
        return out

    def _together(
        self,
        found: SizeClass,
        due: Sequence[int],
        token_features: Sequence[Sequence[TokenFeatures]],
        queries: Sequence[list[TokenizedQuery]],
        failed: dict[int, Exception] | None,
    ) -> dict[int, dict[str, Probabilities]]:
        """One pass for the headsets ``due`` of a size class; where it fails, one for each half of
        them, until it is known over whom."""
        if failed is None:
            return self._pass(found, due, token_features, queries)
        marks = found.cache.marks()
        try:
            return self._pass(found, due, token_features, queries)
        except Exception as error:  # noqa: BLE001 - named, and told by the caller
            found.cache.put_back(marks)
            if len(due) == 1:
                failed[due[0]] = error
                return {}
        half = len(due) // 2
        first = self._together(found, due[:half], token_features, queries, failed)
        return {**first, **self._together(found, due[half:], token_features, queries, failed)}

    def _pass(
        self,
        found: SizeClass,
        due: Sequence[int],
        token_features: Sequence[Sequence[TokenFeatures]],
        queries: Sequence[list[TokenizedQuery]],
    ) -> dict[int, dict[str, Probabilities]]:
        """One pass of headsets whose caches are of one size class."""
        seats, model, its = tuple(found.seats), self.checkpoint.model, set(due)
        prepared = self.used
        adapted = prepared.adapted.get(seats) or self._adapted_late(seats, prepared)
        new = [token_features[row] if row in its else () for row, _ in seats]
        asked = [queries[row] if row in its else () for row, _ in seats]
        batch = tick_batch(model, new, asked)
        context = found.cache.open(batch)
        answers = model(batch, self._adapters.layers, *adapted, context=context)
        logits = {task: x.cpu() for task, x in answers.logits.items()}
        places = {seat: i for i, seat in enumerate(seats)}
        return {
            row: self._read(logits, row, places, queries[row], prepared)
            for row, twin in seats
            if row in its and not twin
        }

    def _adapted_late(self, seats: tuple[Seat, ...], prepared: ServingWeights) -> Adapted:
        """Where somebody came or went since that was prepared."""
        if self._late_for != prepared.version:
            self._late, self._late_for = {}, prepared.version
        if seats not in self._late:
            self._late[seats] = self._adapted(seats, prepared.theta)
        return self._late[seats]

    def wipe(self, row: int) -> None:
        """Headset ``row`` has answers that are no numbers: what may carry them on is forgotten, its
        cache and summaries, and moments that are none. What it has learned stays."""
        self.caches.wipe(row)
        self.headsets[row].wipe()

    def _read(
        self,
        answers: Mapping[str, Tensor],
        row: int,
        places: Mapping[Seat, int],
        queries: list[TokenizedQuery],
        now: ServingWeights,
    ) -> dict[str, Probabilities]:
        out, head = {}, self._head
        plain = places[row, False]
        twin = places.get((row, True), plain)
        for i, ask in enumerate(queries):
            summary = self.headsets[row].summaries[ask.task]
            if summary.version != now.version:
                summary.version = now.version
                summary.scores = summary.z @ now.weights[row, ask.task]
            own = answers[ask.task][[plain] * ADAPTED + [twin], i]
            said = torch.log_softmax(head * own + summary.scores, -1)
            out[ask.task] = mixed(said[:, None], now.trust[row, ask.task])[0].numpy()
            self.generic[row][ask.task] = int(said[GENERIC].argmax())
        return out
