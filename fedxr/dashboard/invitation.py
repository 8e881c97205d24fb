"""``/invitation``: what a page is told of the door, to say how others may come in.

A page knows neither what its token allows nor by which address this machine is reached from a
headset. The token for headsets and the QR code that carries it are told only to whoever may wear
one by the token that was shown (on an open server everybody may): a token for watching leads to no
other one."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import msgspec

from fedxr.bridge.grants import Grant, Tokens
from fedxr.bridge.serving.web import Page

INVITATION = "/invitation"
LOCAL = "ws://127.0.0.1:8765"
"""Where `fedxr stream` looks for a server that is not named."""
PLACEHOLDER = "TOKEN"
"""Stands in a command for a token that the page may not be told."""


class QrState(TypedDict):
    """A QR code of ``size`` modules each way, its dark ones an SVG ``path``; no quiet zone."""

    size: int
    path: str


class InvitationState(TypedDict):
    """``grants``: what the token that was shown allows. ``xr``: the headset's page, with the token
    for headsets if that may be told (``told``); ``programs``: where clients connect; ``stream``: a
    simulated headset, as a command for this machine. ``network``: whether other machines reach
    this one; ``qr``: of ``xr``, where it is of use, may be told and can be drawn (else
    ``drawable`` is false: the extra ``lan`` is missing)."""

    grants: list[Grant]
    xr: str
    programs: str
    stream: str
    told: bool
    network: bool
    drawable: bool
    qr: QrState | None


@dataclass(frozen=True)
class Invitation:
    """Of a server that is reached at ``host`` and ``port()``; ``root`` is the certificate that a
    client must be told to trust, if any."""

    tokens: Tokens
    host: str
    port: Callable[[], int]
    tls: bool
    network: bool
    root: Path | None = None

    def page(self) -> dict[str, Page]:
        return {INVITATION: ("application/json", lambda g: msgspec.json.encode(self.state(g)))}

    def state(self, grants: frozenset[Grant]) -> InvitationState:
        """For whoever may do what ``grants`` say."""
        needed, told = self.tokens["wear"], "wear" in grants
        host = f"[{self.host}]" if ":" in self.host else self.host
        s, where = "s" if self.tls else "", f"{host}:{self.port()}"
        xr = f"http{s}://{where}/xr"
        if told and needed:
            xr += f"?token={quote(needed)}"
        qr, drawable = drawn(xr) if told and self.network else (None, True)
        return InvitationState(
            grants=sorted(grants),
            xr=xr,
            programs=f"ws{s}://{where}",
            stream=self._stream(f"ws{s}://{where}", (needed if told else PLACEHOLDER), told),
            told=told,
            network=self.network,
            drawable=drawable,
            qr=qr,
        )

    def _stream(self, url: str, token: str | None, told: bool) -> str:
        words = ["fedxr", "stream"]
        if url != LOCAL:
            words += ["--url", url]
        if self.tokens.secret is not None and token:
            words += ["--token", token]
        if self.root is not None:
            words += ["--trust", str(self.root) if told else "root.pem"]
        return shlex.join(words)


def drawn(text: str) -> tuple[QrState | None, bool]:
    """The QR code of ``text``, and whether this machine can draw one (extra ``lan``)."""
    try:
        import segno
    except ImportError:
        return None, False
    code, out = segno.make(text, error="l"), io.BytesIO()
    code.save(out, kind="svg", border=0, xmldecl=False, svgns=False)
    path = re.search(r' d="([^"]+)"', out.getvalue().decode())
    return QrState(size=int(code.symbol_size(border=0)[0]), path=path[1] if path else ""), True
