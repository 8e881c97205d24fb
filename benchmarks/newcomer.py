"""Opens a session over a bare websocket, for clients that then do as they like."""

from __future__ import annotations

from websockets.asyncio.client import ClientConnection

from fedxr.bridge.protocol import Challenge, Hello, Proof, decode_down, encode
from fedxr.bridge.user_key import UserKey

KEY = UserKey.new()
"""Of every client of a benchmark: nobody's agent is at stake there."""


async def greet(socket: ClientConnection, hello: Hello) -> None:
    """Say hello and prove the key; the welcome is the next message that comes."""
    hello.key = KEY.public
    await socket.send(encode(hello))
    challenge = decode_down(bytes(await socket.recv(decode=False)))
    if not isinstance(challenge, Challenge):
        raise TypeError(f"instead of a challenge: {challenge}")
    host = socket.request.headers["Host"] if socket.request else ""
    await socket.send(encode(Proof(KEY.prove(challenge.nonce, host))))
