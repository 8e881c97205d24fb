"""What becomes of an HTTP request: a page, a websocket, or a refusal."""

from __future__ import annotations

import http
from collections.abc import Mapping

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from fedxr.bridge.serving import web
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.seats import Seats
from fedxr.bridge.serving.watchers import Watchers


class FrontDoor:
    """Judges each request by the server's ``config`` before anything is heard from whoever sends
    it; ``pages`` maps a path to its page."""

    def __init__(
        self, config: ServerConfig, pages: Mapping[str, web.Page], seats: Seats, watchers: Watchers
    ) -> None:
        self._config = config
        self._pages = dict(pages)
        self._seats = seats
        self._watchers = watchers

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """A page or a refusal; None where the websocket may be opened."""
        came_to = connection.transport.get_extra_info("sockname")[0]
        refused = web.check_origin(request, self._config, came_to)
        if refused is not None:
            return refused
        if not web.wants_websocket(request):
            return web.serve_page(request, self._pages, self._config)
        if web.path_of(request) == web.LIVE:
            return web.check_live(request, self._config) or self._crowded()
        return web.check_bridge(request) or self._seats.refusal(connection.remote_address)

    def _crowded(self) -> Response | None:
        """Why nobody more may watch."""
        places = self._config.max_watchers
        if len(self._watchers) < places:
            return None
        return web.refuse(
            http.HTTPStatus.SERVICE_UNAVAILABLE, f"full: all {places} places are taken"
        )
