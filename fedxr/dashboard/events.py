"""What happened in a live run, in words: who came and went, what was dropped and why, rounds."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Literal

from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.queues import queue_length
from fedxr.dashboard.state import DropState, EventState, LinkState
from fedxr.federation import RoundReport
from fedxr.federation.ledger import SERVER, total

Kind = Literal["joined", "left", "dropped", "round", "recording", "trouble"]
KEPT = 50
"""Happenings that a page which opens later still sees."""
PAUSE_S = 10.0
"""Seconds between two tellings of what one headset's data lost."""
WHY = {
    "reply": "answers replaced by newer ones, because the headset reads slowly",
    "control": "cues and notices, because the headset reads slowly",
    "lost": "frames that never came: dropped by the headset or the network",
    "late": "frames that came more than 0.25 s after capture (used all the same)",
    "refused": "messages that broke the protocol",
}


def why(session: Session, what: str) -> str:
    """The reason for a drop of ``what``, which is a channel's name or a key of :data:`WHY`."""
    channel = session.channels.get(what)
    if what.endswith(" absent"):
        return "samples with numbers that cannot be: NaN, not tracked, or out of range"
    if channel is None:
        return WHY.get(what, what)
    length = queue_length(channel.delivery)
    if not length:
        return "blocks of a channel that may not be dropped"
    waited = "newer one" if length == 1 else f"queue of {length}"
    return f"blocks that had to make room for a {waited}"


def drops(session: Session) -> list[DropState]:
    """All drops of a session since it began, the most frequent first."""
    stats = session.stats
    counts = Counter(stats.drops)
    counts.update(lost=stats.lost, late=stats.late, refused=stats.refused)
    counts.update({f"{channel} absent": n for channel, n in stats.absent.items()})
    return [
        DropState(what=what, count=n, why=why(session, what))
        for what, n in counts.most_common()
        if n > 0
    ]


def links(report: RoundReport) -> list[LinkState]:
    """Bytes and joules of every link that carried something in a round."""
    sums: dict[tuple[str, str], tuple[int, float]] = {}
    for row in report.rows:
        if row.sender == row.receiver:  # what a headset spent on itself
            continue
        ends = sorted((row.sender, row.receiver), key=lambda name: (name == SERVER, name))
        pair = ends[0], ends[1]
        size, joules = sums.get(pair, (0, 0.0))
        sums[pair] = size + row.bytes, joules + row.joules
    return [LinkState(ends=ends, bytes=n, joules=j) for ends, (n, j) in sums.items()]


class Events:
    """The latest :data:`KEPT` of them."""

    def __init__(self) -> None:
        self.kept: deque[EventState] = deque(maxlen=KEPT)
        self._number = 0
        self._dropped: dict[str, tuple[float, Counter[str]]] = {}

    def joined(self, t: float, headset: str, session: Session, tasks: Sequence[str]) -> None:
        senses = ", ".join(session.channels)
        again = "came back" if session.resumed else "joined"
        text = f"{again} with {senses}; answered are {', '.join(tasks)}"
        if session.refused:
            text += f". Refused: {'; '.join(f'{n}: {why}' for n, why in session.refused.items())}"
        self._add(t, "joined", headset, text)

    def left(self, t: float, headset: str, reason: str) -> None:
        self._dropped.pop(headset, None)
        self._add(t, "left", headset, reason)

    def dropped(self, t: float, headset: str, session: Session, counts: Mapping[str, int]) -> None:
        """Told of a headset every :data:`PAUSE_S` at most, else a bad link hides all the rest."""
        told, gone = self._dropped.pop(headset, (-PAUSE_S, Counter[str]()))
        gone.update({what: n for what, n in counts.items() if what != "late"})
        if gone and t - told >= PAUSE_S:
            text = "; ".join(f"{what} {n}: {why(session, what)}" for what, n in gone.items())
            self._add(t, "dropped", headset, text)
            told, gone = t, Counter()
        self._dropped[headset] = told, gone

    def round(self, t: float, report: RoundReport) -> None:
        """A round, and each headset that was left out of it."""
        cost = total(row for row in report.rows if row.link != "compute")
        who = f"headsets {len(report.awake)}, clusters {len(report.clusters)}"
        sent = f"{cost.bytes:,} bytes, {cost.joules:.3g} J"
        private = "ε: none (no differential privacy)"
        self._add(t, "round", None, f"round {report.number}: {who}, {sent}, {private}")
        for drop in report.drops:
            text = f"left out of round {report.number}: {drop.cause}"
            self._add(t, "dropped", drop.headset, text)

    def recording(self, t: float, text: str) -> None:
        """A recording began or ended."""
        self._add(t, "recording", None, text)

    def trouble(self, t: float, headset: str | None, text: str) -> None:
        """Something does not work, or works again; a ``headset`` where it is one's own trouble."""
        self._add(t, "trouble", headset, text)

    def _add(
        self,
        t: float,
        kind: Kind,
        headset: str | None,
        text: str,
    ) -> None:
        self._number += 1
        self.kept.append(
            EventState(number=self._number, t=round(t, 1), kind=kind, headset=headset, text=text)
        )
