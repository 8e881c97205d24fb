"""Bent messages through codec and session: `python -m benchmarks.fuzz [--count 1000000]`.

Golden messages of fedxr.v1 are changed, cut and grown at random, from one seed. All of them are
given to the decoders; those that a headset sends are given to sessions on a real server's socket, a
new one whenever one has thrown its headset out, and otherwise for every fifth message. Only a
refusal may come of it: any other exception, in a callback too, and any error in a log ends the run
with the message that came last, as hex. `tests/bridge` does the same by hypothesis, on fewer
messages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket

from benchmarks.load_clients import GOLDEN, bent, golden
from benchmarks.newcomer import greet
from fedxr.bridge.channels import TICK_US, Channel
from fedxr.bridge.clock import now_us
from fedxr.bridge.frames import ChannelCodec, Frame, unpack_samples
from fedxr.bridge.protocol import (
    Feedback,
    Hello,
    PackedFrame,
    ProtocolError,
    Welcome,
    decode_down,
    decode_up,
)
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.decode_process import Pictures
from fedxr.bridge.serving.server import BridgeServer, ServerConfig, Session
from fedxr.bridge.transport.connection import BridgeConnection, run

CHANNELS = (
    Channel("left", "hands/openxr26", 72),
    Channel("eeg", "eeg/Oz-O1-O2", 250),
    Channel("mic", "audio/pcm16", 16_000),
    Channel("eye", "vision/gray", 30),
    Channel("cloud", "spatial/points", 30),
    Channel("gaze", "gaze/point2", 72),
)
"""As the golden vectors have them, numbered from 1."""
TASKS = ("emotion",)
"""What the golden feedback is about: on any other task it would be refused unseen."""
_END_S = 60.0
"""A session whose connection is lost must be over by then; far more than a picture ever takes."""
UP = ("hello", "frame", "feedback", "ping", "bye")


def upward() -> list[bytes]:
    """The golden messages that a headset sends; any other one is garbage to a session, ends it, and
    hides what comes behind."""
    vectors = json.loads(GOLDEN.read_text(encoding="utf-8"))["accepted"]
    return [bytes.fromhex(v["hex"]) for v in vectors if v["message"]["type"] in UP]


class Looker(Application):
    """Looks at every array, as an agent does."""

    def __init__(self) -> None:
        self.frames = self.told = 0

    def joined(self, session: Session) -> tuple[str, ...]:
        return TASKS

    def frame(self, session: Session, frame: Frame) -> None:
        self.frames += 1
        for samples in frame.samples.values():
            if len(samples.t_us) != len(samples.values):
                raise AssertionError("stamps and values differ")

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.told += 1


class Findings(logging.Handler):
    """What nobody's `try` sees: exceptions in callbacks and tasks of the present event loop, and
    errors that go into a log instead."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []
        logging.getLogger().addHandler(self)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.note(context))

    def note(self, context: dict[str, Any]) -> None:
        self.found.append(context.get("exception") or RuntimeError(str(context)))

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(error or RuntimeError(f"logged: {record.getMessage()}"))

    def check(self) -> None:
        if self.found:
            raise self.found[0]


def through_codec(data: bytes, outcomes: Counter[str]) -> None:
    codecs = {n: ChannelCodec(channel, n) for n, channel in enumerate(CHANNELS, 1)}
    for decode in (decode_up, decode_down):
        try:
            message = decode(data)
            if isinstance(message, PackedFrame):
                for samples in unpack_samples(message, codecs).values():
                    outcomes["samples"] += len(samples)
            outcomes["accepted"] += 1
        except ProtocolError as error:
            outcomes[error.code] += 1


def _raised(_session: Session, error: Exception) -> None:
    """What ends one session on a server is what this looks for."""
    raise error


def session_on(connection: BridgeConnection, application: Looker, pictures: Pictures) -> Session:
    """A session as the server makes it, open from the start."""
    hello = Hello(2, 2, "u", "s", [], [])
    session = Session(
        connection,
        "fuzz",
        hello,
        CHANNELS,
        {},
        inbox_bytes=2**20,
        outbox_bytes=2**16,
        late_us=250_000,
        now=now_us,
        pictures=pictures,
    )
    session.tasks = TASKS
    session.open(application.frame, application.feedback, _raised)
    numbers = {channel.name: n for n, channel in enumerate(CHANNELS, 1)}
    session.welcomed(Welcome(1, "fuzz", numbers, {}, [*TASKS], TICK_US, now_us(), 2**22, 0))
    return session


async def fuzz(count: int, seed: int) -> None:
    chance, messages, outcomes = random.Random(seed), golden(), Counter[str]()
    up, application, opened = upward(), Looker(), 1
    me, findings = psutil.Process(), Findings()
    start, before = time.perf_counter(), 0
    pictures = Pictures(1)
    async with (
        BridgeServer(application, ServerConfig(port=0)) as server,
        open_websocket(server.url, subprotocols=["fedxr.v1"], compression=None) as socket,
    ):
        await greet(socket, Hello(2, 2, "u", "s", [], []))
        await socket.recv()
        reading = asyncio.create_task(_read(socket))
        connection = next(iter(server.sessions.values()))._connection
        session = session_on(connection, application, pictures)
        for n in range(1, count + 1):
            if session.over.done() or chance.random() < 0.2:
                session, opened = session_on(connection, application, pictures), opened + 1
            data = bent(messages, chance)
            try:
                through_codec(data, outcomes)
                data = bent(up, chance)
                session.incoming.receive(data)
                if n % 16 == 0:
                    await asyncio.sleep(0)
                    findings.check()
            except Exception:
                print(f"message {n} of seed {seed}: {data.hex()}", file=sys.stderr)
                raise
            if n == min(count, 20_000):
                before = me.memory_info().rss
            if n % 100_000 == 0:
                rate = n / (time.perf_counter() - start)
                print(f"{n} messages, {rate:.0f}/s", flush=True)
        reading.cancel()
    pictures.close()
    after = me.memory_info().rss
    print(", ".join(f"{code} {times}" for code, times in outcomes.most_common()))
    print(
        f"{count} messages through codec and session in {time.perf_counter() - start:.0f} s: "
        f"{application.frames} frames and {application.told} feedback taken, {opened} sessions; no "
        "exception; memory "
        f"{before / 2**20:.0f} MB after the first 20,000, {after / 2**20:.0f} MB at the end"
    )


async def stage() -> Callable[[Sequence[bytes]], Awaitable[None]]:
    """A server with one headset that reads, and what gives messages to a new session on its wire
    and waits until they are worked through. Both last as long as the process."""
    application, pictures, findings = Looker(), Pictures(1), Findings()
    server = BridgeServer(application, ServerConfig(port=0))
    await server.start()
    socket = await open_websocket(server.url, subprotocols=["fedxr.v1"], compression=None)
    await greet(socket, Hello(2, 2, "u", "s", [], []))
    await socket.recv()
    connection = next(iter(server.sessions.values()))._connection
    reading = asyncio.create_task(_read(socket))

    async def feed(messages: Sequence[bytes]) -> None:
        session = session_on(connection, application, pictures)
        if len(messages) % 2 == 0:
            session.use_inbox()
        for message in messages:
            before = session.last_seq
            session.incoming.receive(message)
            if session.last_seq < before or session.acknowledged > session.last_seq:
                raise AssertionError(f"numbers went back: {before}, {session.last_seq}")
        session.check_health(60.0)
        session.incoming.lost()
        async with asyncio.timeout(_END_S):
            while not session.over.done():
                findings.check()  # what failed behind a picture may leave the session without end
                await asyncio.sleep(0.0005)
        await asyncio.sleep(0)
        while (item := session.take()) is not None:
            if isinstance(item, Frame):
                application.frame(session, item)
        findings.check()
        if reading.done():
            raise AssertionError("the headset lost its connection")

    return feed


async def _read(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run(fuzz(options.count, options.seed))


if __name__ == "__main__":
    main()
