"""The HTTP side of the bridge's port: pages, origins, and who may open which websocket.

Pages are served to anyone who reaches the port (their script and style could not carry a token),
so nothing private belongs into them; private data flow over `/live`, which wants the token.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from fedxr.bridge.grants import Grant
from fedxr.bridge.protocol import SUBPROTOCOL
from fedxr.bridge.serving.admission import ServerConfig, is_loopback

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a page may do: run and show what this server serves, speak to this server alone, and stand
in nobody's frame, where its buttons could be pressed by who does not see them."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Connection": "close",
}

Page = tuple[str, bytes | Callable[[frozenset[Grant]], bytes]]
"""Content type, and the body, or what makes it for whoever may do these things by their `?token=`
(called on the event loop for every GET)."""

LIVE = "/live"


def respond(status: http.HTTPStatus, content_type: str, body: bytes) -> Response:
    headers = Headers()
    headers["Content-Type"] = content_type
    headers["Content-Length"] = str(len(body))
    headers.update(_HEADERS)
    return Response(status.value, status.phrase, headers, body)


def refuse(status: http.HTTPStatus, text: str) -> Response:
    return respond(status, "text/plain; charset=utf-8", (text + "\n").encode())


def _hostname(netloc: str) -> str:
    return urlsplit("//" + netloc).hostname or ""


def check_origin(request: Request, config: ServerConfig, came_to: str) -> Response | None:
    """Refuse requests that a foreign web page makes through a user's browser, and those that are
    meant for another server; ``came_to`` is the address that this one came to.

    A websocket's Origin must be this very server or absent (no browser). On a loopback bind the
    Host must be a loopback name too, or a page could reach it by rebinding its own DNS name.
    """
    for name in ("Host", "Origin", "Upgrade"):
        if len(request.headers.get_all(name)) > 1:
            return refuse(http.HTTPStatus.BAD_REQUEST, f"header {name} stands there twice")
    host = request.headers.get("Host", "")
    try:
        if is_loopback(config.host) and host and not is_loopback(_hostname(host)):
            return refuse(
                http.HTTPStatus.FORBIDDEN,
                f"host {host!r} is not this machine's loopback; open http://127.0.0.1 instead",
            )
        if config.names and not is_loopback(_hostname(host)):
            known = {name.lower() for name in (*config.names, came_to)}
            if _hostname(host) not in known:
                return refuse(
                    http.HTTPStatus.MISDIRECTED_REQUEST,
                    f"host {host!r} is none of this server's names: {', '.join(config.names)}",
                )
        origin = request.headers.get("Origin")
        scheme = "http" if config.tls is None else "https"
        if origin is not None and urlsplit(origin)[:2] != (scheme, host):
            return refuse(
                http.HTTPStatus.FORBIDDEN,
                f"origin {origin!r} may not connect; only pages from {scheme}://{host} itself may",
            )
    except ValueError:
        return refuse(http.HTTPStatus.BAD_REQUEST, "malformed Host or Origin header")
    return None


def path_of(request: Request) -> str:
    return request.path.partition("?")[0]


def wants_websocket(request: Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def serve_page(request: Request, pages: Mapping[str, Page], config: ServerConfig) -> Response:
    """The page at the request's path; 404 with the pages to open, not with all their files."""
    if request.method not in ("GET", "HEAD"):
        asked = f"{request.method}; pages are only read, by GET"
        refused = refuse(http.HTTPStatus.METHOD_NOT_ALLOWED, asked)
        refused.headers["Allow"] = "GET, HEAD"
        return refused
    path = path_of(request)
    page = pages.get(path)
    if page is None:
        known = ", ".join(sorted(p for p in pages if "." not in p)) or "none"
        return refuse(http.HTTPStatus.NOT_FOUND, f"no page {path}; there are: {known}")
    content_type, body = page
    made = body if isinstance(body, bytes) else body(granted(request, config))
    found = respond(http.HTTPStatus.OK, content_type, made)
    if request.method == "HEAD":
        found.body = b""
    return found


def granted(request: Request, config: ServerConfig) -> frozenset[Grant]:
    """What `/live?token=…` allows."""
    token = parse_qs(request.path.partition("?")[2]).get("token", [""])[0]
    return config.tokens.grants(token)


def check_live(request: Request, config: ServerConfig) -> Response | None:
    """A token that lets watch is wanted wherever the server has one."""
    if "watch" in granted(request, config):
        return None
    return refuse(
        http.HTTPStatus.UNAUTHORIZED,
        "this page needs ?token=… of the server, one for watching (a headset's is not)",
    )


def check_bridge(request: Request) -> Response | None:
    """A headset must ask for the subprotocol by name."""
    asked = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    if SUBPROTOCOL in [name.strip() for name in asked.split(",")]:
        return None
    return refuse(
        http.HTTPStatus.BAD_REQUEST,
        f"subprotocol {asked!r}; this bridge speaks {SUBPROTOCOL!r}, ask for it in "
        "Sec-WebSocket-Protocol",
    )
