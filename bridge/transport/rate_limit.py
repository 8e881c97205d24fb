"""How fast one peer may send, and for how long its messages may keep all others waiting."""

from __future__ import annotations

import time

_TURN_S, _SHORT_TURN_S = 250e-6, 50e-6
_BURST_S = 1.0
_STALLED = 4.0


class RateLimiter:
    """The rate limit of one connection: ``messages_s`` and ``bytes_s``, infinity for none.

    A peer that was quiet may send what one second allows at once; after that it is read no faster
    than its limit. Nothing is refused: what is not read waits in the sender's own socket. Cell rate
    algorithm (ITU-T I.371, Annex A): one number says until when all that was read is paid for.
    While a peer does not read its own answers, its messages cost four times as much.

    ``turn_s``: seconds for which what it sent is worked through before others get their turn, less
    for a peer that is ahead of its pace.
    """

    def __init__(self, messages_s: float, bytes_s: float) -> None:
        self.limit = (
            f"at most {messages_s:g} messages and {bytes_s / 2**20:g} MiB a second are read"
        )
        self._message_s = 1 / messages_s
        self._byte_s = 1 / bytes_s
        self._paid_until = 0.0
        self.turn_s = _TURN_S
        self.paused_s = 0.0
        """Seconds for which reading has been paused so far."""

    def spend(self, messages: int, nbytes: int, stalled: bool) -> float:
        """Charge what was read; returns for how many seconds to stop reading, 0 for not at all."""
        now = time.perf_counter()
        cost = max(messages * self._message_s, nbytes * self._byte_s)
        if stalled:
            cost *= _STALLED
        self._paid_until = max(self._paid_until, now - _BURST_S) + cost
        wait = max(0.0, self._paid_until - now)
        self.turn_s = _SHORT_TURN_S if wait else _TURN_S
        self.paused_s += wait
        return wait
