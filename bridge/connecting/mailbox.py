"""What the server has said and nobody has read yet."""

from __future__ import annotations

import asyncio
from collections import deque

from fedxr.bridge.protocol import Cue, Notice, Reply

_MOST = 1024


class Mailbox:
    """The newest ``most`` messages; where more wait for the reader, the oldest goes and ``unread``
    counts it."""

    def __init__(self, most: int = _MOST) -> None:
        self.unread = 0
        self._most = most
        self._messages: deque[Reply | Cue | Notice] = deque(maxlen=most)
        self._news = asyncio.Event()
        self._closed = False

    def put_message(self, message: Reply | Cue | Notice) -> None:
        if len(self._messages) == self._most:
            self.unread += 1
        self._messages.append(message)
        self._news.set()

    def close(self) -> None:
        """Nothing more will come; what is here can still be read."""
        self._closed = True
        self._news.set()

    async def next_message(self) -> Reply | Cue | Notice | None:
        """The oldest, waited for; None when there is none and none will come."""
        while not self._messages:
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._messages.popleft()
