"""Which headsets have a seat, and who makes room where all are taken."""

from __future__ import annotations

import http
from collections import Counter
from collections.abc import Mapping

from websockets.http11 import Response

from fedxr.bridge.serving import web
from fedxr.bridge.serving.address import longest_silent, principal, share
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.connection import ServerBridgeConnection


class Seats:
    """A seat is taken from the websocket's handshake until its connection is done with.

    ``places`` are all there are, of which one address gets a share
    (`fedxr.bridge.serving.address`); ``sessions`` are the server's open ones.
    """

    def __init__(self, places: int, sessions: Mapping[str, Session]) -> None:
        self.connections: set[ServerBridgeConnection] = set()
        """Those that have one."""
        self._places = places
        self._sessions = sessions

    def refusal(self, remote: object) -> Response | None:
        """Why whoever comes from ``remote`` gets no seat. Where its share or all seats are taken,
        whoever has been silent longest makes room: of its own sessions, else of whoever holds
        most."""
        who = principal(remote)
        taken = Counter(principal(connection.remote_address) for connection in self.connections)
        for session in self._sessions.values():
            if session.over.done():  # its seat is being cleared
                taken[principal(session.remote_address)] -= 1
        own = share(who, self._places)
        mine = taken[who] >= own < self._places
        if not mine and taken.total() < self._places:
            return None
        whose = who if mine else max(taken, key=taken.__getitem__)
        silent = longest_silent(
            s for s in self._sessions.values() if principal(s.remote_address) == whose
        )
        if silent is not None:
            silent.close(
                f"silent for {silent.silent_s} s while all seats were taken; come back", again=True
            )
            return None
        full = f"all {own} places of one address are" if mine else f"all {self._places} places are"
        return web.refuse(http.HTTPStatus.SERVICE_UNAVAILABLE, f"full: {full} taken")
