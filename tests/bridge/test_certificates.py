"""TLS on the one port: a certificate of one's own, kept and trusted, pages and headsets over it."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import stat
import sys
import urllib.request
from pathlib import Path

import pytest
from bridge_rig import RawHeadset, Recorder, gaze, headset, server_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.exceptions import InvalidStatus

from fedxr.bridge import authority
from fedxr.bridge.authority import Authority
from fedxr.bridge.protocol import BridgeError, Reply
from fedxr.bridge.transport.tls import Certificate, names_here, own_certificate, user_folder

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


def test_a_certificate_that_ends_soon_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = own_certificate(NAMES, tmp_path)
    assert made.root is not None
    root, chain = made.root.read_bytes(), made.chain.read_bytes()
    # 397 days: a month before its end, the server's is made anew, and the root stays.
    monkeypatch.setattr(authority, "LEFT_DAYS", 398)
    own_certificate(NAMES, tmp_path)
    assert made.chain.read_bytes() != chain
    assert made.root.read_bytes() == root
    monkeypatch.setattr(authority, "LEFT_DAYS", 731)
    own_certificate(NAMES, tmp_path)
    assert made.root.read_bytes() != root


def test_the_root_lasts_two_years_and_speaks_for_this_machine_alone(tmp_path: Path) -> None:
    made = own_certificate(NAMES, tmp_path)
    assert made.root is not None
    root = x509.load_pem_x509_certificate(made.root.read_bytes())
    leaf = x509.load_pem_x509_certificate(made.chain.read_bytes())
    assert (root.not_valid_after_utc - root.not_valid_before_utc).days == 730
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 397
    limits = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees is not None
    permitted = [str(subtree.value) for subtree in limits.value.permitted_subtrees]
    assert permitted == [*authority.PRIVATE, "localhost", "thishost.local"]


async def test_what_the_root_does_not_permit_is_not_believed(tmp_path: Path) -> None:
    """A thief of the root's key makes a certificate for a site of the internet, and one for
    another address that is not this machine's."""
    made = own_certificate(NAMES, tmp_path)
    assert made.root is not None
    root, key = made.root, tmp_path / "root-key.pem"
    thief = Authority.kept(root, key, NAMES)
    trusting = ssl.create_default_context(cafile=str(root))
    for name, believed in (("localhost", True), ("bank.example", False), ("8.8.8.8", False)):
        made.chain.write_bytes(thief.issue([name]))
        async with server_of(Recorder(), {"/": ("text/plain", b"")}, tls=made.context()) as server:
            opening = asyncio.open_connection(
                "127.0.0.1", server.port, ssl=trusting, server_hostname=name
            )
            if believed:
                (await opening)[1].close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
                    await opening


def test_a_root_without_limits_and_one_for_other_names_are_made_anew(tmp_path: Path) -> None:
    root, key = tmp_path / "root.pem", tmp_path / "root-key.pem"
    first = Authority.kept(root, key, NAMES)
    assert Authority.kept(root, key, NAMES).certificate == first.certificate
    # As an older version made it: for every name there is.
    builder = x509.CertificateBuilder(
        first.certificate.subject,
        first.certificate.subject,
        first.key.public_key(),
        1,
        first.certificate.not_valid_before_utc,
        first.certificate.not_valid_after_utc,
    )
    old = builder.sign(first.key, hashes.SHA256())
    root.write_bytes(old.public_bytes(Encoding.PEM))
    second = Authority.kept(root, key, NAMES)
    assert second.certificate not in (old, first.certificate)
    renamed = Authority.kept(root, key, [*NAMES, "otherhost"])
    assert renamed.certificate != second.certificate
    root.write_text("damaged")
    assert Authority.kept(root, key, NAMES).fits(NAMES)


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
        with pytest.raises(BridgeError, match=r"TLS: connect to wss://.*--trust"):
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
        with pytest.raises(BridgeError, match="connect to wss:"):
            await headset(server.url.replace("wss:", "ws:"), timeout_s=3)


async def test_a_tls_handshake_that_stands_still_is_cut_off(own: Certificate) -> None:
    async with server_of(Recorder(), tls=own.context(), hello_timeout_s=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(bytes.fromhex("1603010200"))  # a record's beginning
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
