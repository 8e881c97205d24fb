"""Pings in bursts: how a headset finds out what the server's clock says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fedxr.bridge.clock import ClockSync, Estimate, Exchange
from fedxr.bridge.protocol import BridgeError, Ping, Pong

_PONG_S = 2.0


class Pings:
    """Pings that wait for their pong, and the estimate that comes of them.

    ``now`` is the headset's clock in microseconds; ``send`` hands a ping to the socket, and raises
    BridgeError when the session is over.
    """

    def __init__(self, now: Callable[[], int], send: Callable[[Ping], None]) -> None:
        self.clock = ClockSync()
        self._now = now
        self._send = send
        self._pongs: dict[int, asyncio.Future[Exchange]] = {}

    def ping(self, sent_us: int) -> Ping:
        """One that tells the server the estimate, once there is one."""
        estimate = self.clock.estimate
        if estimate is None:
            return Ping(sent_us)
        return Ping(
            sent_us, estimate.offset_at(sent_us), estimate.drift * 1e6, estimate.uncertainty_us
        )

    async def burst(self, exchanges: int) -> Estimate | None:
        """So many pings, one after the other; returns the estimate (server minus here)."""
        burst = []
        for _ in range(exchanges):
            pong: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
            sent = self._now()
            while sent in self._pongs:
                sent += 1
            self._pongs[sent] = pong
            try:
                self._send(self.ping(sent))
                async with asyncio.timeout(_PONG_S):
                    burst.append(await pong)
            except TimeoutError:
                # A congested server does not answer pings; a later burst will do.
                break
            finally:
                self._pongs.pop(sent, None)
        return self.clock.add_burst(burst)

    def take_pong(self, pong: Pong) -> None:
        waiter = self._pongs.get(pong.sent_us)
        if waiter is not None and not waiter.done():
            waiter.set_result(
                Exchange(pong.sent_us, pong.received_us, pong.answered_us, self._now())
            )

    def fail(self, reason: str) -> None:
        """The session ended for ``reason``: no pong will come."""
        for waiter in self._pongs.values():
            if not waiter.done():
                waiter.set_exception(BridgeError(f"the session ended: {reason}"))
