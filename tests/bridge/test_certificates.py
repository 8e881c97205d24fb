"""TLS on the one port: a certificate of one's own, kept and trusted, pages and headsets over it."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl
import stat
import sys
import urllib.request
from pathlib import Path

import pytest
from bridge_rig import RawHeadset, Recorder, gaze, headset, server_of
from websockets.exceptions import InvalidStatus

from bridge.certificates import Certificate, names_here, own_certificate, user_folder
from bridge.protocol import BridgeError, Reply

trustme = pytest.importorskip("trustme")
NAMES = ["127.0.0.1", "localhost", "thishost.local"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return own_certificate(NAMES, tmp_path_factory.mktemp("user"))


def test_a_certificate_is_made_once_and_kept(tmp_path: Path) -> None:
    made = own_certificate(NAMES, tmp_path / "fedxr")
    assert made.root is not None
    root, chain = made.root.read_bytes(), made.chain.read_bytes()
    assert own_certificate(NAMES[:2], tmp_path / "fedxr") == made
    assert (made.root.read_bytes(), made.chain.read_bytes()) == (root, chain)
    # Another network: another certificate, by the authority that headsets trust already.
    own_certificate([*NAMES, "192.168.1.7"], tmp_path / "fedxr")
    assert made.root.read_bytes() == root
    assert made.chain.read_bytes() != chain
    assert not list(tmp_path.glob("**/*.new"))
    if sys.platform != "win32":
        for file in (tmp_path / "fedxr").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_certificate_that_ends_soon_is_replaced(tmp_path: Path) -> None:
    made = own_certificate(NAMES, tmp_path)
    assert made.root is not None
    authority = trustme.CA.from_pem(
        made.root.read_bytes(), (tmp_path / "root-key.pem").read_bytes()
    )
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    old = authority.issue_cert(*NAMES, not_after=soon).private_key_and_cert_chain_pem.bytes()
    made.chain.write_bytes(old)
    own_certificate(NAMES, tmp_path)
    assert made.chain.read_bytes() != old


def test_bad_files_and_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BridgeError, match="must be a PEM file with the key in it"):
        Certificate(tmp_path / "file").context()
    with pytest.raises(BridgeError, match="cannot keep certificates in"):
        own_certificate(NAMES, tmp_path / "file" / "below")
    assert user_folder().name == "fedxr"
    assert {"localhost", "127.0.0.1"} <= set(names_here())


async def test_headsets_and_pages_come_over_tls_on_one_port(own: Certificate) -> None:
    app = Recorder()
    pages = {"/": ("text/plain", b"hello")}
    async with server_of(app, pages, tls=own.context(), host="0.0.0.0", token="t") as server:  # noqa: S104
        url = f"wss://127.0.0.1:{server.port}"
        async with await headset(url, token="t", trust=own.root) as client:
            await client.send_frame(5, gaze(5))
            assert isinstance(await anext(client), Reply)
        with pytest.raises(BridgeError, match=r"it may want wss:// and --trust"):
            await headset(url.replace("wss", "ws"), token="t")
        assert own.root is not None
        trusting = ssl.create_default_context(cafile=str(own.root))

        def get() -> bytes:
            with urllib.request.urlopen("https" + url[3:], context=trusting, timeout=5) as got:  # noqa: S310
                return bytes(got.read())

        assert await asyncio.to_thread(get) == b"hello"
        shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", server.port))
        assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest() == own.sha256()
        same = f"https://127.0.0.1:{server.port}"
        raw = await RawHeadset.open(url, ssl=trusting, origin=same)
        await raw.socket.close()
        with pytest.raises(InvalidStatus):
            await RawHeadset.open(url, ssl=trusting, origin=same.replace("https", "http"))


async def test_who_does_not_trust_the_certificate_is_told_what_to_do(own: Certificate) -> None:
    async with server_of(Recorder(), tls=own.context()) as server:
        with pytest.raises(BridgeError, match=r"is not trusted here: .*root certificate"):
            await headset(server.url)
        with pytest.raises(BridgeError, match="cannot read the root certificate"):
            await headset(server.url, trust=own.chain.parent / "none.pem")
        with pytest.raises(BridgeError, match="cannot reach a bridge"):
            await headset(server.url.replace("wss:", "ws:"), timeout_s=3)


async def test_a_tls_handshake_that_stands_still_is_cut_off(own: Certificate) -> None:
    async with server_of(Recorder(), tls=own.context(), hello_timeout_s=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(bytes.fromhex("1603010200"))  # a record's beginning
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
