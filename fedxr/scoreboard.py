"""What the live page shows of a run: latency, answers, learning curves, clusters, the ledger."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from agent.answering import Probabilities
from agent.tasks import task_named
from bridge.session import Session
from federation import RoundReport
from federation.ledger import Total, total
from fedxr.agents import Agents, Score
from fedxr.live_state import (
    ClusterState,
    CurvePoint,
    HeadsetState,
    LedgerState,
    LiveState,
    TaskState,
)

RECENT = 20
"""Feedback over which an agent's confidence in itself is reckoned."""
POINTS = 300
"""Most points of a curve."""


@dataclass
class Board:
    """One headset's figures since it joined."""

    session: Session
    answers: Mapping[str, Probabilities] = field(default_factory=dict)
    truth: dict[str, int] = field(default_factory=dict)
    right: dict[str, deque[bool]] = field(default_factory=dict)
    scores: dict[str, list[tuple[bool, bool]]] = field(default_factory=dict)
    arrived: Counter[str] = field(default_factory=Counter)
    rates: dict[str, float] = field(default_factory=dict)

    def confidence(self, task: str) -> float:
        """The share of recent feedback that agreed with the answer; 1 before there is any."""
        recent = self.right.get(task)
        return sum(recent) / len(recent) if recent else 1.0

    def count(self, task: str, agreed: bool) -> None:
        self.right.setdefault(task, deque(maxlen=RECENT)).append(agreed)


class Scoreboard:
    def __init__(self) -> None:
        self.boards: dict[int, Board] = {}
        self.scores: list[tuple[float, Score]] = []
        self.rounds: list[RoundReport] = []
        self.joules = 0.0
        self._totals = dict.fromkeys(("d2d", "uplink", "downlink"), Total(0, 0, 0.0, 0.0))
        self._curves: dict[str, list[CurvePoint]] = {}
        self._started = time.monotonic()
        self._rated = self._started

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def score(self, row: int, score: Score) -> None:
        """Feedback has been compared with what was answered."""
        self.scores.append((self.seconds, score))
        board = self.boards.get(row)
        if board is None or score.answered is None:
            return
        pair = (score.generic == score.label, score.answered == score.label)
        board.truth[score.task] = score.label
        board.scores.setdefault(score.task, []).append(pair)
        board.count(score.task, pair[1])

    def round(self, report: RoundReport) -> None:
        self.rounds.append(report)
        for link, so_far in self._totals.items():
            more = total(report.rows, link)
            self._totals[link] = Total(
                so_far.messages + more.messages,
                so_far.bytes + more.bytes,
                so_far.seconds + more.seconds,
                so_far.joules + more.joules,
            )

    def ledger(self) -> LedgerState:
        d2d, up, down = (self._totals[link] for link in ("d2d", "uplink", "downlink"))
        return LedgerState(
            d2d_bytes=d2d.bytes,
            up_bytes=up.bytes,
            down_bytes=down.bytes,
            joules=d2d.joules + up.joules + down.joules,
        )

    def curves(self) -> dict[str, list[CurvePoint]]:
        """Accuracy up to now by task, one more point for each task that has feedback."""
        now = round(self.seconds, 1)
        pairs: dict[str, list[tuple[bool, bool]]] = {}
        for board in self.boards.values():
            for task, found in board.scores.items():
                pairs.setdefault(task, []).extend(found)
        for task, found in sorted(pairs.items()):
            generic, adapted = np.mean(found, 0).tolist()
            points = self._curves.setdefault(task, [])
            if not points or now - points[-1][0] >= 1.0:
                points.append((now, generic, adapted))
            if len(points) > POINTS:
                del points[1::2]
        return self._curves

    def state(self, agents: Agents) -> LiveState:
        self._rate()
        reports = agents.report.clusters if agents.report else ()
        clusters = [
            ClusterState(
                id=i, members=list(c.members), representative=c.representative, gamma=c.rounds
            )
            for i, c in enumerate(reports)
        ]
        return LiveState(
            t=round(self.seconds, 3),
            round=agents.number,
            headsets=[self._headset(agents, row, clusters) for row in sorted(self.boards)],
            clusters=clusters,
            ledger=self.ledger(),
            curves=self.curves(),
        )

    def _headset(self, agents: Agents, row: int, clusters: list[ClusterState]) -> HeadsetState:
        profile, board = agents.seated[row], self.boards[row]
        name = profile.member.name
        mine = [c for c in clusters if name in c["members"]]
        return HeadsetState(
            id=name,
            user=profile.user,
            use_case=profile.use_case,
            device=profile.device,
            channels=[
                {"name": c.name, "hz": round(board.rates.get(c.name, 0.0), 1)}
                for c in profile.member.channels
            ],
            tasks=[self._task(board, task) for task in profile.member.tasks],
            battery=round(agents.battery(row), 4),
            cluster=mine[0]["id"] if mine else None,
            representative=bool(mine) and mine[0]["representative"] == name,
            position=profile.position,
            drops=sum(board.session.stats.drops.values()) + board.session.stats.lost,
        )

    @staticmethod
    def _task(board: Board, name: str) -> TaskState:
        task, latency = task_named(name), board.session.stats.latency
        p50, p99 = (latency.percentile(q) / 1000 for q in (50, 99))
        answer, truth = board.answers.get(name), board.truth.get(name)
        scores = board.scores.get(name)
        before, now = np.mean(scores, 0).tolist() if scores else (None, None)
        return TaskState(
            name=name,
            deadline_ms=task.deadline_ms,
            p50_ms=round(p50, 2) if latency.count else None,
            p99_ms=round(p99, 2) if latency.count else None,
            predicted=None if answer is None else task.classes[int(answer.argmax())],
            probability=None if answer is None else float(answer.max()),
            truth=None if truth is None else task.classes[truth],
            accuracy_before=before,
            accuracy_now=now,
        )

    def _rate(self) -> None:
        """Samples a second of every channel, a moving average over some 3 s."""
        now = time.monotonic()
        span = now - self._rated
        if span < 0.2:
            return
        self._rated = now
        share = 1 - 0.5 ** (span / 1.5)
        for board in self.boards.values():
            for name in board.session.channels:
                hz = board.arrived[name] / span
                old = board.rates.get(name, hz)
                board.rates[name] = old + share * (hz - old)
            board.arrived.clear()
