"""Connections that have not said hello yet: they may wait, but not crowd others out."""

from __future__ import annotations

import asyncio
import math

from bridge.pace import Pace
from bridge.wire import ServerWire


class Doorstep:
    """Who stands at the door. Where ``places`` are taken, whoever has stood there longest must go.

    A headset is through within milliseconds; one that dribbles its handshake (slow loris) stands
    there until its time is up, and a thousand of those would take all sockets that this process
    may open. To open a connection costs as much as dozens of frames, so after a roomful at once
    (one second's worth) newcomers are heard no faster than ``newcomers_s`` a second: a storm of
    them waits, and those who are in are answered as before.
    """

    def __init__(self, places: int, newcomers_s: float) -> None:
        self._pace = Pace(newcomers_s, math.inf)
        self._places = places
        self._waiting: dict[ServerWire, None] = {}
        self._unheard: dict[ServerWire, None] = {}
        self.turned_away = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def came(self, wire: ServerWire) -> None:
        self._waiting[wire] = None
        if len(self._waiting) > self._places:
            longest = next(iter(self._waiting))
            self.left(longest)
            self.turned_away += 1
            longest.transport.abort()
        first = not self._unheard
        wait_s = self._pace.spend(1, 0, stalled=False) if first else 0.0
        if wait_s > 0 or not first:
            self._unheard[wire] = None
            # Soon: asyncio begins to read only after `connection_made`.
            wire.loop.call_soon(self._hold, wire)
        if wait_s > 0:
            wire.loop.call_later(wait_s, self._hear_next, wire.loop)

    def left(self, wire: ServerWire) -> None:
        """It has said hello, or is gone."""
        self._waiting.pop(wire, None)
        self._unheard.pop(wire, None)

    def _hold(self, wire: ServerWire) -> None:
        if wire in self._unheard:
            wire.hold("newcomers")

    def _hear_next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Only who is heard is paid for: those who were turned away meanwhile delay nobody."""
        if self._unheard:
            wire = next(iter(self._unheard))
            del self._unheard[wire]
            wire.release("newcomers")
        if self._unheard:
            loop.call_later(self._pace.spend(1, 0, stalled=False), self._hear_next, loop)

    def wires(self) -> type[ServerWire]:
        """The class of connections that stand here first."""
        doorstep = self

        class Arriving(ServerWire):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                doorstep.came(self)

            def connection_lost(self, exc: Exception | None) -> None:
                doorstep.left(self)
                super().connection_lost(exc)

        return Arriving
