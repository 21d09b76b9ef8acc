"""TLS on the socket of a connection of load."""

from __future__ import annotations

import os
import selectors
import socket
from typing import TYPE_CHECKING

from OpenSSL import SSL

from netecho.net.openssl_reasons import reason_of

if TYPE_CHECKING:
    from netecho.net.client.tls import Client

RECORD = 16_384
"""Bytes of the longest record of TLS (RFC 8446 section 5.1): OpenSSL moves one at a time."""
_AROUND = 22
"""What is sent around it: header, type and tag; 29 bytes with TLS 1.2."""
_FIN = -1
"""pyOpenSSL's number for a connection that was closed without an alert, as many servers do."""
_WAITS = (SSL.WantReadError, SSL.WantWriteError)


class Secure:
    """A `Wire` with TLS."""

    chunk = RECORD
    overhead = (RECORD + _AROUND) / RECORD

    def __init__(self, sock: socket.socket, tls: Client) -> None:
        self.sock = sock
        self.wants = selectors.EVENT_WRITE  # connected, first of all
        self._tls = tls
        self._agreed = tls.connection(sock)
        self._agreed.set_connect_state()

    def shake_hands(self) -> None:
        """Go on with the handshake; at its end, look at whose certificate it is. Raises OSError, UnreachableError."""
        number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
        try:
            self._agreed.do_handshake()
        except _WAITS as wait:
            self.wants = selectors.EVENT_READ if isinstance(wait, SSL.WantReadError) else selectors.EVENT_WRITE
            return
        except SSL.Error as error:
            raise self._tls.failed(error) from error
        self._tls.check(self._agreed)
        self.wants = 0

    def send(self, data: memoryview | bytes) -> int:
        """Send a record, if it fits."""
        try:
            return self._agreed.send(data)
        except _WAITS:
            raise BlockingIOError from None
        except SSL.Error as error:
            raise _failed(error) from error

    def receive(self, buffer: bytearray) -> int:
        """Receive a record: with room for all of it, none of it stays where no selector looks."""
        try:
            return self._agreed.recv_into(buffer, RECORD)
        except _WAITS:
            raise BlockingIOError from None
        except SSL.ZeroReturnError:
            return 0
        except SSL.SysCallError as error:
            if error.args[0] == _FIN:
                return 0
            raise _failed(error) from error
        except SSL.Error as error:
            raise _failed(error) from error


def _failed(error: SSL.Error) -> OSError:
    if isinstance(error, SSL.SysCallError) and error.args[0] != _FIN:
        return OSError(error.args[0], os.strerror(error.args[0]))
    return ConnectionError(f"TLS failed: {reason_of(error)}")
