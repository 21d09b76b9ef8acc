"""What a TLS handshake agreed on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """The certificate that a TLS server presented. Names are RFC 4514 strings."""

    subject: str
    issuer: str
    not_before: int
    """Nanoseconds since 1970, as `not_after`."""
    not_after: int
    pin: str
    """`sha256:` and the digest of the public key info."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What the first handshake of a run agreed on."""

    server_name: str
    verified: bool
    """False where the user asked that the certificate is not checked."""
    protocol: str
    cipher: str | None = None
    alpn: str | None = None
    certificate: CertificateFacts | None = None
