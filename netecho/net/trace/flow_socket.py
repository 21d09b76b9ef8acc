"""The socket of one flow: a connected UDP socket whose datagrams leave with a TTL each.

Addresses, ports and DSCP are those of any datagram of the flow, so that the network cannot treat them differently.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from netecho.net.client.connect import open_socket, unreachable
from netecho.net.linux import sockopts
from netecho.net.linux.icmp_errors import QuotedError, TxTimestamp, hop_limit, read_error_queue, request_errors
from netecho.net.linux.path_mtu import send_whole
from netecho.net.linux.pending_errors import PENDING
from netecho.net.linux.timestamp_cmsg import parse_rx_timestamp
from netecho.net.linux.timestamping import TimestampIds, awake
from netecho.net.trace.descriptor import MOST, Descriptor
from netecho.trace.checksum import Flow
from netecho.trace.quote import IcmpError, Quote, extensions

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.client.job import IpOptions
    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import Reactor
    from netecho.trace.flow import Due, Outstanding
    from netecho.trace.reverse import Ask, Reverse
    from netecho.trace.session import Session

_FLAGS = sockopts.TX_SOFTWARE | sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE | sockopts.OPT_ID | sockopts.OPT_TSONLY
_LARGEST, _SPACE = 65535, 256
_AWAITED = 4096
"""Tx timestamps that are waited for at most."""
_TRIES = 3
"""How often a datagram is sent anew because of an error that is of one before. (ip(7): pending errors.)"""
_HEADERS = {4: 28, 6: 48}
"""Bytes of IP and UDP headers before a quoted payload."""


class FlowSocket(Descriptor):
    """One flow to one address. Raises UnreachableError where there is no route, UsageError for a wrong `--source`."""

    def __init__(
        self,
        reactor: Reactor,
        session: Session,
        index: int,
        address: Address,
        ip_options: IpOptions,
        clock: Callable[[], int],
        *,
        errors: bool,
        whole: bool = False,
    ) -> None:
        super().__init__(reactor, open_socket(address.family, socket.SOCK_DGRAM, ip_options))
        if whole:
            send_whole(self.socket)
        self._session = session
        self._index = index
        self._clock = clock
        self._errors = errors
        self._ids = TimestampIds(stream=False)
        self._stamped = awake()
        self._pending: dict[int, Outstanding] = {}
        self.reverse: Reverse | None = None
        """The way back, where that is traced too."""
        self.error: OSError | None = None
        """Why the last datagram was not sent, where it was not."""
        try:
            self.socket.connect(address.sockaddr)
        except OSError as error:
            self.socket.close()
            raise unreachable(address, error) from None
        if errors:
            request_errors(self.socket)
        if self._stamped:
            self._restart()
        local, remote = self.socket.getsockname(), self.socket.getpeername()
        self._peer: str = remote[0].partition("%")[0]
        self.flow = Flow(local[0], local[1], remote[0], remote[1])
        session.opened(index, self.flow)

    def send(self, due: Due, wall: int) -> None:
        """Send a packet with its TTL."""
        self._send_of(self._session, due, wall, due.ttl)

    def send_back(self, ask: Ask, wall: int) -> None:
        """Send a request of the way back, with the usual TTL."""
        reverse = self.reverse
        if reverse is None:
            return
        if reverse.session is not None and ask.due is not None:
            self._send_of(reverse.session, ask.due, wall, None)
        else:
            self._transmit(reverse.collect(self._index, wall), None, lambda: None)

    def _send_of(self, session: Session, due: Due, wall: int, ttl: int | None) -> None:
        payload = session.payload(due, wall)
        if not self._transmit(payload, ttl, lambda: session.sent(due, payload, self._clock())):
            session.failed(due)

    def _transmit(self, payload: bytes, ttl: int | None, sent: Callable[[], Outstanding | None]) -> bool:
        """Send a packet; `sent` is called just before. Return whether the system took it."""
        sock = self.socket
        control = [] if ttl is None else [hop_limit(sock.family, ttl)]
        for _ in range(_TRIES):
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # takes the error of an earlier one, which is no matter
            out = sent()
            try:
                sock.sendmsg([payload], control)
            except OSError as error:
                self.error = error
                if self._stamped:
                    self._restart()
                if error.errno not in PENDING:
                    break
            else:
                self.error = None
                if self._stamped:
                    self._await(self._ids.sent(len(payload)), out)
                return True
        return False

    def _await(self, number: int, out: Outstanding | None) -> None:
        """Wait for the tx timestamp of the packet of this number."""
        if out is not None:
            self._pending[number] = out
            if len(self._pending) > _AWAITED:
                del self._pending[next(iter(self._pending))]

    def _restart(self) -> None:
        """Have the system count datagrams from 0: not every release leaves out those that failed."""
        for flags in (_FLAGS & ~sockopts.OPT_ID, _FLAGS):
            self.socket.setsockopt(socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, flags)
        self._ids.restart()

    def read(self) -> None:
        """Read the error queue, then replies: a datagram's tx timestamp is there before its answer."""
        for _ in range(MOST):
            entry = read_error_queue(self.socket)
            if entry is None:
                break
            if isinstance(entry, TxTimestamp):
                number = self._ids.whole(entry.id32)
                out = None if number is None else self._pending.pop(number, None)
                if out is not None:
                    out.tx_timestamp = entry.wall
            elif self._errors:
                self._quoted(entry)
        for _ in range(MOST):
            try:
                data, ancillary, _, _ = self.socket.recvmsg(_LARGEST, _SPACE)
            except BlockingIOError:
                return
            except OSError:  # of a datagram before: the error queue, or the raw socket, has told more of it
                continue
            now, received = self._clock(), parse_rx_timestamp(ancillary)
            reverse = self.reverse
            if reverse is None or not reverse.replied(self._index, data, now, received or time.time_ns(), received):
                self._session.replied(self._index, self._peer, data, now, received)

    def _quoted(self, entry: QuotedError) -> None:
        error = entry.error
        if not error.offender:  # an address that the system could not give
            return
        family = 6 if self.socket.family == socket.AF_INET6 else 4
        too_large = (error.type, error.code) == ((3, 4) if family == 4 else (2, 0))
        parsed = IcmpError(
            family=family,
            type=error.type,
            code=error.code,
            quote=Quote(tos=entry.tos, payload=entry.payload),
            mtu=error.info if too_large and error.info else None,
            # Where the quote ends is counted from its IP header on, which is not among what the kernel hands over.
            labels=extensions(bytes(_HEADERS[family]) + entry.payload, 0),
        )
        self._session.quoted(self._index, error.offender, parsed, self._clock(), entry.rx_timestamp)
