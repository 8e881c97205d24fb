"""Who is who: a key is kept, proven afresh each time, and is worth nothing to whoever listens."""

from __future__ import annotations

import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from bridge_rig import GAZE, KEY, RawHeadset, Recorder, gaze, headset, server_of, until
from websockets.exceptions import InvalidStatus

from fedxr.bridge.protocol import (
    BridgeError,
    Bye,
    Challenge,
    Hello,
    Notice,
    Offer,
    PackedFrame,
    Proof,
    decode_up,
)
from fedxr.bridge.user_key import UserKey, fingerprint, proves

HELLO = Hello(2, 2, "ann", "companion", [Offer("gaze", GAZE.layout, 72.0)], ["emotion"])
OTHER = UserKey.new()
NONCE = bytes(range(32))


async def refusal(raw: RawHeadset) -> str:
    """The code of the notice that ends it."""
    notice, bye = await raw.receive(), await raw.receive()
    assert isinstance(notice, Notice), notice
    assert isinstance(bye, Bye)
    return notice.code


def test_a_key_is_made_once_for_each_name_and_is_private(tmp_path: Path) -> None:
    names = ["ann", "Ann", "../../ann", "\u0000", "x" * 64, "\U0001f600" * 64, "a/b", "a%2Fb"]
    made = {name: UserKey.kept(name, tmp_path / "keys").public for name in names}
    assert len(set(made.values())) == len(names)
    for name, public in made.items():
        assert UserKey.kept(name, tmp_path / "keys").public == public
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == len(names)
    assert {file.parent for file in tmp_path.rglob("*.*")} == {tmp_path / "keys"}
    # No two of them differ in the case of letters only: not every file system tells those apart.
    assert len({file.name.lower() for file in files}) == len(names)
    if sys.platform != "win32":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_programs_that_make_the_same_key_at_once_use_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda _: UserKey.kept("ann", tmp_path).public, range(4)))
    assert len(set(keys)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_no_key_is_named_and_left_alone(tmp_path: Path) -> None:
    UserKey.kept("ann", tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text("damaged")
    with pytest.raises(BridgeError, match=r"ann-\w+\.pem is no key .* restore it from a copy"):
        UserKey.kept("ann", tmp_path)
    assert path.read_text() == "damaged"
    (tmp_path / "file").touch()
    with pytest.raises(BridgeError, match="cannot keep the key of user 'bob'"):
        UserKey.kept("bob", tmp_path / "file")


def test_a_proof_holds_for_one_key_one_challenge_and_one_host() -> None:
    proof = KEY.prove(NONCE, "Here:8765")
    assert proves(KEY.public, proof, NONCE, "here:8765")
    assert not proves(KEY.public, proof, NONCE[::-1], "here:8765")
    assert not proves(KEY.public, proof, NONCE, "there:8765")
    assert not proves(OTHER.public, proof, NONCE, "here:8765")
    for bad in (b"", proof[:-1], bytes(256), b"\xff" * 256, proof[::-1], proof + b"\0"):
        assert not proves(KEY.public, bad, NONCE, "here:8765")
    # No key at all, a small one, an even one, one whose first bit is not set.
    for bad in (b"", KEY.public[:-1], b"\x80" + bytes(255), b"\0" + KEY.public[1:], b"\xff" * 512):
        assert not proves(bad, proof, NONCE, "here:8765")
    with pytest.raises(ValueError, match="a challenge of 31 bytes; due are 32"):
        KEY.prove(NONCE[1:], "here:8765")


async def test_what_a_listener_heard_opens_nothing() -> None:
    app = Recorder()
    async with server_of(app) as server:
        heard: list[bytes] = []
        honest = await RawHeadset.open(server.url)
        write = honest.socket.send

        async def overheard(data: bytes) -> None:
            heard.append(data)
            await write(data)

        honest.socket.send = overheard  # type: ignore[assignment, method-assign]
        await honest.hello(HELLO)
        assert [type(decode_up(data)) for data in heard] == [Hello, Proof]
        thief = await RawHeadset.open(server.url)
        await thief.send(heard[0])
        assert isinstance(await thief.receive(), Challenge)
        await thief.send(heard[1])
        assert await refusal(thief) == "bad-key"
        assert len(app.sessions) == 1


@pytest.mark.parametrize("wrong", ["silent", "other", "frame", "hello"])
async def test_who_does_not_prove_the_key_is_not_let_in(wrong: str) -> None:
    app = Recorder()
    async with server_of(app, hello_timeout_s=0.5 if wrong == "silent" else 60) as server:
        raw = await RawHeadset.open(server.url)
        hello = msgspec.structs.replace(HELLO, key=KEY.public)
        await raw.send(hello)
        challenge = await raw.receive()
        assert isinstance(challenge, Challenge)
        if wrong == "other":
            await raw.send(raw.proof(challenge, OTHER))
        elif wrong == "frame":
            await raw.send(PackedFrame(1, 1, []))
        elif wrong == "hello":
            await raw.send(hello)
        due = "bad-key" if wrong == "other" else "bad-sequence"
        assert await refusal(raw) == due
        assert not app.sessions


async def test_every_challenge_is_another() -> None:
    nonces = set()
    async with server_of(Recorder()) as server:
        for _ in range(3):
            raw = await RawHeadset.open(server.url)
            await raw.send(msgspec.structs.replace(HELLO, key=KEY.public))
            challenge = await raw.receive()
            assert isinstance(challenge, Challenge)
            nonces.add(challenge.nonce)
            raw.socket.transport.abort()
    assert len(nonces) == 3
    assert {len(nonce) for nonce in nonces} == {32}


async def test_another_server_cannot_pass_a_proof_on() -> None:
    """The user visits a server at another address, which wants to be them at ours: it says their
    key here, and has them sign our challenge there."""
    app = Recorder()
    async with server_of(app) as server:
        relay = await RawHeadset.open(server.url)
        await relay.send(msgspec.structs.replace(HELLO, key=KEY.public))
        challenge = await relay.receive()
        assert isinstance(challenge, Challenge)
        await relay.send(Proof(KEY.prove(challenge.nonce, "192.0.2.1:8765")))
        assert await refusal(relay) == "bad-key"
        assert not app.sessions


async def test_a_request_for_another_name_is_refused_where_names_are_known() -> None:
    """So that such a server cannot call ours by its own name either."""
    config = {"host": "0.0.0.0", "token": "t", "insecure": True, "names": ("myhost", "10.0.0.1")}  # noqa: S104
    async with server_of(Recorder(), **config) as server:
        at = {"host": "127.0.0.1", "port": server.port}
        for host in ("evil.example", "192.0.2.1", "10.0.0.1.evil.example"):
            with pytest.raises(InvalidStatus) as error:
                await RawHeadset.open(f"ws://{host}:{server.port}", **at)
            assert error.value.response.status_code == 421
        for host in ("myhost", "MyHost", "10.0.0.1", "localhost", "127.0.0.1"):
            await RawHeadset.open(f"ws://{host}:{server.port}", **at)


async def test_a_session_is_resumed_by_its_key_and_not_by_its_name() -> None:
    app = Recorder()
    async with server_of(app) as server:
        first = await headset(server.url, user="ann", key=KEY)
        await first.send_frame(5, gaze(5))
        await until(lambda: app.frames)
        # Who knows the session's id, and says the same name, gets a session of their own.
        thief = await headset(server.url, user="ann", key=OTHER, resume=first.session)
        assert thief.session != first.session
        assert first.session in server.sessions
        again = await headset(server.url, user="another name", key=KEY, resume=first.session)
        assert (again.session, again.welcome.last_seq) == (first.session, 1)
        assert server.sessions[again.session].user_id == fingerprint(KEY.public)
        await thief.close()
        await again.close()


async def test_a_client_of_the_first_version_is_told_what_to_update() -> None:
    """Its hello has no key; the notice is the first that it gets."""
    old = {"type": "hello", "min_version": 1, "max_version": 1, "user": "u", "scenario": "s"}
    async with server_of(Recorder()) as server:
        raw = await RawHeadset.open(server.url)
        await raw.send(msgspec.msgpack.encode({**old, "channels": [], "tasks": []}))
        notice = await raw.receive()
        assert isinstance(notice, Notice)
        assert notice.code == "bad-version"
        assert "update the headset's program, which is the older one" in notice.text


async def test_a_kept_key_is_the_same_person_on_the_next_visit() -> None:
    app = Recorder()
    async with server_of(app) as server:
        for user in ("ann", "bob", "ann"):
            await (await headset(server.url, user=user)).close()
            await until(lambda: not server.sessions)
    ann, bob, again = (session.user_id for session in app.sessions)
    assert ann == again
    assert ann != bob
