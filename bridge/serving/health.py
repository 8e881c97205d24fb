"""What is looked at once a second in each session: whether it stalls, and what went missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from fedxr.bridge.frames import ChannelCodec
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import BridgeConnection

_TOLD_S = 0.1
"""A headset is told that it sends too fast once reading has paused for so many more seconds."""


class Checked(Protocol):
    """What the check may do to a session."""

    def notice(self, code: str, text: str, counts: dict[str, int] | None = None) -> None: ...

    def close(self, reason: str) -> None: ...


class Health:
    """Tells the headset, each thing once, what was dropped, lost, late, absent, too fast or too
    much since the last check; ends a session that does not read, or that asks for too much.

    ``drops`` are the counters of all places where something may be dropped.
    """

    def __init__(
        self,
        session: Checked,
        connection: BridgeConnection,
        stats: SessionStats,
        budget: Budget,
        drops: Sequence[Counter[str]],
    ) -> None:
        self.silent_s = 0
        """Checks, one a second, since the last frame or feedback, refused ones included."""
        self._session = session
        self._connection = connection
        self._stats = stats
        self._budget = budget
        self._drops = drops
        self._told: Counter[str] = Counter()
        self._heard = 0

    def check(self, codecs: Iterable[ChannelCodec], stall_s: float) -> Counter[str]:
        """Once a second. Returns what was newly dropped, and of which channels samples were absent
        (``<channel> absent``)."""
        since = self._connection.congested_since
        if since is not None and self._connection.loop.time() - since > stall_s:
            self._session.close(f"stalled: did not read for {stall_s:g} s")
        self._tell_pace()
        self._tell_budget()
        heard = self._stats.frames + self._stats.feedback + self._stats.refused
        self.silent_s = self.silent_s + 1 if heard == self._heard else 0
        self._heard = heard
        return self._tell_drops() + self._tell_absent(codecs)

    def _tell_pace(self) -> None:
        pace, stats = self._connection.pace, self._stats
        paused = pace.paused_s - stats.paused_s if pace is not None else 0.0
        if pace is not None and paused >= _TOLD_S:
            stats.paused_s = pace.paused_s
            self._session.notice("too-fast", f"{pace.limit}; reading paused for {paused:.1f} s")

    def _tell_budget(self) -> None:
        told = self._budget.tell()
        if told and self._budget.overdrawn:
            self._session.close(f"too much for seconds: {told}")
        elif told:
            self._session.notice("too-much", told)

    def _tell_drops(self) -> Counter[str]:
        stats = self._stats
        stats.drops = sum(self._drops, Counter[str]())
        told = stats.drops + Counter(lost=stats.lost, late=stats.late)
        fresh = told - self._told
        self._told = told
        if fresh:
            what = ", ".join(f"{name} {count}" for name, count in sorted(fresh.items()))
            text = f"dropped, lost or late since last told: {what}"
            self._session.notice("dropped", text, dict(fresh))
        return fresh

    def _tell_absent(self, codecs: Iterable[ChannelCodec]) -> Counter[str]:
        """By channel, how many samples had something absent since the last check."""
        fresh: Counter[str] = Counter()
        absent = self._stats.absent
        for codec in codecs:
            known, total = absent[codec.name], codec.absences.samples.total()
            if total > known:
                fresh[f"{codec.name} absent"] = total - known
                absent[codec.name] = total
            for text in codec.absences.news():
                self._session.notice("absent", text, {codec.name: total})
        return fresh
