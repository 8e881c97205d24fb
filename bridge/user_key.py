"""Who a user is: a key pair that the user's own client makes on the first visit and keeps.

    hello      ->  the public key
               <-  challenge: 32 random bytes, for this connection alone
    proof      ->  the signature over them and over the host that was dialled
               <-  welcome

The private key never leaves the client, so there is nothing in what it sends that a listener, a
thief of the server's files or another server could use again: a signature holds for one challenge
and one host. What an agent learns is kept under the key's `fingerprint`; the user's name is a label
beside it. A key that is lost cannot be replaced: who comes without it is a new person.

RSA of 2048 bits with PKCS #1 v1.5 and SHA-256 (RFC 8017, 8.2), exponent 65537: of all signatures
the one that Python, browsers and Unity's .NET have without further libraries. The public key is
sent as the 256 bytes of its modulus, the most significant first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from fedxr.bridge.authority import write_private
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.settings import user_folder

KEY_BYTES = 256
NONCE_BYTES = 32
_EXPONENT = 65537
_PURPOSE = b"fedxr: I am the user of this key\n"


@dataclass(frozen=True)
class UserKey:
    """A user's key pair."""

    private: rsa.RSAPrivateKey

    @classmethod
    def new(cls) -> Self:
        """Of somebody who was never here."""
        return cls(rsa.generate_private_key(_EXPONENT, 8 * KEY_BYTES))

    @classmethod
    def kept(cls, name: str, folder: Path | None = None) -> Self:
        """The key of the user called ``name`` on this machine; made on the first call, and kept in
        ``folder`` (`user_folder` / keys) for nobody else to read.

        Raises BridgeError when it cannot be kept, or what is kept is no key.
        """
        path = (folder or user_folder() / "keys") / _file_name(name)
        try:
            with contextlib.suppress(FileNotFoundError):
                return cls._read(path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            pem = cls.new().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            # The first of two programs that make it at once wins, and both use that one.
            making = path.with_suffix(f".{secrets.token_hex(8)}")
            write_private(making, pem)
            with contextlib.suppress(FileExistsError):
                os.link(making, path)
            making.unlink()
            return cls._read(path)
        except OSError as error:
            raise BridgeError(
                f"cannot keep the key of user {name!r} in {path}: {error.strerror or error}; make "
                "that folder writable, or say another one by XDG_CONFIG_HOME"
            ) from None

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            private = load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            private, why = None, str(error)
        else:
            why = "a key of another kind"
        if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != 8 * KEY_BYTES:
            raise BridgeError(
                f"{path} is no key of fedxr's ({why}); restore it from a copy, or move it away to "
                "begin as a new person: what agents have learned of the old one stays with its key"
            )
        return cls(private)

    @property
    def public(self) -> bytes:
        """What the hello carries."""
        return self.private.public_key().public_numbers().n.to_bytes(KEY_BYTES, "big")

    def prove(self, nonce: bytes, host: str) -> bytes:
        """The answer to the challenge ``nonce`` of the server that was dialled at ``host`` (as the
        request's header Host says it). Raises ValueError for what is no challenge."""
        return self.private.sign(signed(nonce, host), padding.PKCS1v15(), hashes.SHA256())


def signed(nonce: bytes, host: str) -> bytes:
    """The bytes that a proof signs. Raises ValueError for a nonce of another length: a server may
    not choose what it gets signed."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a challenge of {len(nonce)} bytes; due are {NONCE_BYTES}")
    return _PURPOSE + nonce + host.lower().encode()


def is_key(public: bytes) -> bool:
    """Whether ``public`` can be a user's public key."""
    return len(public) == KEY_BYTES and public[0] >= 0x80 and public[-1] % 2 == 1


def proves(public: bytes, proof: bytes, nonce: bytes, host: str) -> bool:
    """Whether who made ``proof`` has the private key to ``public``."""
    if not is_key(public):
        return False
    try:
        key = rsa.RSAPublicNumbers(_EXPONENT, int.from_bytes(public, "big")).public_key()
        key.verify(proof, signed(nonce, host), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """What a user is known by: 32 hexadecimal digits that only one key has."""
    return hashlib.sha256(public).hexdigest()[:32]


def _file_name(name: str) -> str:
    """Readable, and another one for every name, also where file systems take Ann for ann."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{quote(name, safe=' ')[:80]}-{digest}.pem"
