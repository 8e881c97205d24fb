"""Opening a session as a headset: who it is, what it senses, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.handshake import open_session, trusting
from fedxr.bridge.connecting.reconnecting import ReturningClient
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import MAX_MESSAGE, VERSIONS, Hello, Offer, Scalar, Welcome
from fedxr.bridge.transport.connection import ClientBridgeConnection
from fedxr.bridge.user_key import UserKey


async def connect(
    url: str,
    *,
    user: str,
    scenario: str,
    channels: Sequence[Channel],
    tasks: Sequence[str] = (),
    device: Mapping[str, Scalar] | None = None,
    token: str | None = None,
    key: UserKey | None = None,
    record: bool = True,
    resume: str | None = None,
    retry: Retry | None = None,
    trust: Path | None = None,
    clock_s: float | None = 2.0,
    now: Callable[[], int] = now_us,
    queue_bytes: int = MAX_MESSAGE,
    timeout_s: float = 10.0,
) -> HeadsetClient:
    """Open a session at ``url`` (ws://host:port, wss://host:port).

    ``key`` is who the user is: the server's agent knows them by it (`fedxr.bridge.user_key`).
    Without one it is that which this machine keeps for ``user``, made on the first visit; two
    programs with one key and device are one headset, the later of which goes on. ``record``:
    whether the user may be recorded. ``tasks`` are those wanted; ``retry`` makes the client come
    back by itself (a `fedxr.bridge.connecting.reconnecting.ReturningClient`); ``trust`` is a root
    certificate (PEM) to trust besides the system's; ``clock_s`` is the time between clock bursts,
    None for a stream that plays at another pace than the clock ``now``. Raises BridgeError, with
    the server's own words when it refused."""
    tls = trusting(url, trust)
    mine = key if key is not None else await asyncio.to_thread(UserKey.kept, user)
    client: HeadsetClient | None = None

    async def opening(resume: str | None, last_seq: int) -> tuple[ClientBridgeConnection, Welcome]:
        hello = Hello(
            *VERSIONS,
            user,
            scenario,
            [Offer(c.name, c.layout, c.rate_hz, c.delivery) for c in channels],
            list(tasks),
            dict(device or {}),
            token,
            resume,
            last_seq,
            mine.public,
            record if client is None else client.record,
        )
        return await open_session(url, hello, mine, timeout_s, tls)

    connection, welcome = await opening(resume, 0)
    if retry is None:
        client = HeadsetClient(channels, connection, welcome, now, queue_bytes)
    else:
        client = ReturningClient(channels, connection, welcome, now, queue_bytes, retry, opening)
    client.record = record
    if clock_s is not None:
        client.keep_synced(clock_s)
    return client
