"""``fedxr serve --lan``: what it listens on, what it prints, and that a headset gets in with it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.transport.tls import Certificate, lan_address, names_here
from fedxr.cli.lan import open_door, show_door
from fedxr.cli.serve import Serve, serve
from fedxr.dashboard.door import ROOT_PAGE, root_page


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))


def shown(door: object, port: int = 8765) -> str:
    out = io.StringIO()
    show_door(door, port, Console(file=out, width=200))  # type: ignore[arg-type]
    return out.getvalue()


def test_lan_listens_everywhere_with_tls_and_a_token(tmp_path: Path) -> None:
    door = open_door("127.0.0.1", 8765, token=None, insecure=False, lan=True)
    config = door.config
    assert (config.host, config.insecure) == ("0.0.0.0", False)  # noqa: S104
    assert config.tls is not None
    assert config.token
    assert len(config.token) >= 24
    again = open_door("127.0.0.1", 8765, token=None, insecure=False, lan=True)
    assert again.config.token != config.token
    text, tokens = shown(door), config.tokens
    assert set(names_here()) <= set(config.names)
    # The code on the screen invites to wear a headset, and to nothing else.
    assert f"in a headset: https://{lan_address()}:8765/xr?token={tokens['wear']}" in text
    assert f"live page:    https://{lan_address()}:8765/?token={tokens['watch']}" in text
    assert f"  to record:  https://{lan_address()}:8765/?token={tokens['record']}" in text
    assert f"  all rights: https://{lan_address()}:8765/?token={config.token}" in text
    assert f"wss://{lan_address()}:8765" in text
    assert str(tmp_path / "fedxr" / "root.pem") in text
    assert door.certificate is not None
    assert f"SHA-256:      {door.certificate.sha256()}" in text
    assert text.count("\u2588") + text.count("\u2580") + text.count("\u2584") > 100  # the QR code
    content_type, body = root_page(door.certificate)[ROOT_PAGE]
    assert content_type == "application/x-x509-ca-cert"
    assert b"PRIVATE" not in body


def test_alone_it_stays_on_this_machine() -> None:
    door = open_door("127.0.0.1", 8765, token=None, insecure=False, lan=False)
    assert (door.config.host, door.config.tls, door.config.token) == ("127.0.0.1", None, None)
    assert shown(door).split() == [
        *("in", "a", "headset:", "http://127.0.0.1:8765/xr"),
        *("live", "page:", "http://127.0.0.1:8765/"),
        *("programs:", "ws://127.0.0.1:8765"),
    ]
    assert root_page(door.certificate) == {}


def test_a_certificate_of_ones_own_is_used(tmp_path: Path) -> None:
    made = open_door("127.0.0.1", 1, token="t", insecure=False, lan=True).certificate
    assert made is not None
    own = Certificate(made.chain, made.chain)
    door = open_door("10.0.0.1", 1, token="t", insecure=False, lan=True, own=own)
    assert (door.config.host, door.config.token, door.host) == ("10.0.0.1", "t", "10.0.0.1")
    assert "root:" not in shown(door)


def test_an_address_is_shown_that_a_headset_can_open() -> None:
    for lan in (False, True):
        door = open_door("0.0.0.0", 8765, token="t", insecure=True, lan=lan)  # noqa: S104
        wear = door.config.tokens["wear"]
        assert f"http://{lan_address()}:8765/xr?token={wear}" in shown(door)


def test_a_made_certificate_names_the_host_that_was_asked_for() -> None:
    from cryptography import x509

    made = open_door("192.0.2.7", 1, token="t", insecure=False, lan=True).certificate
    assert made is not None
    certificate = x509.load_pem_x509_certificate(made.chain.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.7" in [str(a) for a in names.get_values_for_type(x509.IPAddress)]


def test_a_certificate_that_is_not_there_is_named_and_nothing_else(tmp_path: Path) -> None:
    none, other = tmp_path / "none.pem", tmp_path / "other.pem"
    with pytest.raises(BridgeError, match=r"no file \S*none\.pem; it must be a PEM") as alone:
        Certificate(none).context()
    assert "none.pem with the key" not in str(alone.value)
    other.write_text("no PEM")
    with pytest.raises(BridgeError, match=r"other\.pem: there is no file \S*none\.pem; both"):
        Certificate(none, other).context()
    with pytest.raises(BridgeError, match=r"certificate \S*other\.pem: .*; it must be a PEM"):
        Certificate(other).context()


async def test_a_key_needs_its_certificate(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="--key without --cert"):
        await serve(Serve(lan=True, key=tmp_path / "key.pem"), None)  # type: ignore[arg-type]


@pytest.mark.slow
async def test_serve_lan_lets_a_headset_in_and_stops_gracefully(tmp_path: Path) -> None:
    """The command as typed, and a headset that goes by what it prints."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    command = ["serve", "--lan", "--port", "0", "--state", str(tmp_path / "s.db")]
    server = subprocess.Popen(
        [sys.executable, "-m", "fedxr.cli.main", *command],
        stdout=subprocess.PIPE,
        env=env,
        text=True,
    )
    try:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        port = re.search(r"wss://[^:]+:(\d+)", said)
        token = re.search(r"token=(\S+)", said)
        assert port
        assert token
        url, root = f"wss://127.0.0.1:{port[1]}", tmp_path / "fedxr" / "root.pem"
        channels = [Channel("wrist", "motion/wrist", 50)]
        who = {"user": "u", "scenario": "companion", "channels": channels, "trust": root}
        async with await connect(url, token=token[1], **who) as headset:
            assert headset.tasks
        with pytest.raises(BridgeError, match="no token"):
            await connect(url, **who)
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()
