"""Connections that have not said hello yet: they may wait, but not crowd others out."""

from __future__ import annotations

import asyncio

from bridge.wire import ServerWire


class Doorstep:
    """Who stands at the door. Where ``places`` are taken, whoever has stood there longest must go.

    A headset is through within milliseconds; one that dribbles its handshake (slow loris) stands
    there until its time is up, and a thousand of those would take all sockets that this process
    may open.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: dict[ServerWire, None] = {}
        self.turned_away = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def came(self, wire: ServerWire) -> None:
        self._waiting[wire] = None
        if len(self._waiting) > self._places:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            self.turned_away += 1
            longest.transport.abort()

    def left(self, wire: ServerWire) -> None:
        """It has said hello, or is gone."""
        self._waiting.pop(wire, None)

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
