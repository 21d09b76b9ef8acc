"""What both sides of TLS ask of OpenSSL: a context made of certificates and keys, and ALPN.

Twisted sets ALPN when it makes a connection itself (`_makeTLSConnection`); both sides here make their own, for the
sake of the name, the verification and a certificate that can be replaced, and so have to set it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.x509.oid import PublicKeyAlgorithmOID
from OpenSSL import SSL, crypto
from twisted.internet import ssl

from netecho.errors import UsageError
from netecho.net.openssl_reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from constantly import NamedConstant
    from cryptography import x509

    from netecho.net.certificates import Key


def context(
    identity: tuple[Sequence[x509.Certificate], Key] | None,
    authorities: Sequence[x509.Certificate] | None,
    alpn: Sequence[str],
    files: str,
    *,
    platform_trust: bool = False,
    minimum: NamedConstant | None = None,
) -> SSL.Context:
    """Make a context of a certificate with its chain and key, and of authorities to trust, or those of the system.

    `minimum` is the lowest version of TLS (`ssl.TLSVersion`); None: Twisted's.
    `files` names where the identity comes from (`--cert FILE`). Raises UsageError where OpenSSL refuses it: a key that
    is too short for its security level, a curve that it does not have, a digest that is broken.
    """
    chain = identity[0] if identity is not None else []
    try:
        trust = ssl.platformTrust() if platform_trust else None
        if authorities is not None:
            trust = ssl.trustRootFromCertificates([ssl.Certificate(_x509(each)) for each in authorities])
        made = ssl.CertificateOptions(
            # A key of a kind that it does not know is its TypeError.
            privateKey=None if identity is None else crypto.PKey.from_cryptography_key(identity[1]),  # type: ignore[arg-type]
            certificate=None if identity is None else _x509(chain[0]),
            extraCertChain=None if identity is None else [_x509(each) for each in chain[1:]],
            trustRoot=trust,
            raiseMinimumTo=minimum,
            acceptableProtocols=encoded(alpn) or None,
        ).getContext()
    except (SSL.Error, crypto.Error, TypeError, ValueError) as error:
        hint = "a key of 2048 bits or more (RSA) or on the curve P-256, and a certificate signed with SHA-256"
        reason = reason_of(error)
        if any(each.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS for each in chain):
            reason = "a key for RSA-PSS alone"
            hint = "an ordinary RSA key, or one on the curve P-256"
        raise UsageError(f"{files}: OpenSSL refuses it: {reason}", hint) from error
    return made


def encoded(alpn: Iterable[str]) -> list[bytes]:
    """Return the names of application protocols as OpenSSL takes them."""
    return [name.encode() for name in alpn]


def select_alpn(made: SSL.Context, alpn: Sequence[str]) -> None:
    """Have a server choose the first of its protocols that a client offers, and refuse one that offers others.

    RFC 7301 section 3.2: that is a fatal alert, no_application_protocol(120). A client that offers none is served, and
    a server that has none serves whoever offers some, as if they had not.
    """
    ours = encoded(alpn)

    def select(_: SSL.Connection, offered: list[bytes]) -> Any:
        if not ours:
            return SSL.NO_OVERLAPPING_PROTOCOLS
        for name in ours:
            if name in offered:
                return name
        # pyOpenSSL sends the alert for any exception, and raises it again from the handshake.
        raise SSL.Error([("SSL routines", "", "no application protocol in common: no_application_protocol(120)")])

    # Also where there is nothing to choose: Twisted 26.10 sets one that fails for connections it did not make itself.
    made.set_alpn_select_callback(select)


def _x509(certificate: x509.Certificate) -> crypto.X509:
    return crypto.X509.from_cryptography(certificate)
