"""One connection of load over HTTP/1.1: a socket that does not block, driven by whoever watches it.

All that is sent comes from one buffer, and all that comes goes into one: nothing is made or kept for a chunk. This is
plain sockets and no Twisted, for a process that does nothing else.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.net.linux import sockopts, tcp_info
from netecho.net.load.wire import CHUNK, connecting

if TYPE_CHECKING:
    from netecho.measure.facts.tcp import TcpFacts
    from netecho.net.client.tls import Client
    from netecho.net.load.orders import Order

LEAST = 1 << 20
"""Bytes below which a resource is a page, and no load."""
UPLOAD_SIZE = 1 << 40
"""What an upload is said to have: it is cut off before."""
_LONGEST_HEAD = 16_384

_SENT = memoryview(b"netecho " * (CHUNK // 8))
_received = bytearray(CHUNK)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*")
_REDIRECTS = (b"301", b"302", b"303", b"307", b"308")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,15})", re.IGNORECASE)


class FlowError(Exception):
    """Why a flow ended: a sentence."""


class RefusedError(FlowError):
    """The far end answered it with an error."""


def check_length(length: int | None) -> int:
    """Return how long a resource is, if that is enough for a load. Raises FlowError."""
    if length is None:
        raise FlowError("the far end does not say how long the large resource is")
    if length < LEAST:
        raise FlowError(f"the large resource has {length} bytes: that is a page, and no load")
    return length


class HttpFlow:
    """A connection that is being made, and then carries a download, or an upload."""

    def __init__(self, order: Order, tls: Client | None) -> None:
        try:
            self._wire = connecting(order.address, order.port, tls)
        except OSError as error:
            raise FlowError(error.strerror or str(error)) from error
        self.sock = self._wire.sock
        self._content = _SENT[: self._wire.chunk]
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockopts.prefer_loss_based(self.sock)
        self.moved = 0
        """Payload bytes: received, or handed to the kernel."""
        self.reported = 0
        """Of these, what had arrived when it was last asked; whoever asks sets it."""
        self._uploads = order.kind == "upload"
        length = [f"Content-Length: {UPLOAD_SIZE}"] if self._uploads else []
        self._order = order
        self._head = self._request = order.headers("POST" if self._uploads else "GET", *length)
        self._answer = b""
        self._left = 0
        """Of the body that is being received."""
        self._whole = 0

    @property
    def events(self) -> int:
        """What to watch it for."""
        if self._wire.wants:
            return self._wire.wants
        wants_to_send = self._request or self._uploads
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if wants_to_send else 0)

    @property
    def arrived(self) -> int:
        """Payload bytes that have arrived at their receiver."""
        if not self._uploads:
            return self.moved
        arrived = tcp_info.arrived(self.sock)
        if arrived is None:
            return self.moved
        return min(self.moved, max(0, round((arrived - len(self._head)) / self._wire.overhead)))

    @property
    def smoothed_rtt(self) -> int | None:
        """The stack's own round trip of this connection, nanoseconds: of a download, the receiver's estimate."""
        return tcp_info.receiver_rtt(self.sock) if not self._uploads else tcp_info.smoothed_rtt(self.sock)

    def sender(self) -> TcpFacts | None:
        """Return what the stack knows of the load's sender; None where that is the far end."""
        return tcp_info.read(self.sock) if self._uploads else None

    def ready(self, mask: int) -> None:
        """Move what can be moved. Raises FlowError when it is over."""
        try:
            if self._wire.wants:
                self._wire.shake_hands()
                return
            if mask & selectors.EVENT_WRITE:
                self._send()
            if mask & selectors.EVENT_READ:
                self._receive()
        except BlockingIOError:
            pass
        except UnreachableError as error:
            raise FlowError(error.sentence) from error
        except OSError as error:
            raise FlowError(error.strerror or str(error)) from error

    def abort(self) -> None:
        """End it at once: what is in its buffers goes nowhere."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _send(self) -> None:
        if self._request:
            self._request = self._request[self._wire.send(self._request) :]
        elif self._uploads:
            self.moved += self._wire.send(self._content)

    def _receive(self) -> None:
        size = self._wire.receive(_received)
        if not size:
            raise FlowError(
                "the far end closed a connection in the middle of its load"
                + (": it may allow no more bytes, or no more time" if self._left else "")
            )
        if self._left:
            self._body(size)
            return
        self._answer += _received[:size]
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if end:
            self._answer = b""
            self._answered(head, rest)
        elif len(self._answer) > _LONGEST_HEAD:
            raise FlowError("the far end's answer is not HTTP")

    def _answered(self, head: bytes, rest: bytes) -> None:
        status = _STATUS.match(head)
        if status is None:
            raise FlowError("the far end's answer is not HTTP")
        if status[1] == b"100":
            return
        if status[1] in _REDIRECTS:
            raise RefusedError(f"the far end redirects a load ({status[1].decode()}): that is not followed")
        if status[1] != b"200" or self._uploads:
            said = rest.decode("ascii", "replace").partition("\n")[0].removeprefix("netecho: ")[:100]
            raise RefusedError(
                f"the far end answered {status[0].decode('ascii', 'replace')[9:80]}" + (said and f": {said}")
            )
        length = _LENGTH.search(head)
        self._whole = self._left = check_length(None if length is None else int(length[1]))
        self._body(len(rest))

    def _body(self, size: int) -> None:
        self.moved += size
        self._left -= size
        if self._left <= 0:  # it is over before the phase is: once more
            self._request = self._head
