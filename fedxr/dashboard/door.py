"""Where a server is reached, and all the pages that it has there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedxr.bridge.serving.admission import ServerConfig, is_loopback
from fedxr.bridge.serving.web import Page
from fedxr.bridge.transport.tls import Certificate
from fedxr.dashboard.invitation import Invitation
from fedxr.dashboard.static_files import all_pages

ROOT_PAGE = "/root.crt"
"""Where the root certificate can be fetched from, to be installed on a headset."""


@dataclass(frozen=True)
class Door:
    """How the server is reached: its ``config``, and the ``host`` to write into addresses."""

    config: ServerConfig
    host: str
    certificate: Certificate | None = None

    def pages(self, port: Callable[[], int]) -> dict[str, Page]:
        """All pages, with how others may join; ``port`` says where it listens, once it does."""
        own = self.certificate
        invitation = Invitation(
            self.config.tokens,
            self.host,
            port,
            tls=self.config.tls is not None,
            network=not is_loopback(self.config.host),
            root=own.root if own else None,
        )
        return {**all_pages(), **invitation.page(), **root_page(own)}


def root_page(certificate: Certificate | None) -> dict[str, tuple[str, bytes]]:
    """The page that hands out the root certificate (its public half), if there is one."""
    if certificate is None or certificate.root is None:
        return {}
    return {ROOT_PAGE: ("application/x-x509-ca-cert", certificate.root.read_bytes())}
