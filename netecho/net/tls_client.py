"""TLS for the probe: whom it trusts, how long the handshake took, and what was agreed on.

Verification is Twisted's (OpenSSL's chain, service_identity's names). What is added: a key that is pinned is trusted
for itself, and every way to fail has a sentence.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto
from twisted.internet import ssl
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netecho.errors import UnreachableError, UsageError
from netecho.net.stream import ProbeConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from twisted.python.failure import Failure

    from netecho.net.options import Trust
    from netecho.net.stream import StreamLink

SECOND = 1_000_000_000


class _PromptFactory(TLSMemoryBIOFactory):
    """Twisted's, less the buffer that gathers small writes for a reactor pass: a probe is to leave now."""

    protocol = TLSMemoryBIOProtocol


class _Wrapped(Factory):
    """A factory whose one protocol is there already."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        del addr
        return self._protocol


class Client:
    """The client's side of TLS, made once a run from what the user trusts."""

    def __init__(self, trust: Trust, host: str) -> None:
        """Read the files that `trust` names. Raises `UsageError` for those that cannot be used."""
        self._trust = trust
        self.server_name = trust.server_name or host
        self.facts: Mapping[str, object] = {}
        """What was agreed on first, as the section `tls` of the document."""
        self._creator = self._made()

    def _made(self) -> Any:
        trust = self._trust
        extra: dict[str, Any] = {}
        if trust.cert is not None:
            extra = _identity(trust.cert, trust.key or trust.cert)
        alpn = [name.encode() for name in trust.alpn] or None
        if trust.insecure or (trust.pins and trust.ca is None):
            options = ssl.CertificateOptions(verify=False, acceptableProtocols=alpn, **extra)
            return _Unverified(options.getContext(), self.server_name)
        root = _authorities(trust.ca) if trust.ca is not None else ssl.platformTrust()
        try:
            return ssl.optionsForClientTLS(
                self.server_name, trustRoot=root, acceptableProtocols=alpn, extraCertificateOptions=extra
            )
        except UnicodeError:
            raise UsageError(
                f"{self.server_name!r} is no name a certificate could have", "--server-name NAME"
            ) from None

    async def secure(self, reactor: Any, skt: socket.socket, link: StreamLink | None, timeout: int) -> int:
        """Agree on TLS over a connected socket, for `link` if there is one; return the nanoseconds it took.

        Raises `UnreachableError` where it fails, or takes longer than `timeout` nanoseconds.
        """
        inner: Any = link or Handshake()
        inner.connection = connection = ProbeConnection(reactor, skt, inner, None)
        factory = _PromptFactory(self._creator, True, cast("Any", _Wrapped(inner)))
        began = time.monotonic_ns()
        layer: Any = factory.buildProtocol(connection.getPeer())
        connection.begin(layer)
        agreed: SSL.Connection = layer.getHandle()
        inner.secured.addTimeout(timeout / SECOND, reactor)
        try:
            await inner.secured
            took = time.monotonic_ns() - began
            self._check_pin(agreed)
        except DeferredTimeoutError:
            connection.abortConnection()
            raise UnreachableError(
                f"TLS was not agreed on with {self.server_name} within {timeout / SECOND:g} s",
                "does the port speak TLS? a plain service waits for something else: tcp://",
            ) from None
        except UnreachableError:
            connection.abortConnection()
            raise
        except Exception as error:
            connection.abortConnection()
            raise self._failed(error, agreed) from error
        if not self.facts:
            self.facts = self._agreed(agreed)
        if link is None:
            inner.close()
        return took

    def _check_pin(self, agreed: SSL.Connection) -> None:
        pins = self._trust.pins
        if not pins:
            return
        found = pin_of(_certificate(agreed))
        if found not in pins:
            raise UnreachableError(
                f"TLS: the key of {self.server_name} is none of those that --pin gives: it is {found}",
                "if this is the server you mean, its key has changed: pin the new one",
            )

    def _failed(self, error: Exception, agreed: SSL.Connection) -> UnreachableError:
        certificate = _certificate(agreed)
        name = self.server_name
        if isinstance(error, SSL.Error) and "certificate verify failed" in str(error) and certificate is not None:
            return self._distrusted(certificate)
        if type(error).__name__ in ("VerificationError", "CertificateError"):
            names = ", ".join(_names(certificate)) if certificate is not None else "none"
            return UnreachableError(
                f"TLS: the certificate of {name} is for other names: {names}",
                "--server-name says which name it should have",
            )
        return UnreachableError(f"TLS failed with {name}: {_reason(error)}", _hint(error))

    def _distrusted(self, certificate: x509.Certificate) -> UnreachableError:
        from datetime import datetime

        whose = f"TLS: the certificate of {self.server_name}"
        trust_it = f"to trust this very key: --pin {pin_of(certificate)}"
        now = datetime.now(UTC)
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if ends < now:
            return UnreachableError(f"{whose} expired on {ends:%Y-%m-%d}", trust_it)
        if begins > now:
            return UnreachableError(
                f"{whose} is valid from {begins:%Y-%m-%d} on only", "is this machine's clock right?"
            )
        if certificate.issuer == certificate.subject:
            return UnreachableError(f"{whose} is signed by itself, and not trusted", trust_it)
        issuer = certificate.issuer.rfc4514_string()
        return UnreachableError(
            f"{whose} is signed by {issuer}, which is not trusted", f"--ca FILE trusts another authority; {trust_it}"
        )

    def _agreed(self, agreed: SSL.Connection) -> Mapping[str, object]:
        certificate = _certificate(agreed)
        alpn = agreed.get_alpn_proto_negotiated().decode("ascii", "replace")
        facts: dict[str, object] = {
            "server_name": self.server_name,
            "verified": not self._trust.insecure,
            "protocol": agreed.get_protocol_version_name(),
            "cipher": agreed.get_cipher_name(),
            "alpn": alpn or None,
        }
        if certificate is not None:
            facts |= {
                "subject": certificate.subject.rfc4514_string(),
                "issuer": certificate.issuer.rfc4514_string(),
                "not_before": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "not_after": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "pin": pin_of(certificate),
            }
        return facts


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """A connection of which the handshake is all that matters: `--connect-only`."""

    connection: ProbeConnection

    def __init__(self) -> None:
        self.secured: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        """Learn that TLS is agreed on."""
        if not self.secured.called:
            self.secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Learn that it is not."""
        if not self.secured.called:
            self.secured.errback(reason)

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.loseConnection()


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    """TLS without a check of the chain: `--insecure`, and `--pin`, which checks the key itself afterwards."""

    def __init__(self, context: SSL.Context, server_name: str) -> None:
        self._context = context
        self._server_name = server_name

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        if not isIPAddress(self._server_name) and not isIPv6Address(self._server_name):
            connection.set_tlsext_host_name(self._server_name.encode("idna"))
        return connection


def pin_of(certificate: x509.Certificate | None) -> str | None:
    """Return `sha256:` and the SHA-256 of the certificate's public key info (RFC 7469 section 2.4) in hex."""
    if certificate is None:
        return None
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(info).hexdigest()


def _certificate(agreed: SSL.Connection) -> x509.Certificate | None:
    presented = agreed.get_peer_certificate()
    return presented.to_cryptography() if presented is not None else None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [certificate.subject.rfc4514_string()]
    return [str(name.value) for name in names]


def _reason(error: Exception) -> str:
    """Say in words what OpenSSL says in a list of tuples."""
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list | tuple):
        reasons = [entry[-1] for entry in error.args[0] if entry and entry[-1]]
        if reasons:
            return str(reasons[-1])
    return str(error).rstrip(".").lower() or type(error).__name__


def _hint(error: Exception) -> str | None:
    reason = _reason(error)
    if "wrong version number" in reason or "packet length" in reason or "http request" in reason:
        return "the port does not speak TLS; without it: tcp://"
    if "certificate required" in reason or "handshake failure" in reason or "bad certificate" in reason:
        return "the server may want a client certificate: --cert FILE --key FILE"
    if "connection was" in reason:
        return "the server closed the connection in the handshake; does the port speak TLS?"
    return None


def _identity(cert: str, key: str) -> dict[str, Any]:
    """Read the certificate we show, with its chain and key."""
    chain = _read(cert, "--cert", x509.load_pem_x509_certificates)
    try:
        private = _read(key, "--key", lambda pem: crypto.load_privatekey(crypto.FILETYPE_PEM, pem, passphrase=b""))
    except crypto.Error:
        raise UsageError(f"--key {key}: no private key that can be read", "a PEM file, without a passphrase") from None
    first = crypto.X509.from_cryptography(chain[0])
    ours, theirs = private.to_cryptography_key().public_key(), chain[0].public_key()
    if ours != theirs:
        raise UsageError(f"--key {key} is not the key of the certificate {cert}", "give the two that belong together")
    rest = [crypto.X509.from_cryptography(each) for each in chain[1:]]
    return {"privateKey": private, "certificate": first, "extraCertChain": rest}


def _authorities(path: str) -> Any:
    certificates = _read(path, "--ca", x509.load_pem_x509_certificates)
    return ssl.trustRootFromCertificates([ssl.Certificate(crypto.X509.from_cryptography(c)) for c in certificates])


def _read(path: str, option: str, load: Any) -> Any:
    try:
        return load(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"{option} {path}: {(error.strerror or str(error)).lower()}", "give a PEM file") from None
    except ValueError:
        raise UsageError(
            f"{option} {path}: no certificate in PEM form", "-----BEGIN CERTIFICATE----- opens one"
        ) from None
