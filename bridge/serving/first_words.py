"""What a newcomer says before there is a session: hello, then proof."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque

from fedxr.bridge.protocol import Challenge, Hello, encode
from fedxr.bridge.serving.admission import ServerConfig, check_proof, read_hello
from fedxr.bridge.serving.application import RefusalError
from fedxr.bridge.transport.connection import NOT_TEXT, ServerBridgeConnection
from fedxr.bridge.transport.pending import jittered
from fedxr.bridge.user_key import NONCE_BYTES

_MOST_HELLO = 2**18
"""Bytes that are taken from somebody who has not shown a token and a key yet."""


class FirstWords:
    """The first two messages of a connection, in order; what comes on their heels is too early, and
    counted in ``connection.early``."""

    def __init__(self, connection: ServerBridgeConnection) -> None:
        self._connection, self._left = connection, 2
        self._said: deque[bytes | RefusalError] = deque()
        self._news = asyncio.Event()
        connection.set_callbacks(self._hear, lambda: None, lambda: self._hear(b""), self._hear_text)

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
            self._connection.early += 1

    def _hear_text(self) -> None:
        self._hear(RefusalError("garbage", NOT_TEXT))


async def introduced(connection: ServerBridgeConnection, config: ServerConfig) -> Hello:
    """Who is there, proven; both messages within ``hello_timeout_s``. Raises RefusalError."""
    most = config.max_message
    connection.protocol.max_message_size = min(_MOST_HELLO, most)
    words = FirstWords(connection)
    try:
        async with asyncio.timeout(jittered(config.hello_timeout_s)):
            hello = read_hello(await words.next(), config.tokens)
            nonce = secrets.token_bytes(NONCE_BYTES)
            connection.write(encode(Challenge(nonce)))
            host = connection.request.headers.get("Host", "") if connection.request else ""
            check_proof(await words.next(), hello.key, nonce, host)
    except TimeoutError:
        raise RefusalError(
            "bad-sequence", f"no hello and proof within {config.hello_timeout_s:g} s"
        ) from None
    connection.protocol.max_message_size = most
    return hello
