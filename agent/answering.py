"""Answering live: H headsets, tick by tick, in one pass; and from late feedback back to lessons.

One tick: each headset's samples become emissions, standardised by what is known of its user; every
task of every headset is asked; one forward answers all whose caches are of one size
(:mod:`agent.size_classes`), once as the checkpoint does, and a second time, in the same pass, for
headsets whose adapters have earned weight (their *twins*, with rings of their own). The answer is
the mixture of the experts (:mod:`agent.experts`). What answers are computed with is a
:class:`Prepared`, made by whoever learns and taken up whole between ticks, so that answers never
wait for learning.

Summaries are dear (gaze, audio and hands 1 to 7 ms), so between two of them a task is answered
with the last one: it is renewed when it is as old as the task's deadline, but no more often than
every ``freshest`` ticks and no less often than every ``STALEST``; headsets take turns. The tokens
are always those of the tick. A moment that gets feedback becomes a lesson with its exact summary
(:mod:`agent.past`), whatever the age of the one that it was answered with.

Shape legend: P numbers of theta, Q tasks of a headset, C classes, Z features, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.backbone import Adapters
from agent.encoders.base import Array
from agent.experts import ADAPTED, EXPERTS, GENERIC, mixed
from agent.fleet import VACANT, Fleet, Member
from agent.learned import Learned
from agent.normal import summary_key
from agent.past import Past
from agent.size_classes import Seat, SizeClass, SizeClasses
from agent.streaming import reach, tick_batch
from agent.tasks import task_named
from agent.tokens import Ask, Emission, Tokens, TokenStream
from bridge.channels import TICK_US, Samples

Probabilities = NDArray[np.float32]

Adapted = tuple[list[Adapters], Mapping[str, Tensor]]
"""Adapters and heads of the seats of a pass; empty where the checkpoint alone answers."""

STALEST = 15
"""Ticks after which a summary is renewed at the latest (0.5 s)."""
COUNT = 30
"""A summary is counted into the user's moments once in so many ticks: windows overlap."""


@dataclass(frozen=True)
class Prepared:
    """What answers are computed with; ``version`` counts. ``twins`` are the rows of the fleet whose
    adapters answer too, ``theta`` (P,) what they have learned, and ``adapted`` what that comes to
    for the seats that share a pass. By (row, task): ``trust`` (E,), the ridge heads of the experts
    side by side, ``weights`` (E, Z, C), and the label that was learned last, ``newest``. ``failed``
    is as in :class:`agent.learned.Learned`."""

    version: int
    twins: tuple[int, ...]
    adapted: Mapping[tuple[Seat, ...], Adapted]
    theta: Mapping[int, Tensor]
    trust: Mapping[tuple[int, str], Tensor]
    weights: Mapping[tuple[int, str], Tensor]
    newest: Mapping[tuple[int, str], int] = field(default_factory=dict)
    failed: Mapping[int, str] = field(default_factory=dict)


@dataclass
class _Summary:
    """A task's last summary: raw by layout, its features z (Z,), and what the ridge heads of
    version ``version`` say of it (E, C)."""

    tick: int
    raw: dict[str, Array]
    z: Tensor
    version: int = -1
    scores: Tensor = field(default_factory=lambda: torch.zeros(()))


@dataclass
class _Seat:
    """One headset's stream, its past, how many ticks back each channel is read after a leap, and
    the last summary and count (ticks) by task."""

    stream: TokenStream
    past: Past
    tasks: tuple[str, ...]
    reach: Mapping[str, int]
    summaries: dict[str, _Summary] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)


class Answering:
    """The live side of a fleet: it answers once it has adopted what was learned. Not thread-safe,
    but for :meth:`prepare`, which may run in one thread while the others run in another.

    Of the last tick, ``used`` is what it was answered with, and ``generic`` what the checkpoint
    alone would have answered (best class by row and task)."""

    def __init__(self, fleet: Fleet, freshest: int = 3) -> None:
        self.fleet, self.freshest = fleet, freshest
        self._seats: list[_Seat] = []
        self.caches = SizeClasses(fleet.brain.model, fleet.cohort.dtype)
        self.prepared = self.used = Prepared(-1, (), {}, {}, {}, {})
        self._late: dict[tuple[Seat, ...], Adapted] = {}
        self._late_for = -1
        self.generic: dict[int, dict[str, int]] = {}
        for row in range(len(fleet.members)):
            self.reseat(row)

    def reseat(self, row: int) -> None:
        """Headset ``row`` of the fleet is a new one; the others keep what they have seen."""
        member = self.fleet.members[row]
        seat = _seat(member)
        self._seats[row : row + 1] = [seat]
        self.caches.reseat(row, member.channels)

    def vacate(self, row: int) -> None:
        """Nobody has ``row`` any more; the fleet may be shorter."""
        self.caches.reseat(row, ())
        self._seats[row : row + 1] = [_seat(VACANT)]
        del self._seats[len(self.fleet.members) :]

    # -- what answers are computed with ----------------------------------------------------------

    def prepare(self, learned: Learned) -> Prepared:
        """Everything that was learned so far, ready to answer with."""
        fleet, cohort, before = self.fleet, self.fleet.cohort, self.prepared
        for row, theta in learned.theta.items():
            if row < len(cohort.theta):  # or it has left, and those after it
                cohort.theta[row] = theta
        asked = {(row, task) for row, member in enumerate(fleet.members) for task in member.tasks}
        trust = {k: t for k, t in {**before.trust, **learned.trust}.items() if k in asked}
        weights = {k: w for k, w in before.weights.items() if k in asked}
        for (row, task), found in learned.weights.items():
            generic = fleet.generic[task]
            weights[row, task] = torch.stack([found.get(e, generic) for e in range(len(EXPERTS))])
        twins = tuple(sorted({row for (row, _), t in trust.items() if t[ADAPTED] > 0}))
        moved = {
            row: cohort.theta[row].clone()
            if row in learned.theta or row not in before.theta
            else before.theta[row]
            for row in twins
        }
        same = moved.keys() == before.theta.keys()
        same = same and all(moved[row] is before.theta[row] for row in moved)
        known = before.adapted if same else {}
        adapted = {}
        for seats in [tuple(found.seats) for found in self.caches]:
            adapted[seats] = known[seats] if seats in known else self._adapted(seats, moved)
        version, newest = before.version + 1, learned.newest
        return Prepared(version, twins, adapted, moved, trust, weights, newest, learned.failed)

    def _adapted(self, seats: Sequence[Seat], theta: Mapping[int, Tensor]) -> Adapted:
        """Of ``seats``, whose twins have learned ``theta``."""
        if not any(twin for _, twin in seats):
            return [], {}
        fleet, cohort = self.fleet, self.fleet.cohort
        with torch.no_grad():
            start = fleet.start[0]
            rows = [theta.get(row, start) if twin else start for row, twin in seats]
            leaves = cohort.leaves(torch.stack(rows), ())
            return cohort.adapters(leaves), cohort.heads(leaves)

    def adopt(self, prepared: Prepared) -> None:
        """Answer with what was learned, from the next tick on."""
        self.prepared = prepared

    # -- one tick --------------------------------------------------------------------------------

    def push(self, row: int, episode: int, samples: Mapping[str, Samples]) -> None:
        """What headset ``row`` sent; times count from the start of ``episode``, which only grows:
        with a new one its context starts anew."""
        seat = self._seats[row]
        if episode != seat.past.episode:
            seat.stream.start()
            seat.past.begin(episode)
            seat.summaries.clear()
            seat.counted.clear()
            self.caches.clear(row)
        seat.stream.push(samples)
        seat.past.push(samples)

    def tick(
        self, due: Mapping[int, int], failed: dict[int, Exception] | None = None
    ) -> dict[int, dict[str, Probabilities]]:
        """Close tick ``due[row]`` of each headset in ``due``; probabilities (C,) of all its tasks.
        A headset may skip ticks: what they emitted is read, its tasks are asked at the last.

        Where one headset's part raises, the error is put into ``failed`` and the others are
        answered; without ``failed`` it is raised."""
        rows = range(len(self._seats))
        emissions: list[list[Emission]] = [[] for _ in rows]
        asks: list[list[Ask]] = [[] for _ in rows]
        for row, tick in due.items():
            try:
                emissions[row], asks[row] = self._close(row, tick)
            except Exception as error:
                if failed is None:
                    raise
                failed[row] = error
        self.generic = {row: {} for row in due}
        self.used = prepared = self.prepared
        if not any(asks) and not any(emissions):
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
                    out.update(self._together(found, here, emissions, asks, failed))
        return out

    def _together(
        self,
        found: SizeClass,
        due: Sequence[int],
        emissions: Sequence[Sequence[Emission]],
        asks: Sequence[list[Ask]],
        failed: dict[int, Exception] | None,
    ) -> dict[int, dict[str, Probabilities]]:
        """One pass for the headsets ``due`` of a size class; where it fails, one for each half of
        them, until it is known over whom."""
        if failed is None:
            return self._pass(found, due, emissions, asks)
        marks = found.rings.marks()
        try:
            return self._pass(found, due, emissions, asks)
        except Exception as error:  # noqa: BLE001 - named, and told by the caller
            found.rings.put_back(marks)
            if len(due) == 1:
                failed[due[0]] = error
                return {}
        half = len(due) // 2
        first = self._together(found, due[:half], emissions, asks, failed)
        return {**first, **self._together(found, due[half:], emissions, asks, failed)}

    def _pass(
        self,
        found: SizeClass,
        due: Sequence[int],
        emissions: Sequence[Sequence[Emission]],
        asks: Sequence[list[Ask]],
    ) -> dict[int, dict[str, Probabilities]]:
        """One pass of headsets whose caches are of one size class."""
        seats, model, its = tuple(found.seats), self.fleet.brain.model, set(due)
        prepared = self.used
        adapted = prepared.adapted.get(seats) or self._adapted_late(seats, prepared)
        new = [emissions[row] if row in its else () for row, _ in seats]
        asked = [asks[row] if row in its else () for row, _ in seats]
        batch = tick_batch(model, new, asked)
        context = found.rings.open(batch)
        answers = model(batch, self.fleet.cohort.layers, *adapted, context=context)
        logits = {task: x.cpu() for task, x in answers.logits.items()}
        places = {seat: i for i, seat in enumerate(seats)}
        return {
            row: self._read(logits, row, places, asks[row], prepared)
            for row, twin in seats
            if row in its and not twin
        }

    def _adapted_late(self, seats: tuple[Seat, ...], prepared: Prepared) -> Adapted:
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
        self._seats[row].summaries.clear()
        own = self.fleet.normals[row].own
        for key in [key for key, moments in own.items() if not moments.finite]:
            del own[key]

    def _close(self, row: int, tick: int) -> tuple[list[Emission], list[Ask]]:
        """Emissions and questions of a headset's tick, standardised; both are counted first."""
        seat, normal = self._seats[row], self.fleet.normals[row]
        raw = seat.stream.advance(tick, seat.reach)
        seat.past.add(raw, tick)
        normal.observe(Tokens(tuple(raw), ()))
        asks = [normal.ask(Ask(t, tick, -1, self._summary(row, t, tick).raw)) for t in seat.tasks]
        return [normal.emission(e) for e in raw], asks

    def _summary(self, row: int, task: str, tick: int) -> _Summary:
        seat, normal = self._seats[row], self.fleet.normals[row]
        found = seat.summaries.get(task)
        every = int(task_named(task).deadline_ms * 1000 // TICK_US)
        every = min(max(every, self.freshest), STALEST)
        if found and found.raw and (tick + row) // every == (found.tick + row) // every:
            return found
        ask = Ask(task, tick, -1, seat.stream.summary(task, tick))
        if ask.summary and tick >= seat.counted.get(task, -COUNT) + COUNT:
            seat.counted[task] = tick
            normal.observe(Tokens((), (ask,)))
        z = self._features(normal.ask(ask))
        found = seat.summaries[task] = _Summary(tick, dict(ask.summary), z)
        return found

    def _features(self, ask: Ask) -> Tensor:
        """Features (Z,) of one standardised ask, as :meth:`Fleet.features` gives them."""
        model, at = self.fleet.brain.model, torch.zeros(1, dtype=torch.int64)
        keys = {summary_key(ask.task, layout): x for layout, x in ask.summary.items()}
        rows = {k: (torch.from_numpy(x)[None], at) for k, x in keys.items()}
        return self.fleet.brain.ridges[ask.task].features(model.summaries(rows), 1)[0]

    def _read(
        self,
        answers: Mapping[str, Tensor],
        row: int,
        places: Mapping[Seat, int],
        asks: list[Ask],
        now: Prepared,
    ) -> dict[str, Probabilities]:
        out, head = {}, self.fleet.mixing.head
        plain = places[row, False]
        twin = places.get((row, True), plain)
        for i, ask in enumerate(asks):
            summary = self._seats[row].summaries[ask.task]
            if summary.version != now.version:
                summary.version = now.version
                summary.scores = summary.z @ now.weights[row, ask.task]
            own = answers[ask.task][[plain] * ADAPTED + [twin], i]
            said = torch.log_softmax(head * own + summary.scores, -1)
            out[ask.task] = mixed(said[:, None], now.trust[row, ask.task])[0].numpy()
            self.generic[row][ask.task] = int(said[GENERIC].argmax())
        return out

    # -- feedback --------------------------------------------------------------------------------

    def lesson(self, row: int, task: str, episode: int, t_us: int, label: int) -> Tokens | None:
        """The moment ``t_us`` of ``episode`` with its truth, as the model is to learn it; None
        where it is no longer (or not yet) known."""
        found = self._seats[row].past.moment(task, episode, t_us, label)
        lesson = None if found is None else self.fleet.normals[row].apply(found)
        return lesson if lesson is None or lesson.finite else None


def _seat(member: Member) -> _Seat:
    ticks = {c.name: reach(c) for c in member.channels}
    return _Seat(TokenStream(member.channels), Past(member.channels), member.tasks, ticks)
