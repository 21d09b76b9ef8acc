"""Certificates and keys: reading PEM files, making a self-signed pair for a run, and pins.

Each error names the file and what is wrong with it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    Key = PrivateKeyTypes

LIFE = timedelta(days=3650)
"""The validity of a certificate made for a run, which may be a long one."""

_MAKE_ONE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=NAME"
)


def pin_of(certificate: x509.Certificate) -> str:
    """Return `sha256:` and the SHA-256 of the certificate's public key info (RFC 7469 section 2.4) in hex."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(info).hexdigest()


def read_identity(cert: str, key: str | None) -> tuple[list[x509.Certificate], Key]:
    """Read a certificate with its chain, and its key from its own file or the same one.

    Raises UsageError for a file that cannot be read or is not PEM, a key of another certificate, a certificate that is
    expired or not valid yet.
    """
    chain = read_certificates(cert, "--cert")
    first = chain[0]
    private = _read_key(key or cert, "--key" if key else "--cert")
    try:
        in_certificate = _public(first)
    except (ValueError, UnsupportedAlgorithm) as error:  # parsed only now
        raise UsageError(f"--cert {cert}: its public key cannot be used: {error}", _MAKE_ONE) from None
    if _public(private) != in_certificate:
        raise UsageError(
            f"--key {key or cert}: not the key of the certificate in {cert}", "give the two that were made together"
        )
    now = datetime.now(UTC)
    if first.not_valid_after_utc < now:
        raise UsageError(f"--cert {cert}: the certificate expired on {first.not_valid_after_utc:%Y-%m-%d}", _MAKE_ONE)
    if first.not_valid_before_utc > now:
        raise UsageError(
            f"--cert {cert}: the certificate is valid from {first.not_valid_before_utc:%Y-%m-%d} on only",
            "is this machine's clock right?",
        )
    return chain, private


def read_certificates(path: str, option: str) -> list[x509.Certificate]:
    """Read the certificates in a PEM file, at least one. Raises UsageError."""
    try:
        return x509.load_pem_x509_certificates(_read(path, option))
    except (ValueError, x509.InvalidVersion):
        raise UsageError(f"{option} {path}: no certificate in PEM form", f"make one: {_MAKE_ONE}") from None


def load_identity(pem: str) -> tuple[list[x509.Certificate], Key]:
    """Load a certificate and key made by `make_identity`."""
    return x509.load_pem_x509_certificates(pem.encode()), load_pem_private_key(pem.encode(), password=None)


def make_identity(names: Iterable[str]) -> str:
    """Make a key and a self-signed certificate for this machine's names, and these names and addresses; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "netecho")])
    now = datetime.now(UTC)
    known = dict.fromkeys(["localhost", "127.0.0.1", "::1", socket.gethostname(), *names])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # For clients whose clock is a little behind.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([each for name in known for each in _alternative(name)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode()


def _read(path: str, option: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{option} {path}: {reason}", "a PEM file that this user can read") from error


def _read_key(path: str, option: str) -> Key:
    pem = _read(path, option)
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        raise UsageError(
            f"{option} {path}: the key is locked with a passphrase", "without one: openssl pkey -in KEY -out UNLOCKED"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "a PEM file that has both, or the key in a file of its own: --key" if option == "--cert" else None
        raise UsageError(f"{option} {path}: no private key in PEM form", hint or f"make one: {_MAKE_ONE}") from None


def _public(holder: x509.Certificate | Key) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _alternative(name: str) -> list[x509.GeneralName]:
    """Return the subject alternative name of a name or an address; none where a certificate cannot have it."""
    try:
        return [x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))]
    except ValueError:
        return [x509.DNSName(name)] if name.isascii() and name else []
