"""Who takes the seats: a limit for each principal, so that one peer cannot take them all.

A principal is whoever the server can tell apart: here an IP address. On loopback everybody of this
machine looks alike (headsets on a cable through `adb reverse`, players, tests), so it gets most of
the seats, and never all. Where the seats of a principal are taken, whichever of its sessions has
been silent longest makes room, as at the door (`fedxr.bridge.transport.pending`): seats are for
those who send."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fedxr.bridge.serving.admission import is_loopback

if TYPE_CHECKING:
    from fedxr.bridge.serving.session import Session

IDLE_S = 3
"""Seconds without a message after which a session may have to make room."""
_FEW = 8
"""Up to so many seats, whoever comes first gets them."""


def principal(remote: Any) -> str:
    """Whose connection it is, from a socket's address: the IP address, or the /64 of an IPv6 one,
    which is what one household or one rented server has."""
    host = str(remote[0]) if isinstance(remote, tuple) and remote else "?"
    if ":" in host and not is_loopback(host):
        try:
            address = ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            return host
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return host


def share(principal: str, seats: int) -> int:
    """How many of ``seats`` a ``principal`` may take: an eighth, on loopback all but an eighth."""
    if seats < _FEW:
        return seats
    eighth = max(1, seats // 8)
    return seats - eighth if is_loopback(principal) else max(_FEW, eighth)


def longest_silent(sessions: Iterable[Session]) -> Session | None:
    """The session that has been silent longest, if any has for `IDLE_S` seconds."""
    silent = [s for s in sessions if s.silent_s >= IDLE_S and not s.over.done()]
    return max(silent, key=lambda s: s.silent_s, default=None)
