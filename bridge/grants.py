"""What a token lets its bearer do.

    administer   everything; the token that the server was started with
    record       watch, and start or end recordings
    watch        see the live page
    wear         stream as a headset

The three lesser tokens are made from the first, so that one secret is kept and they stay as long as
it does; none of them leads to another one. (From a short secret, such as a word, they could be used
to guess it: `fedxr serve --lan` makes a long one.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Grant = Literal["wear", "watch", "record", "administer"]
_GIVES: dict[Grant, frozenset[Grant]] = {
    "wear": frozenset({"wear"}),
    "watch": frozenset({"watch"}),
    "record": frozenset({"watch", "record"}),
    "administer": frozenset({"wear", "watch", "record", "administer"}),
}
ALL = _GIVES["administer"]


@dataclass(frozen=True)
class Tokens:
    """The tokens of a server; ``secret`` is the administrator's, None where nobody needs any."""

    secret: str | None

    def __getitem__(self, grant: Grant) -> str | None:
        """The token that gives ``grant`` and as little else as can be."""
        return None if self.secret is None else self._made[grant]

    def grants(self, shown: str | None) -> frozenset[Grant]:
        """What ``shown`` allows; takes the same time whatever differs."""
        if self.secret is None:
            return ALL
        given = (shown or "").encode()
        fits = [g for g, t in self._made.items() if hmac.compare_digest(t.encode(), given)]
        return frozenset().union(*(_GIVES[grant] for grant in fits))

    @cached_property
    def _made(self) -> dict[Grant, str]:
        secret = (self.secret or "").encode()
        # Slow on purpose: whoever guesses the secret from a lesser token pays this for each guess.
        root = hashlib.scrypt(secret, salt=b"fedxr tokens", n=2**14, r=8, p=1, dklen=32)

        def less(grant: Grant) -> str:
            return base64.urlsafe_b64encode(
                hmac.digest(root, grant.encode(), "sha256")[:12]
            ).decode()

        lesser: tuple[Grant, ...] = ("wear", "watch", "record")
        return {**{g: less(g) for g in lesser}, "administer": self.secret or ""}
