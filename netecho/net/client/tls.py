"""TLS for the probe: whom it trusts, how long the handshake took, and what was agreed on.

Verification is Twisted's (OpenSSL's chain, service_identity's names). What is added: a key that is pinned is trusted
for itself, and every way to fail has a sentence.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import idna
from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet import ssl
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netecho.errors import UnreachableError, UsageError
from netecho.measure.facts import CertificateFacts, TlsFacts
from netecho.net.certificates import pin_of, read_certificates, read_identity
from netecho.net.client.stream import ProbeConnection
from netecho.units import SECOND

if TYPE_CHECKING:
    import socket

    from twisted.python.failure import Failure

    from netecho.net.client.job import TlsOptions
    from netecho.net.client.stream import StreamLink


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


@implementer(IOpenSSLClientConnectionCreator)
class Client:
    """The client's side of TLS, made once a run from what the user trusts."""

    def __init__(self, tls_options: TlsOptions, host: str) -> None:
        """Read the files that `trust` names. Raises `UsageError` for those that cannot be used."""
        self._tls_options = tls_options
        self.server_name = tls_options.server_name or host
        self._is_address = isIPAddress(self.server_name) or isIPv6Address(self.server_name)
        try:
            self._ascii_name = b"" if self._is_address else idna.encode(self.server_name, uts46=True)
        except idna.IDNAError:
            raise UsageError(
                f"{self.server_name!r} is no name that a certificate could have", "--server-name example.org"
            ) from None
        self._distrusted: tuple[x509.Certificate, int] | None = None
        self.facts: TlsFacts | None = None
        """What the first handshake agreed on."""
        self._context = self._made()

    def _made(self) -> SSL.Context:
        tls_options = self._tls_options
        extra: dict[str, Any] = {}
        if tls_options.cert is not None:
            chain, key = read_identity(tls_options.cert, tls_options.key)
            extra = {
                "privateKey": crypto.PKey.from_cryptography_key(cast("Any", key)),
                "certificate": _x509(chain[0]),
                "extraCertChain": [_x509(each) for each in chain[1:]],
            }
        if tls_options.ca is not None:
            authorities = [ssl.Certificate(_x509(each)) for each in read_certificates(tls_options.ca, "--ca")]
            extra["trustRoot"] = ssl.trustRootFromCertificates(authorities)
        elif not tls_options.insecure and not tls_options.pins:
            extra["trustRoot"] = ssl.platformTrust()
        alpn = [name.encode() for name in tls_options.alpn] or None
        self._checks_chain = "trustRoot" in extra and not tls_options.insecure
        return ssl.CertificateOptions(acceptableProtocols=alpn, **extra).getContext()

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Make the OpenSSL connection of one handshake (IOpenSSLClientConnectionCreator)."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(tlsProtocol)
        if not self._is_address:
            connection.set_tlsext_host_name(self._ascii_name)
        if self._checks_chain:
            connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._look_at)
        else:
            connection.set_verify(SSL.VERIFY_NONE)
        return connection

    def _look_at(self, _: object, certificate: Any, __: int, depth: int, ok: int) -> bool:
        """Keep the certificate that OpenSSL does not accept: once the handshake has failed, it is gone."""
        if not ok:
            self._distrusted = (certificate.to_cryptography(), depth)
        return bool(ok)

    async def secure(self, reactor: Any, skt: socket.socket, link: StreamLink | None, timeout: int) -> int:
        """Agree on TLS over a connected socket, for `link` if there is one; return the nanoseconds it took.

        Raises `UnreachableError` where it fails, or takes longer than `timeout` nanoseconds.
        """
        inner: Any = link or Handshake()
        inner.connection = connection = ProbeConnection(reactor, skt, inner, None)
        factory = _PromptFactory(cast("Any", self), True, cast("Any", _Wrapped(inner)))
        began = time.monotonic_ns()
        layer: Any = factory.buildProtocol(connection.getPeer())
        connection.begin(layer)
        agreed: SSL.Connection = layer.getHandle()
        inner.secured.addTimeout(timeout / SECOND, reactor)
        try:
            await inner.secured
            took = time.monotonic_ns() - began
            self._check_name(agreed)
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
            raise self._failed(error) from error
        if self.facts is None:
            self.facts = self._agreed(agreed)
        if link is None:
            inner.close()
        return took

    def _check_pin(self, agreed: SSL.Connection) -> None:
        pins = self._tls_options.pins
        if not pins:
            return
        certificate = _certificate(agreed)
        found = pin_of(certificate) if certificate is not None else "no key at all"
        if found not in pins:
            raise UnreachableError(
                f"TLS: the key of {self.server_name} is none of those that --pin gives: it is {found}",
                "if this is the server you mean, its key has changed: pin the new one",
            )

    def _check_name(self, agreed: SSL.Connection) -> None:
        if not self._checks_chain:
            return
        try:
            if self._is_address:
                verify_ip_address(agreed, self.server_name)
            else:
                verify_hostname(agreed, self._ascii_name.decode())
        except (VerificationError, CertificateError):
            certificate = _certificate(agreed)
            names = ", ".join(_names(certificate)) if certificate is not None else "none"
            raise UnreachableError(
                f"TLS: the certificate of {self.server_name} is for other names: {names}",
                "--server-name says which name it should have",
            ) from None

    def _failed(self, error: Exception) -> UnreachableError:
        if self._distrusted is not None:
            return self._unacceptable(*self._distrusted)
        return UnreachableError(f"TLS failed with {self.server_name}: {_reason(error)}", _hint(error))

    def _unacceptable(self, certificate: x509.Certificate, depth: int) -> UnreachableError:
        whose = f"TLS: the certificate of {self.server_name}"
        trust_it = f"to trust this very key: --pin {pin_of(certificate)}"
        if depth:
            whose = f"TLS: the authority {certificate.subject.rfc4514_string()} of {self.server_name}"
            trust_it = "--pin trusts a server's own key, whoever signed it"
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

    def _agreed(self, agreed: SSL.Connection) -> TlsFacts:
        certificate = _certificate(agreed)
        alpn = agreed.get_alpn_proto_negotiated().decode("ascii", "replace")
        return TlsFacts(
            server_name=self.server_name,
            verified=not self._tls_options.insecure,
            protocol=agreed.get_protocol_version_name(),
            cipher=agreed.get_cipher_name(),
            alpn=alpn or None,
            certificate=None if certificate is None else _facts_of(certificate),
        )


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
        cast("Any", self.transport).loseConnection()


def _certificate(agreed: SSL.Connection) -> x509.Certificate | None:
    presented = agreed.get_peer_certificate()
    return presented.to_cryptography() if presented is not None else None


def _facts_of(certificate: x509.Certificate) -> CertificateFacts:
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        not_before=int(certificate.not_valid_before_utc.timestamp()) * SECOND,
        not_after=int(certificate.not_valid_after_utc.timestamp()) * SECOND,
        pin=pin_of(certificate),
    )


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


_NOT_TLS = ("wrong version number", "packet length", "http request", "unexpected message", "record layer failure")


def _hint(error: Exception) -> str | None:
    reason = _reason(error)
    if any(words in reason for words in _NOT_TLS):
        return "the port does not speak TLS; without it: tcp://"
    if "certificate required" in reason or "handshake failure" in reason or "bad certificate" in reason:
        return "the server may want a client certificate: --cert FILE --key FILE"
    if "connection was" in reason:
        return "the server closed the connection in the handshake; does the port speak TLS?"
    return None


def _x509(certificate: x509.Certificate) -> crypto.X509:
    return crypto.X509.from_cryptography(certificate)
