"""Who gets in, over real sockets: hellos, tokens, origins, places, pages."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.error
import urllib.request
from typing import Any

import msgspec
import numpy as np
import pytest
from bridge_rig import GAZE, KEY, PATIENCE, RawHeadset, Recorder, headset, server_of, until
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as WebsocketFrame
from websockets.frames import Opcode

from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import (
    BridgeError,
    Bye,
    Challenge,
    Hello,
    Notice,
    Offer,
    PackedFrame,
    Proof,
    Reply,
    Welcome,
    encode,
)
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session

HELLO = Hello(2, 2, "u", "companion", [Offer("gaze", "gaze/point2", 72.0)], ["emotion"])


@pytest.mark.parametrize(
    ("hello", "code", "said"),
    [
        (Hello(3, 9, "u", "s", [], []), "bad-version", "3 to 9 of fedxr, this bridge 2 to 2"),
        (Hello(3, 9, "u", "s", [], []), "bad-version", "update the server, which is the older"),
        (Hello(1, 1, "u", "s", [], []), "bad-version", "update the headset's program"),
        (Hello(2, 2, "u", "s", [], []), "bad-key", "hello.key of 0 bytes is no public key"),
        (Hello(2, 2, "u", "s", [], [], key=b"k" * 256), "bad-key", "is no public key"),
        (Proof(b"x"), "bad-sequence", "must be a hello"),
        (Bye("x"), "bad-sequence", "must be a hello"),
        (PackedFrame(1, 1, []), "bad-sequence", "must be a hello"),
        (b"\xc1garbage", "garbage", "not a fedxr.v1 message"),
        ("hello?", "garbage", "a text message; fedxr.v1 messages are binary"),
    ],
)
async def test_a_bad_start_is_refused_with_the_reason(hello: Any, code: str, said: str) -> None:
    app = Recorder()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.send(hello)
        notice = await raw.receive()
        assert isinstance(notice, Notice)
        assert notice.code == code
        assert said in notice.text
        assert isinstance(await raw.receive(), Bye)
        with pytest.raises(ConnectionClosed):
            await raw.receive()
        assert raw.socket.close_code == 1008
    assert not app.sessions


@pytest.mark.parametrize("text", ["hello?", ["hel", "lo?"]], ids=["whole", "in fragments"])
async def test_text_ends_a_session_with_notice_and_bye(text: Any) -> None:
    app = Recorder()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        await raw.socket.send(text)
        notice, bye = await raw.receive(), await raw.receive()
        assert isinstance(notice, Notice)
        assert isinstance(bye, Bye)
        assert (notice.code, notice.text) == ("garbage", bye.reason)
        assert "a text message; fedxr.v1 messages are binary" in bye.reason
        with pytest.raises(ConnectionClosed):
            await raw.receive()
        assert raw.socket.close_code == 1008
        await until(lambda: app.over == [bye.reason])


async def _between_hello_and_welcome(raw: RawHeadset, at_once: bool) -> None:
    """A proof with two frames on its heels: in one write, so that there is no session yet, or one
    by one, so that the application is being asked."""
    await raw.send(msgspec.structs.replace(HELLO, key=KEY.public))
    challenge = await raw.receive()
    assert isinstance(challenge, Challenge)
    proof = raw.proof(challenge)
    parts: list[bytes] = [encode(m) for m in (proof, PackedFrame(1, 1, []), PackedFrame(2, 2, []))]
    if at_once:
        frames = [WebsocketFrame(Opcode.BINARY, part).serialize(mask=True) for part in parts]
        raw.socket.transport.write(b"".join(frames))
        return
    for part in parts:
        await raw.send(part)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_comes_before_the_welcome_is_refused_after_it(at_once: bool) -> None:
    class Slow(Recorder):
        async def joined(self, session: Session) -> tuple[str, ...]:  # type: ignore[override]
            self.sessions.append(session)
            await until(lambda: session.stats.refused == 2)
            return ("emotion",)

    app = Slow()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await _between_hello_and_welcome(raw, at_once)
        assert isinstance(await raw.receive(), Welcome)
        for _ in range(2):
            notice = await raw.receive()
            assert isinstance(notice, Notice)
            assert (notice.code, "wait for the welcome" in notice.text) == ("bad-sequence", True)
        await raw.send(PackedFrame(1, 1, []))
        assert isinstance(await raw.receive(), Reply)
        assert [f.seq for f in app.frames] == [1]


async def test_silence_instead_of_a_hello_is_cut_off() -> None:
    async with server_of(Recorder(), hello_timeout_s=0.2) as server:
        raw = await RawHeadset.open(server.url)
        notice = await raw.receive()
        assert isinstance(notice, Notice)
        assert "no hello and proof within 0.2 s" in notice.text


async def test_channels_are_refused_one_by_one() -> None:
    offers = [
        Offer("gaze", "gaze/point2", 72.0),
        Offer("gaze", "gaze/ray", 72.0),
        Offer("nose", "smell/nose", 1.0),
        Offer("ear", "audio/pcm16", 16e3, "sometimes"),
    ]
    async with server_of(Recorder()) as server:
        raw = await RawHeadset.open(server.url)
        welcome = await raw.hello(Hello(2, 2, "u", "s", offers, []))
    assert list(welcome.channels) == ["gaze"]
    assert welcome.refused["gaze"].startswith("offered twice")
    assert "unknown layout 'smell/nose'" in welcome.refused["nose"]
    assert "'latest', 'queue N' and 'reliable'" in welcome.refused["ear"]


async def test_a_token_is_wanted_beyond_loopback() -> None:
    with pytest.raises(BridgeError, match="a token is needed"):
        ServerConfig(host="0.0.0.0", insecure=True)  # noqa: S104
    with pytest.raises(BridgeError, match="without TLS"):
        ServerConfig(host="0.0.0.0", token="t")  # noqa: S104
    app = Recorder()
    async with server_of(app, host="0.0.0.0", token="right", insecure=True) as server:  # noqa: S104
        url = f"ws://127.0.0.1:{server.port}"
        for token, said in ((None, "no token"), ("wrong", "wrong token"), ("", "no token")):
            with pytest.raises(BridgeError, match=said):
                await headset(url, token=token)
        with pytest.raises(InvalidStatus, match="401"):
            await open_websocket(url + "/live?token=wrong", proxy=None)
        assert not app.sessions
        async with (
            await headset(url, token="right") as client,
            open_websocket(url + "/live?token=right", proxy=None),
        ):
            assert client.tasks == ("emotion",)


async def test_foreign_origins_hosts_and_protocols_stay_out() -> None:
    async with server_of(Recorder()) as server:
        for more, said in (
            ({"origin": "http://evil.example"}, "may not connect"),
            ({"origin": "null"}, "may not connect"),
            ({"subprotocols": ["fedxr.v9"]}, "this bridge speaks 'fedxr.v1'"),
            ({"subprotocols": None}, "this bridge speaks 'fedxr.v1'"),
        ):
            with pytest.raises(InvalidStatus) as error:
                await RawHeadset.open(server.url, **more)
            assert said in (error.value.response.body or b"").decode()
        rebound = server.url.replace("127.0.0.1", "evil.example")
        with pytest.raises(InvalidStatus) as error:
            await RawHeadset.open(rebound, host="127.0.0.1", port=server.port)
        assert "is not this machine's loopback" in (error.value.response.body or b"").decode()
        same = await RawHeadset.open(server.url, origin=f"http://127.0.0.1:{server.port}")
        await same.hello(HELLO)


@pytest.mark.parametrize(
    ("head", "status", "said"),
    [
        ("GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}", 400, "header Host stands there twice"),
        ("GET / HTTP/1.1\r\nHost: {0}\r\nOrigin: a\r\nOrigin: b", 400, "header Origin"),
        ("GET / HTTP/1.1\r\nHost: {0}\r\nUpgrade: a\r\nUpgrade: b", 400, "header Upgrade"),
        ("GET / HTTP/1.1\r\nHost: [", 400, "malformed Host or Origin"),
        ("GET //[ HTTP/1.1\r\nHost: {0}", 404, "no page //["),
    ],
)
async def test_a_crooked_request_is_refused_and_is_no_error_of_the_server(
    head: str, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with server_of(Recorder()) as server:
        host = f"127.0.0.1:{server.port}"
        reading, writing = await asyncio.open_connection("127.0.0.1", server.port)
        writing.write(head.format(host).encode() + b"\r\n\r\n")
        answer = (await asyncio.wait_for(reading.read(), PATIENCE)).decode()
        writing.close()
    assert answer.startswith(f"HTTP/1.1 {status} "), answer
    assert said in answer
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_stranger_may_not_say_much_and_a_guest_may() -> None:
    """A hello of 300 KB is not read; a frame of 600 KB is, once the token has been shown."""
    app = Recorder()
    async with server_of(app, token="right") as server:
        raw = await RawHeadset.open(server.url)
        long = Hello(2, 2, "u", "s", [], [], {"model": "x" * 300_000}, key=KEY.public)
        with contextlib.suppress(ConnectionClosed):
            await raw.send(long)
        with pytest.raises(ConnectionClosed):
            await raw.receive()
        assert raw.socket.close_code == 1009
        assert not app.sessions
        cloud = Channel("cloud", "spatial/points", 0)
        async with await headset(server.url, [cloud], token="right") as client:
            points = Samples(np.array([1]), np.zeros((1, 50_000, 3), np.float32))
            await client.send_frame(1, {"cloud": points})
            await until(lambda: app.frames)
            assert app.frames[0].samples["cloud"].values.nbytes == 600_000


async def test_sessions_are_limited() -> None:
    async with server_of(Recorder(), max_sessions=2) as server:
        first, second = await headset(server.url), await headset(server.url)
        with pytest.raises(BridgeError, match="all 2 places are taken"):
            await headset(server.url)
        await first.close()
        await until(lambda: len(server.sessions) == 1)
        await (await headset(server.url)).close()
        await second.close()


async def test_pages_and_the_live_page() -> None:
    made = iter((b"one", b"two"))
    pages = {
        "/": ("text/html", b"<p>hi"),
        "/n": ("text/plain", lambda _: next(made)),
        "/a.js": ("text/javascript", b"1"),
    }
    app = Recorder()
    async with server_of(app, pages) as server:

        def get(path: str, method: str = "GET") -> tuple[int, str, bytes]:
            try:
                url = f"http://127.0.0.1:{server.port}{path}"
                asked = urllib.request.Request(url, method=method)
                with urllib.request.urlopen(asked, timeout=PATIENCE) as got:  # noqa: S310
                    return got.status, got.headers["Content-Type"], got.read()
            except urllib.error.HTTPError as error:
                return error.code, "", error.read()

        assert await asyncio.to_thread(get, "/?x=1") == (200, "text/html", b"<p>hi")
        assert (await asyncio.to_thread(get, "/n"))[2] == b"one"
        assert (await asyncio.to_thread(get, "/n"))[2] == b"two"
        status, _, body = await asyncio.to_thread(get, "/none")
        # The files that a page is made of are not pages to open.
        assert (status, body) == (404, b"no page /none; there are: /, /n\n")
        assert (await asyncio.to_thread(get, "/", "HEAD"))[::2] == (200, b"")
        status, _, body = await asyncio.to_thread(get, "/", "POST")
        assert (status, body) == (405, b"POST; pages are only read, by GET\n")
        server.publish(b'{"n": 1}')
        async with open_websocket(server.url + "/live", proxy=None) as watcher:
            assert await watcher.recv() == '{"n": 1}'
            server.publish(b'{"n": 2}')
            assert await watcher.recv() == '{"n": 2}'
            assert server.watchers == 1
        await until(lambda: server.watchers == 0)


async def test_every_answer_forbids_frames_referrers_and_foreign_scripts() -> None:
    pages = {"/": ("text/html", b"<p>hi")}
    async with server_of(Recorder(), pages) as server:
        for path in ("/", "/none"):
            reading, writing = await asyncio.open_connection("127.0.0.1", server.port)
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
            writing.write(request.encode())
            answer = (await asyncio.wait_for(reading.read(), PATIENCE)).decode().lower()
            writing.close()
            for header in (
                "x-frame-options: deny",
                "referrer-policy: no-referrer",
                "x-content-type-options: nosniff",
                "cache-control: no-store",
            ):
                assert f"\r\n{header}\r\n" in answer, (path, header)
            policy = answer.partition("content-security-policy: ")[2].partition("\r\n")[0]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy


async def test_a_watcher_is_heard_or_cut_off_with_the_reason() -> None:
    wishes: list[bytes] = []
    async with server_of(Recorder()) as server:
        async with open_websocket(server.url + "/live", proxy=None) as watcher:
            await watcher.send(b"please")
            with pytest.raises(ConnectionClosed, match="takes no wishes"):
                await watcher.recv()
        async with open_websocket(server.url + "/live", proxy=None) as watcher:
            await watcher.send("please")
            with pytest.raises(ConnectionClosed, match="wishes as binary messages of JSON"):
                await watcher.recv()
            assert watcher.close_code == 1003
        server.hear = lambda data, _: wishes.append(data)
        async with open_websocket(server.url + "/live", proxy=None) as watcher:
            await watcher.send(b"please")
            await until(lambda: wishes == [b"please"])
            server.publish(b"{}")
            assert await watcher.recv() == "{}"


async def test_clear_errors_when_there_is_no_bridge() -> None:
    async with server_of(Recorder()) as server:
        url, port = server.url, server.port
        with pytest.raises(BridgeError, match="choose another port"):
            async with BridgeServer(Recorder(), ServerConfig(port=port)):
                pass
        client = await headset(url)
    with pytest.raises(BridgeError, match="the server stops"):
        await anext(client)
    with pytest.raises(BridgeError, match="cannot reach a bridge at"):
        await connect(url, user="u", scenario="s", channels=[GAZE])
