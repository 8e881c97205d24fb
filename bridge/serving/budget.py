"""A budget of work: what one session may have done for it, charged where the work is.

`fedxr.bridge.transport.rate_limit` bounds messages and bytes, which is what reading costs. What a
message *causes* can cost a thousand times more: a label is learned, an episode empties a cache, a
picture is decoded. So every kind of work has an allowance of its own. Work that is not covered is
not done (shed), and the session is told so once a second. One that goes on to ask for more than
twice what it gets is ended after `PATIENCE` seconds. Nobody else notices."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PATIENCE = 10
"""Tellings, one a second, with as much shed as is allowed in that second or more, after which the
session is ended; a telling without takes one back."""


@dataclass(frozen=True)
class Allowance:
    """``per_s`` of a kind of work for as long as one likes, and ``burst`` of it at once after a
    rest. ``what`` names it to a person, in the plural."""

    what: str
    per_s: float
    burst: float

    def __post_init__(self) -> None:
        if not (self.per_s > 0 and self.burst > 0):
            raise ValueError(
                f"an allowance of {self.per_s:g} {self.what} a second, {self.burst:g} at once; "
                "both must be more than 0"
            )

    def __str__(self) -> str:
        return f"{self.per_s:g} {self.what} a second, {self.burst:g} at once"


ALLOWANCES: Mapping[str, Allowance] = {
    "ping": Allowance("pings", 50.0, 200.0),
    "episode": Allowance("new episodes", 4.0, 30.0),
    "label": Allowance("pieces of feedback", 10.0, 300.0),
    "tick": Allowance("ticks of 1/30 s", 90.0, 5400.0),
    "picture": Allowance("bytes of pictures, decoded", 8e6, 24e6),
    "decoding": Allowance("seconds of decoding", 0.4, 4.0),
}
"""Of every session; people and devices stay a factor of three and more below them. Ticks are those
of capture time: three minutes may be caught up on at once, and then three seconds a second."""


class Budget:
    """What one session has left of each kind of ``allowances``; a kind without is unbounded.

    Cell rate algorithm (ITU-T I.371, Annex A), as in `fedxr.bridge.transport.rate_limit`: one
    number a kind says until when all that was done is paid for. Not thread-safe: charge on the
    event loop."""

    def __init__(
        self,
        allowances: Mapping[str, Allowance] = ALLOWANCES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowances = dict(allowances)
        self._now = now
        self._paid_until: dict[str, float] = {}
        self.shed: defaultdict[str, float] = defaultdict(float)
        """Amounts that were not done, by kind, since the session began."""
        self._told: dict[str, float] = {}
        self._excess = 0

    def allow(self, kind: str, allowance: Allowance) -> None:
        """Bound one more kind, or another way."""
        self._allowances[kind] = allowance

    def spend(self, kind: str, amount: float = 1.0) -> bool:
        """Charge ``amount`` if it is covered; False, and it counts as shed, where it is not."""
        allowance = self._allowances.get(kind)
        if allowance is None:
            return True
        now = self._now()
        rate = allowance.per_s
        oldest = now - allowance.burst / rate
        paid_until = max(self._paid_until.get(kind, oldest), oldest) + amount / rate
        if paid_until > now:
            self.shed[kind] += amount
            return False
        self._paid_until[kind] = paid_until
        return True

    def charge(self, kind: str, amount: float) -> float:
        """Charge what is done already; returns the seconds to wait before more of that kind."""
        allowance = self._allowances.get(kind)
        if allowance is None:
            return 0.0
        now = self._now()
        oldest = now - allowance.burst / allowance.per_s
        paid_until = max(self._paid_until.get(kind, oldest), oldest) + amount / allowance.per_s
        self._paid_until[kind] = paid_until
        return max(0.0, paid_until - now)

    def tell(self) -> str:
        """What was shed since the last call, in words; empty where nothing was. Call it once a
        second: see `overdrawn`."""
        fresh = {k: n - self._told.get(k, 0) for k, n in self.shed.items()}
        fresh = {kind: amount for kind, amount in fresh.items() if amount > 0}
        self._told = dict(self.shed)
        gross = any(amount >= self._allowances[kind].per_s for kind, amount in fresh.items())
        self._excess = self._excess + 1 if gross else max(0, self._excess - 1)
        if not fresh:
            return ""
        parts = [
            f"{amount:.4g} {self._allowances[kind].what} (allowed: {self._allowances[kind]})"
            for kind, amount in sorted(fresh.items())
        ]
        return f"not done for you, because it is more than one session gets: {'; '.join(parts)}"

    @property
    def overdrawn(self) -> bool:
        """Whether too much has been asked for so long that the session is to end."""
        return self._excess >= PATIENCE
