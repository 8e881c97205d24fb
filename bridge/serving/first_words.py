"""What a newcomer says before there is a session: hello, then proof."""

from __future__ import annotations

import asyncio
from collections import deque

from fedxr.bridge.serving.application import RefusalError
from fedxr.bridge.transport.connection import NOT_TEXT, ServerWire


class FirstWords:
    """The first two messages of a connection, in order; what comes on their heels is too early, and
    counted in ``wire.early``."""

    def __init__(self, wire: ServerWire) -> None:
        self._wire, self._left = wire, 2
        self._said: deque[bytes | RefusalError] = deque()
        self._news = asyncio.Event()
        wire.direct(self._hear, lambda: None, lambda: self._hear(b""), self._hear_text)

    async def next(self) -> bytes:
        """The next of the two; empty when the connection is gone. Raises RefusalError for text."""
        while not self._said:
            self._news.clear()
            await self._news.wait()
        said = self._said.popleft()
        if isinstance(said, RefusalError):
            raise said
        return said

    def _hear(self, data: bytes | RefusalError) -> None:
        if self._left:
            self._left -= 1
            self._said.append(data)
            self._news.set()
        else:
            self._wire.early += 1

    def _hear_text(self) -> None:
        self._hear(RefusalError("garbage", NOT_TEXT))
