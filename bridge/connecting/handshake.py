"""The headset's side of opening a session: connect, say hello, prove whose key that is, be welcomed
or told why not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import InvalidMessage, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from fedxr.bridge.protocol import (
    MAX_MESSAGE,
    SUBPROTOCOL,
    VERSIONS,
    BridgeError,
    Bye,
    Challenge,
    Hello,
    Notice,
    Proof,
    ProtocolError,
    Welcome,
    decode_down,
    encode,
)
from fedxr.bridge.transport.connection import WRITE_LIMIT, ClientBridgeConnection
from fedxr.bridge.user_key import UserKey


def trusting(url: str, root: Path | None) -> ssl.SSLContext | None:
    """What to verify a ``wss:`` server with: the system's roots and the certificate ``root``.

    Raises BridgeError when that file cannot be read.
    """
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    if root is not None:
        try:
            context.load_verify_locations(root)
        except (OSError, ssl.SSLError) as error:
            raise BridgeError(f"cannot read the root certificate {root}: {error}") from None
    return context


class RefusedError(BridgeError):
    """The bridge does not let this headset in and would not, if it asked again."""


_TRY_TLS = "it may want wss:// and --trust (`fedxr serve --lan` says where its root lies)"
_COME_BACK = frozenset({503})
_PASSING = frozenset({"full", "gone"})
"""Refusals that pass by themselves: a status of HTTP, codes of notices."""


async def open_session(
    url: str, hello: Hello, key: UserKey, timeout_s: float, tls: ssl.SSLContext | None = None
) -> tuple[ClientBridgeConnection, Welcome]:
    """Connect to ``url`` and be welcomed as the user of ``key``, whose public half the hello has.

    Raises RefusedError with the server's own words; BridgeError when it is not reachable or has no
    place at present.
    """
    try:
        connection = await open_websocket(
            url,
            create_connection=ClientBridgeConnection,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ssl=tls,
            max_size=MAX_MESSAGE,
            write_limit=WRITE_LIMIT,
            proxy=None,
            open_timeout=timeout_s,
            close_timeout=1.0,
            ping_interval=10.0,
            ping_timeout=10.0,
        )
    except InvalidStatus as error:
        said = (error.response.body or b"").decode(errors="replace").strip()
        kind = BridgeError if error.response.status_code in _COME_BACK else RefusedError
        raise kind(f"{url} refused the connection: {said or error}") from None
    except ssl.SSLCertVerificationError as error:
        raise RefusedError(
            f"{url} shows a certificate that is not trusted here: {error.verify_message}; give its "
            "root certificate, by --trust FILE (`fedxr serve --lan` says where it lies)"
        ) from None
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        # A server that waits for TLS does not answer the plain words of ``ws:``.
        wants_tls = url.startswith("ws:") and isinstance(error, InvalidMessage)
        raise BridgeError(
            f"cannot reach a bridge at {url}: {error}; "
            + (_TRY_TLS if wants_tls else "is it started (`fedxr serve`)?")
        ) from None
    if not isinstance(connection, ClientBridgeConnection):
        raise TypeError("connections are made by create_connection=ClientWire")
    try:
        welcome = await _greet(connection, hello, key, timeout_s)
    except BaseException:
        connection.transport.abort()
        raise
    return connection, welcome


async def _greet(
    connection: ClientBridgeConnection, hello: Hello, key: UserKey, timeout_s: float
) -> Welcome:
    """Send the hello, answer the challenge and wait for the welcome; a notice instead becomes a
    BridgeError."""
    host = connection.request.headers["Host"] if connection.request else ""
    answer: asyncio.Future[Welcome] = connection.loop.create_future()
    connection.early = early = []

    def receive(data: bytes) -> None:
        if answer.done():
            early.append(data)
            return
        try:
            message = decode_down(data)
            if isinstance(message, Challenge):
                connection.write(encode(Proof(key.prove(message.nonce, host))))
                return
        except (ProtocolError, ValueError) as error:
            answer.set_exception(BridgeError(f"the server sent what is {error}"))
            return
        if isinstance(message, Welcome) and VERSIONS[0] <= message.version <= VERSIONS[1]:
            answer.set_result(message)
        elif isinstance(message, Welcome):
            said = f"the server speaks version {message.version} of fedxr, this headset {VERSIONS}"
            answer.set_exception(RefusedError(f"{said}; update the older side"))
        elif isinstance(message, Notice | Bye):
            said = message.text if isinstance(message, Notice) else message.reason
            passes = isinstance(message, Notice) and message.code in _PASSING
            kind = BridgeError if passes else RefusedError
            answer.set_exception(kind(f"the bridge refused this headset: {said}"))

    def lost() -> None:
        if not answer.done():
            answer.set_exception(BridgeError("the connection was lost before the welcome"))

    connection.set_callbacks(receive, lambda: None, lost)
    connection.write(encode(hello))
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError:
        raise BridgeError(f"no welcome within {timeout_s:g} s") from None
