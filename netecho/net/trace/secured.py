"""TLS on a flow's connection: agreed on before the trace, whose segments are TCP's and carry nothing of it.

The certificate is not checked: nothing is said on the connection that somebody else could read. When it is closed the
peer is told so (RFC 8446 section 6.1), as servers log what they take for a truncation.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from OpenSSL import SSL
from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError

from netecho.errors import UnreachableError
from netecho.net.client.job import TlsOptions
from netecho.net.client.tls import Client
from netecho.net.linux.sockopts import unacknowledged
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.trace.descriptor import Descriptor
from netecho.units import SECOND

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from netecho.net.reactor.interfaces import Reactor

_LOOK_AGAIN = 0.005
"""Seconds until it is looked again whether the peer has acknowledged all."""


class _Handshake(Descriptor):
    """Goes on with a handshake whenever the peer has said something."""

    def __init__(self, reactor: Reactor, sock: socket.socket, agreed: SSL.Connection) -> None:
        super().__init__(reactor, sock)
        self._agreed = agreed
        self.done: Deferred[None] = Deferred()

    def read(self) -> None:
        """Take the next step."""
        try:
            self._agreed.do_handshake()
        except (SSL.WantReadError, SSL.WantWriteError):
            return
        except (SSL.Error, OSError) as error:
            self.release()
            self.done.errback(error)
        else:
            self.release()
            self.done.callback(None)

    def release(self) -> None:
        """Let go of the socket, which stays open."""
        if not self.closed:
            self.closed = True
            self._reactor.removeReader(self)


async def secure(reactor: Reactor, sock: socket.socket, host: str, patience: int) -> Callable[[], None]:
    """Agree on TLS over a connected socket, within so many nanoseconds; return what tells the peer that it is over.

    All that was sent is acknowledged then, so that no ACK of it is taken for that of a segment of the trace. Raises
    UnreachableError; the socket is the caller's to close.
    """
    client = Client(TlsOptions(insecure=True), host)
    agreed = client.connection(sock)
    agreed.set_connect_state()
    handshake = _Handshake(reactor, sock, agreed)
    ends = time.monotonic_ns() + patience
    handshake.done.addTimeout(patience / SECOND, for_twisted(reactor))
    handshake.start()
    handshake.doRead()
    try:
        await handshake.done
    except DeferredTimeoutError:
        raise UnreachableError(
            f"TLS was not agreed on with {host} within {patience / SECOND:g} s",
            "does the port speak TLS? the way is that of tcp:// to the same port",
        ) from None
    except (SSL.Error, OSError) as error:
        raise client.failed(error) from error
    finally:
        handshake.release()
    while unacknowledged(sock) and time.monotonic_ns() < ends:
        again: Deferred[None] = Deferred()
        reactor.callLater(_LOOK_AGAIN, again.callback, None)
        await again

    def over() -> None:
        with contextlib.suppress(SSL.Error, OSError):
            agreed.shutdown()

    return over
