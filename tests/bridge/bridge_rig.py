"""What the bridge's tests share: an application that remembers, and a headset that connects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.frames import Frame, Opcode

from fedxr.bridge.channels import Channel, Samples, layout_of
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame as SampleFrame
from fedxr.bridge.plausible import sieve_of
from fedxr.bridge.protocol import (
    Answer,
    Challenge,
    Down,
    Feedback,
    Hello,
    Message,
    Proof,
    Welcome,
    decode_down,
    encode,
)
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.user_key import UserKey

GAZE = Channel("gaze", "gaze/point2", 72)
KEY = UserKey.new()
ANSWERS = {"emotion": Answer.of(np.array([0.25, 0.75]), 3)}


class Recorder(Application):
    """Keeps what it is told and answers each frame at once."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.frames: list[SampleFrame] = []
        self.told: list[Feedback] = []
        self.over: list[str] = []
        self.drops: list[Mapping[str, int]] = []

    def joined(self, session: Session) -> Sequence[str]:
        self.sessions.append(session)
        return ("emotion",)

    def frame(self, session: Session, frame: SampleFrame) -> None:
        self.frames.append(frame)
        session.send_reply(frame.seq, frame.capture_us, ANSWERS)

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.told.append(feedback)

    def left(self, session: Session, reason: str) -> None:
        self.over.append(reason)

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        self.drops.append(counts)


PATIENCE = 60.0
"""Seconds that anything may take; a busy machine is slow, and waiting costs nothing."""


def server_of(app: Application, pages: Any = None, **config: Any) -> BridgeServer:
    """A server on any free port that never loses patience, unless ``config`` says so."""
    for name in ("hello_timeout_s", "ping_timeout_s", "stall_s"):
        config.setdefault(name, PATIENCE)
    return BridgeServer(app, ServerConfig(**{"port": 0, **config}), pages)


async def headset(
    url: str, channels: Sequence[Channel] = (GAZE,), user: str = "u", **more: Any
) -> HeadsetClient:
    more.setdefault("clock_s", None)
    more.setdefault("timeout_s", PATIENCE)
    return await connect(
        url, user=user, scenario="companion", channels=channels, tasks=["emotion"], **more
    )


def samples_of(channel: Channel, t_us: Sequence[int], size: int = 4) -> Samples:
    """Made-up samples at ``t_us``, all plausible; free sizes of the layout become ``size``."""
    layout, sieve = layout_of(channel.layout), sieve_of(channel.layout)
    shape = (len(t_us), *(n or size for n in layout.shape))
    values = np.arange(int(np.prod(shape))).reshape(shape) % 251
    if sieve is not None:
        values = sieve.low + values / 251 * (sieve.high - sieve.low)
        for start, stop in sieve.range.units:
            values[..., start:stop] = np.eye(stop - start)[0]
    return Samples(np.array(t_us, np.int64), values.astype(layout.dtype))


def gaze(*t_us: int) -> dict[str, Samples]:
    return {"gaze": samples_of(GAZE, t_us)}


async def until(what: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for ``what`` to become true; fail when it does not."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"still waiting after {seconds} s"
        await asyncio.sleep(0.005)


async def introduce(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello, host: str
) -> None:
    """Hello and proof over a socket that has shaken hands as ``host``, frame by frame."""
    hello = msgspec.structs.replace(hello, key=KEY.public)
    writer.write(Frame(Opcode.BINARY, encode(hello)).serialize(mask=True))
    head = await reader.readexactly(2)
    challenge = decode_down(await reader.readexactly(head[1]))
    assert isinstance(challenge, Challenge)
    proof = encode(Proof(KEY.prove(challenge.nonce, host)))
    writer.write(Frame(Opcode.BINARY, proof).serialize(mask=True))


class RawHeadset:
    """A websocket on which a test sends what it likes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, url: str, **more: Any) -> RawHeadset:
        more.setdefault("subprotocols", ["fedxr.v1"])
        more.setdefault("open_timeout", PATIENCE)
        return cls(await open_websocket(url, compression=None, proxy=None, max_size=None, **more))

    def proof(self, challenge: Challenge, key: UserKey = KEY) -> Proof:
        assert self.socket.request is not None
        return Proof(key.prove(challenge.nonce, self.socket.request.headers["Host"]))

    async def send(self, message: Message | bytes | str) -> None:
        await self.socket.send(encode(message) if isinstance(message, Message) else message)

    async def receive(self) -> Down:
        data = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        assert isinstance(data, bytes)
        return decode_down(data)

    async def hello(self, hello: Hello, key: UserKey = KEY) -> Welcome:
        """Say it as the user of ``key``, prove that, and be welcomed."""
        await self.send(msgspec.structs.replace(hello, key=key.public))
        challenge = await self.receive()
        assert isinstance(challenge, Challenge), challenge
        await self.send(self.proof(challenge, key))
        welcome = await self.receive()
        assert isinstance(welcome, Welcome), welcome
        return welcome
