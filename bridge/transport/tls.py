"""TLS for a server on a local network: the user's own certificate, or one that is made here.

A browser opens sensors and WebXR to a page from elsewhere only over HTTPS, and no public authority
certifies 192.168.1.7. So a small authority of this user's own is made (`root.pem` in `user_folder`,
see `fedxr.bridge.authority`) and signs a certificate for this machine's names and addresses.
Whoever installs `root.pem` on a headset trusts this machine there; its key never leaves the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from fedxr.bridge.authority import Authority, general_name, lasts, write_private
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.settings import user_folder
from fedxr.bridge.transport.plain_on_tls import AnsweringContext

_ROOT, _ROOT_KEY, _SERVER = "root.pem", "root-key.pem", "server.pem"


@dataclass(frozen=True)
class Certificate:
    """PEM files: ``chain`` with the server's certificate, its ``key`` (None: in the same file), and
    the ``root`` that a client must trust, None when the user's own certificate is served."""

    chain: Path
    key: Path | None = None
    root: Path | None = None

    def sha256(self) -> str:
        """What a client shows of the server's certificate, and may pin: 64 hexadecimal digits."""
        end = "-----END CERTIFICATE-----"
        first = self.chain.read_text().partition(end)[0] + end
        first = first[first.index("-----BEGIN CERTIFICATE-----") :]
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()

    def context(self) -> ssl.SSLContext:
        """For a server; raises BridgeError when the files are not a certificate and its key."""
        context = AnsweringContext()
        try:
            context.load_cert_chain(self.chain, self.key)
        except (OSError, ssl.SSLError) as error:
            if self.key is None:
                told, wanted = "", "it must be a PEM file with the key in it, or name that by --key"
            else:
                told, wanted = f" with the key {self.key}", "both must be PEM files"
            gone = [str(file) for file in (self.chain, self.key) if file and not file.is_file()]
            why = f"there is no file {' and no '.join(gone)}" if gone else str(error)
            raise BridgeError(
                f"cannot use the certificate {self.chain}{told}: {why}; {wanted} (without "
                "a passphrase)"
            ) from None
        return context


def lan_address() -> str:
    """This machine's address on the network that leads outside; 127.0.0.1 when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # an address of nobody's (RFC 5737): nothing is sent
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def names_here() -> list[str]:
    """The names and addresses under which this machine is reached."""
    host = socket.gethostname().split(".")[0]
    return list(dict.fromkeys([lan_address(), host, f"{host}.local", "localhost", "127.0.0.1"]))


def own_certificate(names: Sequence[str], folder: Path | None = None) -> Certificate:
    """A certificate for ``names`` by this user's own authority; both are made when they are missing
    or do not fit any more, and kept in ``folder``.

    Raises BridgeError when the folder cannot be written.
    """
    folder = folder or user_folder()
    found = Certificate(folder / _SERVER, root=folder / _ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority.kept(folder / _ROOT, folder / _ROOT_KEY, names)
        if not _fits(found.chain, names, authority.certificate):
            write_private(found.chain, authority.issue(names))
    except OSError as error:
        raise BridgeError(
            f"cannot keep certificates in {folder}: {error.strerror or error}; make it writable or "
            "give a certificate of your own (--cert, --key)"
        ) from None
    return found


def _fits(chain: Path, names: Sequence[str], root: x509.Certificate) -> bool:
    """Whether the certificate at ``chain`` is by ``root`` and names all of ``names`` for some weeks
    to come."""
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        certificate.verify_directly_issued_by(root)
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return {general_name(n) for n in names} <= set(known) and lasts(certificate)
