"""What a newcomer says before there is a session: hello, then proof."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque

from fedxr.bridge.protocol import Challenge, Hello, encode
from fedxr.bridge.serving.admission import ServerConfig, check_proof, read_hello
from fedxr.bridge.serving.application import RefusalError
from fedxr.bridge.transport.connection import NOT_TEXT, ServerWire
from fedxr.bridge.transport.pending import patience
from fedxr.bridge.user_key import NONCE_BYTES

_MOST_HELLO = 2**18
"""Bytes that are taken from somebody who has not shown a token and a key yet."""


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


async def introduced(wire: ServerWire, config: ServerConfig) -> Hello:
    """Who is there, proven; both messages within ``hello_timeout_s``. Raises RefusalError."""
    most = config.max_message
    wire.protocol.max_message_size = min(_MOST_HELLO, most)
    words = FirstWords(wire)
    try:
        async with asyncio.timeout(patience(config.hello_timeout_s)):
            hello = read_hello(await words.next(), config.tokens)
            nonce = secrets.token_bytes(NONCE_BYTES)
            wire.write(encode(Challenge(nonce)))
            host = wire.request.headers.get("Host", "") if wire.request else ""
            check_proof(await words.next(), hello.key, nonce, host)
    except TimeoutError:
        raise RefusalError(
            "bad-sequence", f"no hello and proof within {config.hello_timeout_s:g} s"
        ) from None
    wire.protocol.max_message_size = most
    return hello
