"""`http` typed where `https` is due, and the other way round, by raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
from bridge_rig import Recorder, server_of, until

from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.transport.plain_on_tls import answer
from fedxr.bridge.transport.tls import Certificate, own_certificate

HELD_S = 0.4
"""Seconds that a handshake has in these tests."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return own_certificate(["localhost", "127.0.0.1"], tmp_path_factory.mktemp("certificates"))


LOOPS = ["asyncio", "uvloop"]
"""Each brings TLS of its own."""


def run_on(loop: str, what: Coroutine[None, None, None]) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop]
    if loop == "asyncio":
        factory = asyncio.new_event_loop
    else:
        try:
            factory = importlib.import_module("uvloop").new_event_loop
        except ImportError:
            what.close()
            pytest.skip("no uvloop on this machine")
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(what)


@asynccontextmanager
async def tls_server(own: Certificate, **config: object) -> AsyncIterator[BridgeServer]:
    page = {"/": ("text/plain", b"the page")}
    async with server_of(Recorder(), page, tls=own.context(), **config) as server:
        yield server


async def said_to(port: int, *parts: bytes) -> bytes:
    """All that the server says to ``parts``, which come one by one, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 20)
    return b""


async def fetched(port: int, own: Certificate) -> bytes:
    trusting = ssl.create_default_context(cafile=str(own.root))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting, server_hostname="localhost"
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    found = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return found


@pytest.mark.parametrize("loop", LOOPS)
def test_http_is_sent_on_to_https_and_https_is_served(loop: str, own: Certificate) -> None:
    run_on(loop, _sent_on(own))


async def _sent_on(own: Certificate) -> None:
    async with tls_server(own, hello_timeout_s=HELD_S) as server:
        request = b"GET /xr?token=a%20b HTTP/1.1\r\nHost: localhost:8765\r\n\r\n"
        # As a whole, and as it dribbles in.
        for parts in ([request], [request[:1], request[1:9], request[9:]]):
            said = await said_to(server.port, *parts)
            head, _, body = said.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
            assert b"\r\nLocation: https://localhost:8765/xr?token=a%20b\r\n" in head
            assert b"\r\nConnection: close" in head
            assert body == b"this port speaks TLS: open https://localhost:8765\n"
        assert (await fetched(server.port, own)).endswith(b"the page")


@pytest.mark.parametrize("loop", LOOPS)
def test_who_was_answered_or_dribbles_is_cut_off_in_time(loop: str, own: Certificate) -> None:
    """No request comes through, and none stays longer than a handshake may."""
    run_on(loop, _cut_off(own))


async def _cut_off(own: Certificate) -> None:
    async with tls_server(own, hello_timeout_s=HELD_S) as server:
        clock = asyncio.get_running_loop().time
        began = clock()
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        assert await said_to(server.port, request) == b""  # its empty line never comes
        assert clock() - began >= HELD_S
        said = await said_to(server.port, request + b"\r\n", b"GET / HTTP/1.1\r\n\r\n")
        assert said.count(b"HTTP/1.1 308") == 1
        assert b"the page" not in said
        endless = await said_to(server.port, b"GET /" + b"a" * 9000)
        assert endless.startswith(b"HTTP/1.1 400")
        assert await said_to(server.port, b"\x00\x01nonsense") == b""
        assert len(server._doorstep) == 0


def test_a_websocket_is_told_its_address_and_nonsense_gets_a_sentence() -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: 10.0.0.7:8765\r\nUpgrade: websocket\r\n\r\n"
    assert b"connect to wss://10.0.0.7:8765 instead of ws://10.0.0.7:8765, " in answer(upgrade)
    for bad in (
        b"GET / HTTP/1.1\r\n\r\n",  # no host
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET //\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b'GET / HTTP/1.1\r\nHost: a"\r\n\r\n',
        b"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        said = answer(bad)
        assert said.startswith(b"HTTP/1.1 400")
        assert said.endswith(b"\r\n\r\nthis port speaks TLS: open https:// instead\n")
        assert b"Location" not in said


async def test_https_on_a_plain_port_is_closed_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trusting = ssl.create_default_context()
    async with server_of(Recorder(), hello_timeout_s=60) as server:
        with caplog.at_level(logging.WARNING, logger="fedxr.bridge.transport.pending"):
            for _ in range(3):
                with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
                    await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
        assert len(caplog.messages) == 1
        assert "open http:// (programs: ws://)" in caplog.messages[0]
        await until(lambda: len(server._doorstep) == 0)
