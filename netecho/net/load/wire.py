"""What a connection of load sends and receives by: a socket that does not block, and TLS on it where that is wanted.

The load's own processes do without an event loop, so TLS is OpenSSL's on the socket itself (`secure_wire`); whom to
trust is decided as for a probe.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netecho.net.client.job import TlsOptions
    from netecho.net.client.tls import Client

CHUNK = 262_144


class Wire(Protocol):
    """A connection, which is being made at first.

    What it does raises BlockingIOError where nothing can be moved now, and another OSError where the connection
    failed.
    """

    sock: socket.socket
    wants: int
    """The event that a handshake waits for; 0: it is done."""
    chunk: int
    """The most bytes that are moved by one call."""
    overhead: float
    """Bytes sent for each byte of payload, beside the headers of TCP."""

    def shake_hands(self) -> None:
        """Go on with the handshake, after an event that it waited for. Raises UnreachableError."""

    def send(self, data: memoryview | bytes) -> int:
        """Send what fits; return how much that was."""

    def receive(self, buffer: bytearray) -> int:
        """Receive what is there; return how much that was. 0: no more will come."""


class Plain:
    """TCP."""

    wants = 0
    chunk = CHUNK
    overhead = 1.0

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def shake_hands(self) -> None:
        """Do nothing."""

    def send(self, data: memoryview | bytes) -> int:
        """Send what fits."""
        return self.sock.send(data)

    def receive(self, buffer: bytearray) -> int:
        """Receive what is there."""
        return self.sock.recv_into(buffer)


def connecting(address: str, port: int, tls: Client | None) -> Wire:
    """Begin to connect to an IP literal. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    result = sock.connect_ex((address, port))
    if result not in (0, errno.EINPROGRESS):
        sock.close()
        raise OSError(result, os.strerror(result))
    return wired(sock, tls)


def wired(sock: socket.socket, tls: Client | None) -> Wire:
    """Wrap a socket that does not block and is connected, or will be."""
    if tls is None:
        return Plain(sock)
    from netecho.net.load.secure_wire import Secure

    return Secure(sock, tls)


def trust(tls_options: TlsOptions | None, host: str) -> Client | None:
    """Return the client's side of TLS for connections to a host; None without TLS. Raises UsageError for its files."""
    if tls_options is None:
        return None
    from netecho.net.client.tls import Client  # it imports Twisted, and load without TLS does without

    return Client(tls_options, host)
