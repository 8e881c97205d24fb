"""``fedxr serve --lan``: reachable from the local network, and only by those who were let in."""

from __future__ import annotations

import io
import secrets
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape

from fedxr.bridge.grants import Grant
from fedxr.bridge.serving.admission import ServerConfig, is_loopback
from fedxr.bridge.transport.tls import Certificate, lan_address, names_here, own_certificate
from fedxr.dashboard.door import ROOT_PAGE, Door
from fedxr.extras import install_line

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104
"""Hosts that mean every address of this machine, and are none that a headset could open."""


def open_door(
    host: str,
    port: int,
    *,
    token: str | None,
    insecure: bool,
    lan: bool,
    own: Certificate | None = None,
) -> Door:
    """Where and how to listen. ``lan`` means every address of this machine, with a token that is
    made when there is none, and with TLS by a certificate made here unless ``own`` is given.

    Raises BridgeError when that would be open to strangers or there is no certificate to be had.
    """
    everywhere = host in _EVERYWHERE
    if not lan:
        tls = own.context() if own is not None else None
        reached = lan_address() if everywhere else host
        return Door(ServerConfig(host, port, token, insecure, tls), reached, own)
    named = [] if everywhere or is_loopback(host) else [host]
    names = [*names_here(), *named]
    certificate = own or (None if insecure else own_certificate(names))
    tls = certificate.context() if certificate is not None else None
    config = ServerConfig(
        "0.0.0.0" if is_loopback(host) else host,  # noqa: S104  # that is what --lan asks for
        port,
        token or secrets.token_urlsafe(18),
        insecure,
        tls,
        names=() if own or insecure else tuple(names),
    )
    return Door(config, named[0] if named else lan_address(), certificate)


def show_door(door: Door, port: int, out: Console) -> None:
    """Print an address for each thing that one may be let do and, on a network, the invitation to
    wear a headset as a QR code."""
    config = door.config
    s = "" if config.tls is None else "s"
    host = f"[{door.host}]" if ":" in door.host else door.host
    page, tokens = f"http{s}://{host}:{port}", config.tokens

    def ask(grant: Grant) -> str:
        token = tokens[grant]
        return f"?token={quote(token)}" if token else ""

    invitation = f"{page}/xr{ask('wear')}"
    lines = [("in a headset", invitation), ("live page", f"{page}/{ask('watch')}")]
    if config.token:
        lines.append(("  to record", f"{page}/{ask('record')}"))
        lines.append(("  all rights", f"{page}/{ask('administer')}"))
    lines.append(("programs", f"ws{s}://{host}:{port}"))
    if wear := tokens["wear"]:
        lines.append(("  token", f"{wear} (for headsets)"))
    for what, said in lines:
        out.print(f"{what + ':':14}{escape(said)}", highlight=False, soft_wrap=True)
    if door.certificate is not None:
        digits = door.certificate.sha256()
        out.print(f"{'SHA-256:':14}{digits} (for Unity)", highlight=False, soft_wrap=True)
    if door.certificate is not None and door.certificate.root is not None:
        root = door.certificate.root
        out.print(f"{'root:':14}{root} ({page}{ROOT_PAGE}); see docs/headsets.md", highlight=False)
    if not is_loopback(config.host):
        out.print(_qr(invitation), highlight=False, markup=False)


def _qr(url: str) -> str:
    try:
        import segno
    except ImportError:
        return f"for a QR code here: {install_line('lan')}"
    drawn = io.StringIO()
    segno.make(url, error="l").terminal(drawn, compact=True)
    return drawn.getvalue()
