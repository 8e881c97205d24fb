"""Who may open a session, and with which channels."""

from __future__ import annotations

import ipaddress
import ssl
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

from fedxr.bridge.channels import TICK_US, Channel, ChannelError
from fedxr.bridge.grants import Tokens
from fedxr.bridge.protocol import (
    MAX_MESSAGE,
    VERSIONS,
    BridgeError,
    Hello,
    Proof,
    ProtocolError,
    decode_up,
)
from fedxr.bridge.serving.application import RefusalError
from fedxr.bridge.serving.limits import too_many
from fedxr.bridge.user_key import KEY_BYTES, is_key, proves

_REMEMBERED = 1024


@dataclass(frozen=True)
class ServerConfig:
    """Where to listen and how much anyone may cost.

    ``token``: what whoever comes must show, or one of those that are made from it for less
    (`fedxr.bridge.grants`); needed on any host but loopback, checked wherever set. ``names``: names
    that this server is reached by; where some are given, a request that calls it by another one is
    refused, unless that is the very address it came to. ``tls``: what to encrypt with
    (`fedxr.bridge.transport.tls`), on the one port for pages and headsets; ``insecure`` says that
    unencrypted traffic on a network is accepted instead. ``ping_interval_s`` and
    ``ping_timeout_s``: a client that answers no websocket ping for their sum is dropped.
    ``stall_s``: one that reads nothing for so long while something waits, too. ``late_us``: a frame
    older than this on arrival counts as late. ``resume_s``: how long a lost session may be resumed.
    Byte bounds are per client. ``drain_s``: how long the application may take for what a session
    that is over has left in its inbox. ``max_waiting``: how many may stand at the door, their hello
    unsaid; one more, and who waited longest goes; ``max_newcomers_s``: connections that are heard a
    second, pages' included, after a second's worth at once. ``max_messages_s`` and ``max_bytes_s``:
    a client is read no faster than this, after a burst of one second's worth; ``math.inf`` for
    none. One address gets a share of the sessions (`fedxr.bridge.serving.address`)."""

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    insecure: bool = False
    tls: ssl.SSLContext | None = None
    max_sessions: int = 256
    max_waiting: int = 256
    max_newcomers_s: float = 100.0
    max_watchers: int = 32
    max_message: int = MAX_MESSAGE
    max_messages_s: float = 500.0
    max_bytes_s: float = 32.0 * 2**20
    inbox_bytes: int = 2 * MAX_MESSAGE
    outbox_bytes: int = 256 * 1024
    hello_timeout_s: float = 5.0
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 10.0
    stall_s: float = 10.0
    resume_s: float = 60.0
    drain_s: float = 5.0
    tick_us: int = TICK_US
    late_us: int = 250_000
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise BridgeError(
                f"port {self.port}: a port is a number from 0 to 65535; choose another one "
                "(0 takes any free one)"
            )
        if is_loopback(self.host):
            return
        if not self.token:
            raise BridgeError(
                f"host {self.host!r} is reachable from the network, so a token is needed: "
                "give one, or listen on 127.0.0.1"
            )
        if not self.insecure and self.tls is None:
            raise BridgeError(
                f"host {self.host!r} without TLS: token and data would travel readable by anyone "
                "on that network. Use `fedxr serve --lan`, or listen on 127.0.0.1 (with "
                "`adb reverse` for a headset on a cable), or say insecure if the network is yours "
                "alone"
            )

    @cached_property
    def tokens(self) -> Tokens:
        """What each token allows."""
        return Tokens(self.token or None)


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_hello(data: bytes, tokens: Tokens) -> Hello:
    """The hello in a connection's first message, its version, token and key checked.

    Raises RefusalError (bad-version, bad-token, bad-key, bad-sequence, garbage).
    """
    try:
        hello = decode_up(data)
    except ProtocolError as error:
        raise RefusalError(error.code, str(error)) from None
    if not isinstance(hello, Hello):
        raise RefusalError("bad-sequence", "the first message must be a hello")
    low, high = VERSIONS
    if hello.min_version > high or hello.max_version < low:
        older = "headset's program" if hello.max_version < low else "server"
        raise RefusalError(
            "bad-version",
            f"you speak versions {hello.min_version} to {hello.max_version} of fedxr, this bridge "
            f"{low} to {high}; update the {older}, which is the older one (fedxr on its computer, "
            "the package com.fedxr.bridge in a Unity project; a page is reloaded)",
        )
    granted = tokens.grants(hello.token)
    if "wear" not in granted:
        said = "wrong" if hello.token else "no"
        raise RefusalError(
            "bad-token",
            f"this token is for {' and '.join(sorted(granted))}, not for wearing a headset; ask "
            "for that one and give it as --token (hello.token)"
            if granted
            else f"{said} token; give the one that the server shows: --token (hello.token)",
        )
    if not is_key(hello.key):
        raise RefusalError(
            "bad-key",
            f"hello.key of {len(hello.key)} bytes is no public key: due are the {KEY_BYTES} of the "
            "modulus of an RSA key (PROTOCOL.md, who is who)",
        )
    return hello


def check_proof(data: bytes, key: bytes, nonce: bytes, host: str) -> None:
    """Whether a connection's second message shows that the hello's ``key`` is its own.

    Raises RefusalError (bad-key, bad-sequence, garbage).
    """
    try:
        proof = decode_up(data)
    except ProtocolError as error:
        raise RefusalError(error.code, str(error)) from None
    if not isinstance(proof, Proof):
        raise RefusalError("bad-sequence", "after the challenge comes the proof, and nothing else")
    if not proves(key, proof.signature, nonce, host):
        raise RefusalError(
            "bad-key",
            f"the proof is not by the hello's key, for this challenge and for {host!r}, by which "
            "this connection calls the server",
        )


def open_channels(hello: Hello) -> tuple[list[Channel], dict[str, str]]:
    """The channels that fit the table, and why each of the others does not."""
    accepted: dict[str, Channel] = {}
    refused: dict[str, str] = {}
    for offer in hello.channels:
        try:
            channel = Channel(offer.name, offer.layout, offer.rate_hz, offer.delivery)
        except ChannelError as error:
            refused[offer.name] = str(error)
            continue
        if offer.name in accepted:
            refused[offer.name] = "offered twice; the first offer counts"
        else:
            accepted[offer.name] = channel
    beyond = too_many(list(accepted.values()))
    return [c for c in accepted.values() if c.name not in beyond], {**refused, **beyond}


@dataclass(frozen=True)
class _Past:
    user_id: str
    last_seq: int
    left_s: float


class PastSessions:
    """The sessions that ended without a bye lately, so that they can be resumed.

    The person must be the same: who has proven the same key.
    """

    def __init__(self, resume_s: float) -> None:
        self._resume_s = resume_s
        self._past: OrderedDict[str, _Past] = OrderedDict()

    def remember(self, session_id: str, user_id: str, last_seq: int, now_s: float) -> None:
        self._past[session_id] = _Past(user_id, last_seq, now_s)
        while len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)

    def take(self, session_id: str, user_id: str, now_s: float) -> int | None:
        """The last sequence number of that session, or None if there is none to resume."""
        past = self._past.get(session_id)
        if past is None or past.user_id != user_id or now_s - past.left_s > self._resume_s:
            return None
        del self._past[session_id]
        return past.last_seq
