"""Plain HTTP that comes to a port of TLS is answered, not cut off.

Whoever types ``http://`` (or a bare address) before the port of ``fedxr serve --lan`` has made no
mistake that they could see: without an answer the browser says "connection closed". The first byte
tells: a TLS handshake begins with 22, which no request does. A browser is sent on to ``https://``,
a program that opens a websocket is told ``wss://``, and anything else ends as it always did.

Nothing is opened for such a guest: the answer goes out in place of the handshake, within the time
and in the place that a handshake has, and nothing of the request reaches the server.
"""

from __future__ import annotations

import http
import re
import ssl

TLS_HANDSHAKE = 0x16
"""First byte of whatever TLS client opens a connection (RFC 8446, 5.1)."""
_MOST = 8192
"""Bytes of a request that are waited for, and of which path and host are read."""
_REQUEST = re.compile(rb"[A-Z]{3,7} (?P<path>/[!-~]*) HTTP/1\.[01]\r\n")
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_HOST = re.compile(rb"\r\nhost:[ \t]*(?P<host>[A-Za-z0-9.\-:\[\]]{1,255})[ \t]*\r\n", re.IGNORECASE)
_WEBSOCKET = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)


def answer(request: bytes) -> bytes:
    """What a plain ``request``, whole up to its empty line, is answered with."""
    asked, host = _REQUEST.match(request), _HOST.search(request)
    if asked is None or host is None:
        return _response(http.HTTPStatus.BAD_REQUEST, "this port speaks TLS: open https:// instead")
    where, path = host["host"].decode(), asked["path"].decode()
    if _WEBSOCKET.search(request):
        said = (
            f"this port speaks TLS: connect to wss://{where} instead of ws://{where}, and trust "
            "its certificate (fedxr: --trust with the root that serve --lan has printed)"
        )
        return _response(http.HTTPStatus.BAD_REQUEST, said)
    there = f"https://{where}{path}"
    moved = http.HTTPStatus.PERMANENT_REDIRECT
    return _response(moved, f"this port speaks TLS: open https://{where}", f"Location: {there}\r\n")


def _response(status: http.HTTPStatus, text: str, more: str = "") -> bytes:
    body = f"{text}\n"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n{more}"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    ).encode()


class _Handshake(ssl.SSLObject):
    """One connection's handshake, or the answer to a request that came in its place."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    _plain: bytes | None = b""
    """Of a request, until it has been answered; None once this is known to be TLS."""

    def do_handshake(self) -> None:
        if self._plain is None:
            super().do_handshake()
            return
        self._plain += self.incoming.read()
        if not any(m.startswith(self._plain[:8]) or self._plain.startswith(m) for m in _METHODS):
            self.incoming.write(self._plain)  # TLS, or what OpenSSL refuses as it always did
            self._plain = None
            super().do_handshake()
            return
        if b"\r\n\r\n" in self._plain or len(self._plain) > _MOST:
            self.outgoing.write(answer(self._plain[:_MOST]))
            self._plain = None  # what comes after it is no handshake, and ends the connection
        # The loop sends what waits in `outgoing`, and goes on waiting for a handshake, which has
        # its time: a guest who was answered closes, or is cut off then.
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "waiting for the client")


class AnsweringContext(ssl.SSLContext):
    """A server's TLS 1.2 or newer, which answers plain HTTP as `answer` says."""

    sslobject_class = _Handshake

    def __new__(cls) -> AnsweringContext:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *more: object, **named: object
    ) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *more, **named)  # type: ignore[arg-type]
        if isinstance(made, _Handshake):
            made.incoming, made.outgoing = incoming, outgoing
        return made
