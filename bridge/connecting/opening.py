"""The short way to be a headset: a session in one line, a channel in the next.

async with fedxr.connect("ws://127.0.0.1:8765", "ann", "motion/head@72") as headset:
    await headset.send("motion/head", values)
"""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

from fedxr.bridge.channels import Channel, ChannelError
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect as open_headset


def channel_of(text: str) -> Channel:
    """The channel written as LAYOUT@HERTZ (``motion/head@72``), called like its layout; 0 Hz is
    irregular. Raises ChannelError where it is not written so, or there is no such layout."""
    layout, _, rate = text.partition("@")
    try:
        hertz = float(rate)
    except ValueError:
        raise ChannelError(f"{text!r}; write LAYOUT@HERTZ, such as motion/wrist@100") from None
    return Channel(layout[:64], layout, hertz)


class connect:  # noqa: N801 - a function to whoever calls it, as websockets.connect is
    """A session at ``url`` as ``user``, with one or more ``channels``, each a Channel or written as
    LAYOUT@HERTZ:

        async with fedxr.connect("ws://127.0.0.1:8765", "ann", "motion/head@72") as headset:
            await headset.send("motion/head", values)  # (n, 7), the newest of now
            async for message in headset: ...          # Reply, Cue and Notice

    ``scenario`` is the use case, all of whose tasks that these channels can answer are asked for,
    unless ``more`` names ``tasks``; ``more`` is of
    :func:`fedxr.bridge.connecting.connect.connect`: ``token``, ``retry``, ``trust``, ``record``.
    ``await fedxr.connect(...)`` gives the same headset, which is then to be closed. What the server
    did not take stands in ``headset.welcome.refused``.

    Raises ChannelError for a channel that cannot be; BridgeError, with the server's own words, when
    it refused or is not there.
    """

    def __init__(
        self,
        url: str,
        user: str,
        *channels: Channel | str,
        scenario: str = "companion",
        **more: Any,
    ) -> None:
        if not channels:
            raise ChannelError("no channel; name at least one, such as 'motion/head@72'")
        offered = [channel_of(c) if isinstance(c, str) else c for c in channels]
        self._how = {"user": user, "scenario": scenario, "channels": offered, **more}
        self._url = url

    def __await__(self) -> Generator[Any, None, HeadsetClient]:
        return open_headset(self._url, **self._how).__await__()

    async def __aenter__(self) -> HeadsetClient:
        self._headset = await self
        return self._headset

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._headset.close()
