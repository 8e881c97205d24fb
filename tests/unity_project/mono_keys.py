"""Users' keys for C# clients, made here: under Mono one takes seconds."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

from fedxr.bridge.user_key import UserKey

_PARTS = {"P": "p", "Q": "q", "DP": "dmp1", "DQ": "dmq1", "InverseQ": "iqmp", "D": "d"}


def keep_key(folder: Path, user: str, key: UserKey | None = None) -> Path:
    """Keep ``key`` where KeyFolder.cs looks for that of ``user`` in ``folder``, unless there is
    one; returns the folder."""
    digest = hashlib.sha256(user.encode()).hexdigest()[:8]
    path = folder / f"{quote(user, safe='')[:60]}-{digest}.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(as_xml(key or UserKey.new()))
    return folder


def as_xml(key: UserKey) -> str:
    """As .NET writes a key (RSA.ToXmlString), every part in the length that it wants."""
    numbers = key.private.private_numbers()

    def part(name: str, value: int, size: int) -> str:
        return f"<{name}>{base64.b64encode(value.to_bytes(size, 'big')).decode()}</{name}>"

    parts = [part("Modulus", numbers.public_numbers.n, 256), part("Exponent", 65537, 3)]
    for name, attribute in _PARTS.items():
        parts.append(part(name, getattr(numbers, attribute), 256 if name == "D" else 128))
    return f"<RSAKeyValue>{''.join(parts)}</RSAKeyValue>"
