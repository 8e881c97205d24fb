"""A demo beside its replays: the same ticks and feedback in lockstep, under every coordination.

Like with like: a replay learns the same labels in the same order as the live run, without a clock,
so what differs between two replays is the coordination, and between the live run and the replay of
its own coordination what real time costs. All arms are asked the same questions: those whose frame
reached the live server. One that the server did not answer in time was answered wrongly.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Literal

import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import task_named
from fedxr.dashboard.judged import Judged, Key
from fedxr.evaluation.intervals import Cell
from fedxr.evaluation.result import Comparison, Row, score_of
from fedxr.federation import COORDINATIONS
from fedxr.learning.agents import Agents
from fedxr.learning.feedback import Given
from fedxr.learning.learner import Learner
from fedxr.learning.learning_rule import LIVE, LearningRule
from fedxr.learning.signals import born_deaf
from fedxr.live.lockstep import Lockstep, lockstep
from fedxr.virtual.headsets import profile_of_actor
from fedxr.virtual.streaming import VirtualHeadset
from fedxr.virtual.timeline import beats

Coordination = Literal["local", "semi-decentralized", "centralized", "decentralized"]
REPLAYED: tuple[Coordination, ...] = (
    "local",
    "semi-decentralized",
    "centralized",
    "decentralized",
)
"""In the order in which they are replayed: first what says most beside the live run, which is what
each headset's own learning is worth, and what the live run's coordination is without a clock."""
TOLD, CHANGED = "as last told", "changed"
WINDOWS = (("whole run", 0.0), ("second half", 0.5))
"""Name, and the part of the run after which its questions are asked."""


def affordable() -> tuple[Coordination, ...]:
    """As many as are replayed at once, two at least."""
    return REPLAYED[: max(2, os.cpu_count() or 1)]


@dataclass(frozen=True)
class Replay:
    """What a replay needs: who plays how long (seconds), and rounds every ``round_s``.

    ``aggregation`` is the live run's; coordinations where it cannot act are replayed with the mean.
    """

    checkpoint: Checkpoint
    cast: Sequence[VirtualHeadset]
    seconds: float
    round_s: float
    seed: int
    aggregation: str = "mean"

    def rule(self, coordination: str) -> LearningRule:
        by = self.aggregation if COORDINATIONS[coordination].server else "mean"
        return LIVE.with_round(coordination=coordination, aggregation=by, seed=self.seed)

    def __call__(self, coordination: str) -> tuple[str, Lockstep]:
        torch.set_num_threads(1)
        tuning = Tuning(seed=self.seed)
        rule = self.rule(coordination)
        agents = Agents(self.checkpoint, tuning, Learner(self.checkpoint, tuning, rule))
        known = self.checkpoint.model.plan.tasks
        script = [
            (
                profile_of_actor(actor, [t for t in actor.user.tasks if t in known]),
                beats(actor.user, actor.voice, self.seconds),
            )
            for actor in self.cast
        ]
        return coordination, lockstep(agents, script, round_=round(self.round_s * 30))


def replays(replay: Replay, names: Sequence[str]) -> Iterator[tuple[str, Lockstep]]:
    """Each of the coordinations ``names``, in turn; as many at once as there are cores, in
    processes of their own, which are ended where the caller does not wait for all."""
    before = set(active_children())
    pool = ProcessPoolExecutor(min(len(names), os.cpu_count() or 1), get_context("spawn"))
    try:
        with born_deaf():
            doing = [pool.submit(replay, name) for name in names]
        for one in doing:
            yield one.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - before:
            child.terminate()


@dataclass(frozen=True)
class Outcome:
    """Whether a question was answered rightly, and by ``generic``; ``state`` is :data:`TOLD`,
    :data:`CHANGED`, or empty before the first label of the task."""

    headset: str
    task: str
    at: float
    right: bool
    generic: bool
    state: str


def outcomes(
    live: Sequence[Judged], found: Mapping[str, Sequence[Judged]]
) -> dict[str, list[Outcome]]:
    """Of every arm, over the same questions. Generic and last label are those of the replays, which
    agree on both, or of the live run where nothing was replayed."""
    asked = {j.question.key for j in live}
    first = next(iter(found.values()), live)
    generic = {j.question.key: j.given.generic for j in first if j.given}
    arms: dict[str, list[Outcome]] = {
        "generic": list(_outcomes(first, asked, generic, lambda g: g.generic)),
        "last_label": list(_outcomes(first, asked, generic, lambda g: g.repeated)),
    }
    for name, judged in (*found.items(), ("live", live)):
        arms[name] = list(_outcomes(judged, asked, generic, lambda g: g.best))
    return arms


def _outcomes(
    judged: Iterable[Judged],
    asked: set[Key],
    generic: Mapping[Key, int],
    answer: Callable[[Given], int],
) -> Iterator[Outcome]:
    for j in judged:
        q, given = j.question, j.given
        if q.key not in asked:
            continue
        state = ""
        if given is not None and given.newest is not None:
            state = TOLD if given.newest == q.truth else CHANGED
        right = given is not None and answer(given) == q.truth
        yield Outcome(q.headset, q.task, q.at, right, generic.get(q.key) == q.truth, state)


def comparisons(arms: Mapping[str, Sequence[Outcome]], lived: float) -> list[Comparison]:
    """By window and by state, of a run of ``lived`` seconds."""
    out = []
    for window, part in WINDOWS:
        for state in ("all", TOLD, CHANGED):
            some = {
                arm: [m for m in mine if m.at >= part * lived and state in ("all", m.state)]
                for arm, mine in arms.items()
            }
            scores = {
                arm: score_of(_right(mine), None if arm == "generic" else _more(mine))
                for arm, mine in some.items()
                if mine
            }
            out.append(Comparison(window=window, state=state, arms=scores))
    return out


def rows(arms: Mapping[str, Sequence[Outcome]]) -> list[Row]:
    """One a task, over the whole run."""
    out = []
    for task in sorted({m.task for m in arms["live"]}):
        mine = {arm: [m for m in all_ if m.task == task] for arm, all_ in arms.items()}
        out.append(
            Row(
                name=task,
                task=task,
                metric="accuracy",
                chance=1 / len(task_named(task).classes),
                test_windows=len(mine["live"]),
                users=len({m.headset for m in mine["live"]}),
                arms={
                    arm: score_of(_right(some), None if arm == "generic" else _more(some))
                    for arm, some in mine.items()
                    if some
                },
                halves="all questions of the run, each before its label",
            )
        )
    return out


def _right(some: Iterable[Outcome]) -> dict[str, list[Cell]]:
    return _cells(some, lambda m: (m.right, False))


def _more(some: Iterable[Outcome]) -> dict[str, list[Cell]]:
    """Right where generic was wrong, and the other way round."""
    return _cells(some, lambda m: (m.right and not m.generic, m.generic and not m.right))


def _cells(
    some: Iterable[Outcome], count: Callable[[Outcome], tuple[bool, bool]]
) -> dict[str, list[Cell]]:
    """By headset, a cell a task."""
    found: dict[str, dict[str, list[tuple[bool, bool]]]] = defaultdict(lambda: defaultdict(list))
    for one in some:
        found[one.headset][one.task].append(count(one))
    return {
        headset: [
            Cell(len(each), sum(p for p, _ in each), sum(m for _, m in each))
            for each in mine.values()
        ]
        for headset, mine in found.items()
    }
