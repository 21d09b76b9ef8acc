"""TLS for the server: TLS 1.2 and up, by Twisted's own means, with a certificate that can be replaced as it runs.

It runs over an `EagerConnection` as a stream without TLS does, and has its limits and its back-pressure. Each write is
a record of its own at once: Twisted's gathering of small writes for a reactor pass is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from OpenSSL import SSL
from twisted.internet import ssl
from twisted.internet.interfaces import IHalfCloseableProtocol, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from netecho.net import openssl
from netecho.net.certificates import load_identity, make_identity, pin_of, read_certificates, read_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twisted.internet.interfaces import IProtocolFactory
    from twisted.internet.protocol import Protocol
    from twisted.python.failure import Failure

    from netecho.net.server.settings import Credentials, ServerSettings
    from netecho.net.server.sockets import BoundSocket


@implementer(IHalfCloseableProtocol)
class _Layer(TLSMemoryBIOProtocol):
    """Twisted's TLS, with a close_notify also for clients that close the connection without one.

    What a connection held is free once it is gone, and not only when the garbage collector comes.
    """

    transport: Any

    def _flushSendBIO(self) -> None:
        """Send what there is to send, unless the connection is gone already.

        Where the write half is closed, `loseConnection` of Twisted's transports is the end at once, and not in a later
        pass; the layer above goes on with what it was doing.
        """
        held: SSL.Connection | None = self._tlsConnection  # whatever Twisted's types say
        if held is not None:
            super()._flushSendBIO()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        super()._tlsShutdownFinished(reason)
        if reason is not None:  # the frames in which OpenSSL's error was raised refer to it, and it to them
            reason.cleanFailure()

    def readConnectionLost(self) -> None:
        """Close with the alert; what waited is sent by now, or no FIN would have been read."""
        self.loseConnection()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Have nothing to do: TLS has no half-closed connections."""


class Identity(NamedTuple):
    """What a server shows in a handshake, as its files have it."""

    context: SSL.Context
    pin: str


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """The server's side of TLS. Raises UsageError for files that cannot be used, when made and at `reload`."""

    def __init__(self, credentials: Credentials, names: Iterable[str] = (), made: str | None = None) -> None:
        self._credentials = credentials
        self.made = None if credentials.cert else made or make_identity(names)
        """The key and certificate made for the run, PEM; None where they come from files."""
        creator = cast("IOpenSSLServerConnectionCreator", self)
        self._factory = TLSMemoryBIOFactory(creator, False, cast("IProtocolFactory", Factory()))
        self.pin = ""
        """Of the certificate in use."""
        self.reload()

    def reload(self) -> None:
        """Read the files again, for the handshakes from now on; if they cannot be used, nothing changes."""
        self.use(self.read())

    def read(self) -> Identity:
        """Read the files again, and change nothing yet. Raises UsageError where they cannot be used."""
        ours = self._credentials
        chain, key = load_identity(self.made) if self.made else read_identity(ours.cert or "", ours.key)
        authorities = None if ours.client_ca is None else read_certificates(ours.client_ca, "--client-ca")
        context = openssl.context(
            (chain, key), authorities, ours.alpn, f"--cert {ours.cert}", minimum=ssl.TLSVersion.TLSv1_2
        )
        openssl.select_alpn(context, ours.alpn)
        return Identity(context, pin_of(chain[0]))

    def use(self, identity: Identity) -> None:
        """Show this one in the handshakes from now on."""
        self._context, self.pin = identity

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """Make the OpenSSL connection of one handshake (IOpenSSLServerConnectionCreator)."""
        del tlsProtocol
        return SSL.Connection(self._context, None)

    def wrap(self, protocol: Protocol) -> TLSMemoryBIOProtocol:
        """Put TLS around one connection's protocol."""
        return _Layer(self._factory, protocol)


def tls_for(settings: ServerSettings, bound: Sequence[BoundSocket], made: str | None = None) -> ServerTls | None:
    """Make the server's side of TLS, if one of the sockets wants it. Raises UsageError."""
    addresses = [each.address for each in bound if each.is_secure]
    return ServerTls(settings.credentials, addresses, made) if addresses else None
