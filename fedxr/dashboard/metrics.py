"""What the live page shows of a run: latency, answers, learning curves, clusters, the ledger."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fedxr.agent.serving.inference import Probabilities
from fedxr.agent.tasks import task_named
from fedxr.bridge.serving.session import Session
from fedxr.dashboard.events import Events, drops, links
from fedxr.dashboard.judged import Judged, Key, Question, Truth, nobodys
from fedxr.dashboard.label_delays import LabelDelays
from fedxr.dashboard.marks import Marks, Tally
from fedxr.dashboard.state import (
    Basis,
    ClusterState,
    CurvePoint,
    LedgerState,
    LinkState,
    LiveHeadsetState,
    LiveState,
    RecordingState,
    TaskState,
)
from fedxr.federation import RoundReport
from fedxr.federation.ledger import Total, total
from fedxr.learning.agents import Agents
from fedxr.learning.feedback import Evaluation, Given
from fedxr.learning.walls import Fault, Troubles

_log = logging.getLogger("fedxr")
RECENT = 20
"""Feedback over which an agent's confidence in itself is reckoned."""
POINTS = 300
"""Most points of a curve."""
KEPT_ROUNDS = 1000
"""Rounds whose reports are kept; what they cost is summed for ever."""
THIRD = 3
"""Percentiles are the dear part of a state: each headset's are reckoned for every third one."""


@dataclass
class Board:
    """One headset's figures since it joined at second ``since``; its ``tallies`` are ``against``
    the truth or feedback."""

    session: Session
    name: str
    since: float
    against: Basis = "feedback"
    gone: bool = False
    answers: Mapping[str, Probabilities] = field(default_factory=dict)
    truth: dict[str, int] = field(default_factory=dict)
    right: dict[str, deque[bool]] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    arrived: Counter[str] = field(default_factory=Counter)
    rates: dict[str, float] = field(default_factory=dict)
    ms: tuple[float | None, float | None] = (None, None)

    def confidence(self, task: str) -> float:
        """The share of recent feedback that agreed with the answer; 1 before there is any."""
        recent = self.right.get(task)
        return sum(recent) / len(recent) if recent else 1.0

    def count(self, task: str, agreed: bool) -> None:
        self.right.setdefault(task, deque(maxlen=RECENT)).append(agreed)


class LiveMetrics:
    """``truth`` says what the headsets that are played in this process are asked, and what would be
    right; then ``judged`` are their answers, and the run's figures are those. Of others, and where
    nobody's truth is known, figures are against feedback."""

    def __init__(self, truth: Truth = nobodys) -> None:
        self.boards: dict[int, Board] = {}
        self.judged: list[Judged] = []
        self.marks = Marks("feedback" if truth is nobodys else "truth")
        self.labels = LabelDelays()
        self.rounds: deque[RoundReport] = deque(maxlen=KEPT_ROUNDS)
        self.events = Events()
        self.troubles = Troubles(self._trouble)
        self.recording: Callable[[], RecordingState | None] = lambda: None
        """How the recording goes (:mod:`fedxr.dashboard.controls` says so where there can be
        one)."""
        self.faults: list[Fault] = []
        """Over whom the last :meth:`state` failed."""
        self._totals = dict.fromkeys(("d2d", "uplink", "downlink"), Total(0, 0, 0.0, 0.0))
        self._links: list[LinkState] = []
        self._truth = truth
        self._questions: dict[str, deque[Question]] = {}
        self._truths: dict[Key, int] = {}
        self._curves: dict[str, list[CurvePoint]] = {}
        self._states = 0
        self._started = time.monotonic()
        self._rated = self._started

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def join(self, row: int, name: str, session: Session, tasks: Sequence[str]) -> None:
        """A headset has been seated."""
        board = self.boards[row] = Board(session, name, self.seconds)
        questions = self._truth(name)
        if questions is not None:
            board.against = "truth"
            self._questions.setdefault(name, deque(questions))
            self._truths |= {q.key: q.truth for q in questions}
        self.events.joined(self.seconds, name, session, tasks)

    def leaving(self, row: int, reason: str) -> None:
        """A headset has gone; its seat is not free yet, but it is shown no more."""
        board = self.boards[row]
        board.gone = True
        self.events.left(self.seconds, board.name, reason)
        self.marks.forget({board.name for board in self.boards.values()})

    def dropped(self, row: int, counts: Mapping[str, int]) -> None:
        """The bridge has newly dropped ``counts`` of a headset's data."""
        board = self.boards[row]
        self.events.dropped(self.seconds, board.name, board.session, counts)

    def answered(
        self,
        row: int,
        episode: int,
        tick: int,
        answers: Mapping[str, Probabilities],
        agents: Agents,
    ) -> None:
        """A headset has its ``answers`` to all ticks up to this one: its questions until then are
        judged, if their truth is known."""
        board = self.boards[row]
        board.answers = answers
        waiting = self._questions.get(board.name, deque())
        while waiting and (waiting[0].episode, waiting[0].tick) <= (episode, tick):
            one = waiting.popleft()
            if one.task not in agents.seated[row].identity.tasks:
                continue
            given = agents.given(row, one.task, one.episode, one.tick)
            self.judged.append(Judged(one, given))
            if given is not None:
                self._mark(board, one.task, given, one.truth)

    def score(self, row: int, score: Evaluation, agents: Agents) -> None:
        """Feedback has been compared with what was answered."""
        board = self.boards.get(row)
        if board is None or score.answered is None:
            return
        board.truth[score.task] = score.label
        board.count(score.task, score.answered == score.label)
        moment = score.task, score.episode, score.tick
        truth = self._truths.get((board.name, *moment))
        if truth is not None:
            self.marks.hear(truth == score.label)
        given = agents.given(row, *moment)
        if board.against == "feedback" and given is not None:
            self._mark(board, score.task, given, score.label)

    def _trouble(self, text: str) -> None:
        _log.warning(text)
        self.events.trouble(self.seconds, None, text)

    def _mark(self, board: Board, task: str, given: Given, label: int) -> None:
        board.tallies[task].add(given, label)
        if board.against == self.marks.basis:
            self.marks.add(board.name, task, given, label)

    def round(self, report: RoundReport) -> None:
        self.rounds.append(report)
        self._links = links(report)
        self.events.round(self.seconds, report)
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
            epsilon=None,
        )

    def curves(self) -> dict[str, list[CurvePoint]]:
        """Accuracy up to now by task, one more point for each task that was asked."""
        now = round(self.seconds, 1)
        for task in self.marks.tasks():
            generic, given, asked = self.marks.means(task)
            points = self._curves.setdefault(task, [])
            if not points or now - points[-1][0] >= 1.0:
                points.append((now, generic, given, asked))
            if len(points) > POINTS:
                del points[1::2]
        return self._curves

    def state(self, agents: Agents) -> LiveState:
        self._rate()
        self._states += 1
        reports = agents.report.clusters if agents.report else ()
        clusters = [
            ClusterState(
                id=i, members=list(c.members), representative=c.representative, gamma=c.rounds
            )
            for i, c in enumerate(reports)
        ]
        headsets, self.faults = [], []
        for row, board in sorted(self.boards.items()):
            try:
                if not board.gone:
                    headsets.append(self._headset(agents, row, clusters))
            except Exception as error:  # noqa: BLE001 - named; the others are shown
                self.faults.append(Fault.of(row, error))
        return LiveState(
            t=round(self.seconds, 3),
            round=agents.number,
            trouble=self.troubles.text,
            headsets=headsets,
            clusters=clusters,
            links=self._links,
            events=list(self.events.kept),
            ledger=self.ledger(),
            accuracy=self.marks.state(self.seconds),
            tasks={task: self.marks.state(self.seconds, task) for task in self.marks.tasks()},
            labels=self.labels.state(),
            curves=self.curves(),
            recording=self.recording(),
        )

    def _headset(self, agents: Agents, row: int, clusters: list[ClusterState]) -> LiveHeadsetState:
        profile, board = agents.seated[row], self.boards[row]
        name = profile.identity.name
        mine = [c for c in clusters if name in c["members"]]
        latency = board.session.stats.latency
        if latency.count and (board.ms[0] is None or (self._states + row) % THIRD == 0):
            p50, p99 = (round(latency.percentile(q) / 1000, 2) for q in (50, 99))
            board.ms = p50, p99
        return LiveHeadsetState(
            id=name,
            user=profile.user,
            use_case=profile.use_case,
            device=profile.device,
            since=round(board.since, 1),
            against=board.against,
            channels=[
                {"name": c.name, "hz": round(board.rates.get(c.name, 0.0), 1)}
                for c in profile.identity.channels
            ],
            tasks=[self._task(board, task) for task in profile.identity.tasks],
            battery=round(agents.battery(row), 4),
            joules=round(agents.spent(row), 4),
            epsilon=None,
            cluster=mine[0]["id"] if mine else None,
            representative=bool(mine) and mine[0]["representative"] == name,
            position=profile.position,
            drops=drops(board.session),
        )

    @staticmethod
    def _task(board: Board, name: str) -> TaskState:
        task, answer, truth = task_named(name), board.answers.get(name), board.truth.get(name)
        tally = board.tallies[name]
        low, high = tally.interval()
        return TaskState(
            name=name,
            deadline_ms=task.deadline_ms,
            p50_ms=board.ms[0],
            p99_ms=board.ms[1],
            predicted=None if answer is None else task.classes[int(answer.argmax())],
            probability=None if answer is None else float(answer.max()),
            truth=None if truth is None else task.classes[truth],
            recent=list(board.right.get(name, ())),
            accuracy_before=tally.generic / tally.asked if tally.asked else None,
            accuracy_now=tally.given / tally.asked if tally.asked else None,
            questions=tally.asked,
            low=low,
            high=high,
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
