"""A certificate authority of one user's own, that can do no more than it is made for.

Whoever installs its root on a headset trusts whatever it signs. So the root names what that may be
(RFC 5280, name constraints): this machine's own names and the addresses of private networks. Were
its key stolen, it would still speak for no site of the internet. It lasts two years, is made anew
when it nears its end or when the machine gets another name, and must be installed again then.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_DAYS = 730
SERVER_DAYS = 397
"""Validity of a server's certificate: Apple's systems refuse more than 825 days."""
LEFT_DAYS = 30
"""A certificate with less than this left is made anew."""
PRIVATE = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"),
)
"""Networks that no address of the internet lies in."""


@dataclass(frozen=True)
class Authority:
    """Signs certificates for the names that ``certificate`` permits."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def kept(cls, root: Path, key: Path, names: Sequence[str]) -> Self:
        """From its two files; made anew where they are missing, damaged, about to end, or permit
        more or less than ``names`` need. Raises OSError."""
        try:
            found = cls._read(root, key)
        except (FileNotFoundError, ValueError, TypeError):
            found = None
        if found is None or not found.fits(names):
            found = cls.made(names)
            write_private(key, found.key_pem())
            write_private(root, found.certificate.public_bytes(Encoding.PEM))
        return found

    @classmethod
    def _read(cls, root: Path, key: Path) -> Self | None:
        certificate = x509.load_pem_x509_certificate(root.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            return None
        same = private.public_key() == certificate.public_key()
        return cls(certificate, private) if same else None

    @classmethod
    def made(cls, names: Sequence[str]) -> Self:
        """A new one, which may speak for ``names`` and the addresses of private networks."""
        key = ec.generate_private_key(ec.SECP256R1())
        host = socket.gethostname().split(".")[0]
        name = _name("fedxr", f"own authority of {host}")
        builder = (
            _begun(name, name, key, ROOT_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.NameConstraints(_permitted(names), None), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    def fits(self, names: Sequence[str]) -> bool:
        """Whether it lasts, is of the kind made today, and permits all of ``names``."""
        try:
            limits = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            return False  # by an older version: it may speak for the whole internet
        known = set(limits.permitted_subtrees or ())
        return set(_permitted(names)) <= known and lasts(self.certificate)

    def issue(self, names: Sequence[str]) -> bytes:
        """PEM of a new server's key and certificate for ``names``, and of the root."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, subject = self.certificate.subject, _name("fedxr", "server")
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        until = self.certificate.not_valid_after_utc
        builder = (
            _begun(subject, issuer, key, SERVER_DAYS, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(map(general_name, names)), critical=False)
            .add_extension(authority, critical=False)
        )
        leaf = builder.sign(self.key, hashes.SHA256())
        both = (leaf, self.certificate)
        return _pem(key) + b"".join(one.public_bytes(Encoding.PEM) for one in both)

    def key_pem(self) -> bytes:
        return _pem(self.key)


def general_name(name: str) -> x509.GeneralName:
    """``name`` as certificates write it: an address or a name of DNS."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def lasts(certificate: x509.Certificate) -> bool:
    """Whether it has begun and will not end soon."""
    now = datetime.datetime.now(datetime.UTC)
    left = certificate.not_valid_after_utc - now
    return certificate.not_valid_before_utc <= now and left.days >= LEFT_DAYS


def write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, and for nobody else to read: it may hold a private key. Of several that
    write it at once the last one's stays."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _permitted(names: Sequence[str]) -> list[x509.GeneralName]:
    """The subtrees that hold ``names``: all private networks, and beyond them each name alone."""
    networks = [ipaddress.ip_network(network) for network in PRIVATE]
    found: list[x509.GeneralName] = [x509.IPAddress(network) for network in networks]
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            found.append(x509.DNSName(name))
            continue
        if not any(address in network for network in networks):
            found.append(x509.IPAddress(ipaddress.ip_network(address)))
    return found


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: int,
    at_latest: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    # An hour back: a headset's clock may be behind.
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    until = since + datetime.timedelta(days=days)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(min(until, at_latest) if at_latest else until)
        .add_extension(identifier, critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(organization: str, unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, unit[:64]),
        ]
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
