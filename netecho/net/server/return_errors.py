"""The ICMP errors about a reflector's replies, heard while somebody traces the way back (`stamp.return_traces`).

The kernel queues them for any process (IP_RECVERR, ip(7)), and reports each as an error of the socket too, which the
next send or receive would fail with. So they are asked for only while such a trace is going on, and a send in whose way
one of them is, is repeated.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netecho.net.linux.icmp_errors import hear_errors
from netecho.net.linux.pending_errors import PENDING
from netecho.net.linux.timestamp_cmsg import ORIGIN_ICMP, ORIGIN_ICMP6, parse_error, parse_rx_timestamp
from netecho.net.server.peers import packed
from netecho.stamp.location import Endpoint
from netecho.stamp.return_traces import IcmpQuote
from netecho.trace.quote import extensions

if TYPE_CHECKING:
    import socket

    from netecho.net.linux.cmsg import Control
    from netecho.net.sockaddr import SockAddr
    from netecho.stamp.session_reflector import Reflector

LARGEST = 1280
"""Octets of a quote that are read: of more than the headers and a reply's first there is no need."""
_HEADERS = {ORIGIN_ICMP: 28, ORIGIN_ICMP6: 48}
"""Octets of IP and UDP headers before a quoted payload."""


class ReturnErrors:
    """Of one listener's socket."""

    def __init__(self, sock: socket.socket, reflector: Reflector) -> None:
        self._socket = sock
        self._reflector = reflector
        self.heard = False
        """Whether errors are queued now."""

    def begin(self) -> None:
        """Have errors queued."""
        if not self.heard:
            self.heard = True
            hear_errors(self._socket)

    def roll(self, now: int) -> None:
        """Have none queued any more, once nobody traces; `now`: the monotonic clock's nanoseconds."""
        if self.heard and not self._reflector.return_traces.expire(now):
            self.heard = False
            hear_errors(self._socket, wanted=False)

    def is_of_an_earlier(self, error: OSError) -> bool:
        """Tell whether a send failed for what is no matter of its own."""
        return self.heard and error.errno in PENDING

    def take(self, data: bytes, control: Control, peer: SockAddr | None) -> None:
        """Take in an entry of the error queue that is no timestamp."""
        error = parse_error(control)
        if error is None or error.origin not in _HEADERS or not error.offender or not peer:
            return
        received = parse_rx_timestamp(control)
        # Where the quote ends is counted from its IP header on, which is not among what the kernel hands over.
        labels = extensions(bytes(_HEADERS[error.origin]) + data, 0)
        quote = IcmpQuote(
            peer=Endpoint(packed(peer[0]), peer[1]),
            payload=data,
            offender=packed(error.offender),
            type=error.type,
            code=error.code,
            received=time.time_ns() if received is None else received,
            exact=received is not None,
            tos=peer[2] >> 20 & 0xFF if error.origin == ORIGIN_ICMP6 and len(peer) > 2 else None,
            label=labels[0].entry if labels else 0,
        )
        self._reflector.return_traces.quoted(quote, self._reflector.head_length)
