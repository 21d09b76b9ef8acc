"""TLS for the probe: what it trusts, how long the handshake took, and what was agreed on.

Verification is Twisted's (OpenSSL's chain, service_identity's names). What is added: a key that is pinned is trusted
for itself, and every way to fail has a sentence.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import idna
from cryptography import x509
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netecho.errors import UnreachableError, UsageError
from netecho.measure.facts.tls import CertificateFacts, TlsFacts
from netecho.net import openssl
from netecho.net.certificates import pin_of, read_certificates, read_identity
from netecho.net.client.stream import ProbeConnection
from netecho.net.openssl_reasons import reason_of
from netecho.net.reactor.interfaces import for_twisted
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    import socket

    from OpenSSL import crypto
    from twisted.internet.interfaces import IProtocolFactory
    from twisted.python.failure import Failure

    from netecho.net.client.job import TlsOptions
    from netecho.net.client.stream import StreamLink
    from netecho.net.reactor.interfaces import Reactor, ReactorTime


_VERDICT = 250 * MILLISECOND
"""How long at least a refusal is awaited from a server that asked for a certificate under TLS 1.3; ns. It refuses after
the handshake is completed on our side (RFC 8446 section 4.4.2.4), and sends nothing if it accepts."""

_UNTRUSTED = {2, 18, 19, 20, 21, 27}
"""X509_V_ERR_* (openssl/x509_vfy.h) that say no more than that there is no trusted authority behind a certificate."""

_REFUSED = {
    7: "its signature is wrong",
    23: "it was revoked",
    25: "it is further from its authority than that allows",
    26: "its purpose is another than to be a server's (extended key usage)",
    28: "its authority is not trusted for this purpose",
    32: "its authority may not sign certificates (key usage)",
    34: "it has a critical extension that OpenSSL does not know",
    47: "its name is not among those that its authority may sign",
    48: "its name is among those that its authority may not sign",
    66: "its key is too weak",
    67: "its authority's key is too weak",
    68: "it is signed with a digest that is too weak",
    79: "it is no authority, and may not sign another (basic constraints)",
}
"""The X509_V_ERR_* that a server's certificate may meet otherwise."""


@implementer(IOpenSSLClientConnectionCreator)
class Client:
    """The client's side of TLS, made once a run from what the user trusts."""

    def __init__(self, tls_options: TlsOptions, host: str) -> None:
        """Read the files that `tls_options` names. Raises `UsageError` for those that cannot be used."""
        self._tls_options = tls_options
        self.server_name = tls_options.server_name or host
        self._is_address = isIPAddress(self.server_name) or isIPv6Address(self.server_name)
        try:
            self._ascii_name = b"" if self._is_address else idna.encode(self.server_name, uts46=True)
        except idna.IDNAError:
            raise UsageError(
                f"{self.server_name!r} is no name that a certificate could have", "--server-name example.org"
            ) from None
        self._distrusted: tuple[x509.Certificate, int, int] | None = None
        self._certificate_requested = False
        self.facts: TlsFacts | None = None
        """What the first handshake agreed on."""
        self._context = self._made()
        creator = cast("IOpenSSLClientConnectionCreator", self)
        self._factory = TLSMemoryBIOFactory(creator, True, cast("IProtocolFactory", Factory()))

    def _made(self) -> SSL.Context:
        tls_options = self._tls_options
        identity = None if tls_options.cert is None else read_identity(tls_options.cert, tls_options.key)
        authorities = None if tls_options.ca is None else read_certificates(tls_options.ca, "--ca")
        by_system = authorities is None and not tls_options.insecure and not tls_options.pins
        self._checks_chain = (authorities is not None or by_system) and not tls_options.insecure
        context = openssl.context(
            identity, authorities, tls_options.alpn, f"--cert {tls_options.cert}", platform_trust=by_system
        )
        context.set_info_callback(self._on_state)
        return context

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """Make the OpenSSL connection of one handshake (IOpenSSLClientConnectionCreator)."""
        connection = self.connection(None)
        connection.set_app_data(tlsProtocol)
        return connection

    def connection(self, skt: socket.socket | None) -> SSL.Connection:
        """Make the OpenSSL connection of one handshake over a socket, or over memory."""
        connection = SSL.Connection(self._context, skt)
        if self._tls_options.alpn:
            connection.set_alpn_protos(openssl.encoded(self._tls_options.alpn))
        self._certificate_requested = False
        if not self._is_address:
            connection.set_tlsext_host_name(self._ascii_name)
        if self._checks_chain:
            connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._on_verify)
        else:
            connection.set_verify(SSL.VERIFY_NONE)
        return connection

    def _on_verify(self, _: object, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
        """Keep the certificate that OpenSSL does not accept: after a failed handshake OpenSSL has it no more."""
        if not ok:
            self._distrusted = (certificate.to_cryptography(), depth, error)
        return bool(ok)

    def _on_state(self, connection: SSL.Connection, where: int, _: int) -> None:
        """Note that the server asks for a certificate; nothing but the state of the handshake says so."""
        if where & SSL.SSL_CB_LOOP and b"certificate request" in connection.get_state_string():
            self._certificate_requested = True

    async def secure(self, reactor: Reactor, skt: socket.socket, link: StreamLink | None, timeout: int) -> int:
        """Agree on TLS over a connected socket, for `link` if there is one; return the nanoseconds it took.

        Raises `UnreachableError` where it fails, or takes longer than `timeout` nanoseconds.
        """
        inner: StreamLink | Handshake = link or Handshake()
        began = time.monotonic_ns()
        # Not by the factory's `buildProtocol`: its protocol gathers small writes for a reactor pass.
        layer = TLSMemoryBIOProtocol(self._factory, inner)
        inner.connection = connection = ProbeConnection(reactor, skt, layer)
        connection.begin()
        agreed: SSL.Connection = layer.getHandle()
        inner.secured.addTimeout(timeout / SECOND, for_twisted(reactor))
        try:
            await inner.secured
            took = time.monotonic_ns() - began
            self.check(agreed)
            asked = self._certificate_requested and agreed.get_protocol_version() == SSL.TLS1_3_VERSION
            if asked and isinstance(inner, Handshake):
                await inner.refused_within(reactor, max(_VERDICT, 2 * took))
        except DeferredTimeoutError:
            connection.abortConnection()
            raise UnreachableError(
                f"TLS was not agreed on with {self.server_name} within {timeout / SECOND:g} s",
                "does the port speak TLS? a plain service waits for something else: tcp://",
            ) from None
        except (UnreachableError, CancelledError):  # the latter is an Exception too: the run was ended, nothing failed
            connection.abortConnection()
            raise
        except Exception as error:
            connection.abortConnection()
            raise self.failed(error) from error
        if self.facts is None:
            self.facts = self._agreed(agreed)
        if isinstance(inner, Handshake):
            inner.close()
        return took

    def check(self, agreed: SSL.Connection) -> None:
        """Look at whose certificate it is, once the handshake is done. Raises UnreachableError."""
        self._check_name(agreed)
        self._check_pin(agreed)

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

    def failed(self, error: Exception) -> UnreachableError:
        """Return in a sentence why a handshake failed."""
        if self._distrusted is not None:
            return self._unacceptable(*self._distrusted)
        return UnreachableError(f"TLS failed with {self.server_name}: {reason_of(error)}", _hint(error))

    def _unacceptable(self, certificate: x509.Certificate, depth: int, error: int) -> UnreachableError:
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
        if error not in _UNTRUSTED:
            why = _REFUSED.get(error, f"OpenSSL's verification gives X509_V_ERR {error}")
            return UnreachableError(f"{whose} is refused: {why}", trust_it)
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
        self.lost: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        """Note that the handshake is completed (IHandshakeListener)."""
        if not self.secured.called:
            self.secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that it failed, or that the server ended it: with an alert, where it refuses our certificate."""
        if not self.secured.called:
            self.secured.errback(reason)
        elif not self.lost.called:
            self.lost.addErrback(lambda _: None)
            self.lost.errback(reason)

    async def refused_within(self, reactor: ReactorTime, duration: int) -> None:
        """Wait so many nanoseconds for a refusal of our certificate; raise what ended the connection, if it ends."""
        self.lost.addTimeout(duration / SECOND, for_twisted(reactor))
        with suppress(DeferredTimeoutError):
            await self.lost

    def close(self) -> None:
        """Close the connection."""
        self.connection.loseConnection()


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


_ABOUT_CERTIFICATES = ("certificate_required", "handshake_failure", "bad_certificate", "unknown_ca")
_NOT_TLS = ("wrong version number", "packet length", "http request", "unexpected message", "record layer failure")


def _hint(error: Exception) -> str | None:
    reason = reason_of(error)
    if any(words in reason for words in _NOT_TLS):
        return "the port does not speak TLS; without it: tcp://"
    if "no_application_protocol" in reason:
        return "the server speaks none of the protocols that --alpn offers"
    if any(alert in reason for alert in _ABOUT_CERTIFICATES):
        return "the server may want a client certificate: --cert FILE --key FILE"
    if "connection was" in reason:
        return "the server closed the connection in the handshake; does the port speak TLS?"
    return None
