"""The probe's socket for datagrams: Twisted's UDP port with the kernel's timestamp of each datagram.

Its error queue is read instead of ending the transport.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Protocol

from twisted.internet import udp
from twisted.internet.error import CannotListenError

from netecho.net.client.closed_loop import ClosedLoopLink, run_closed_loop
from netecho.net.client.connect import mark, source_refused, unreachable
from netecho.net.client.pending_timestamps import PendingTxTimestamps
from netecho.net.linux.sockopts import IP_RECVERR, IPV6_RECVERR
from netecho.net.reactor.error_queue import ErrorQueueAware
from netecho.net.reactor.interfaces import for_twisted

if TYPE_CHECKING:
    from netecho.net.client.job import IpOptions
    from netecho.net.client.resolve import Address
    from netecho.net.linux.timestamping import SocketTimestamps
    from netecho.net.reactor.interfaces import Reactor

LARGEST = 65535
# Datagrams read in one go, before what is due gets its turn.
_BURST = 32
# Most datagrams read before probes are given up: more than a receive buffer of any usual size has room for.
_WAITING = 4096
# Bytes of a receive buffer, which the system doubles, or allows less. Without, it holds some 90 full datagrams:
# a tenth of a second at 8 Mbit/s, and on a busy machine this program does not run for longer than that.
_ROOM = 1 << 20


class DatagramReceiver(ClosedLoopLink, Protocol):
    """What a port passes its datagrams to."""

    port: ProbePort
    closed_loop: bool
    """Whether a reply may be followed by the next probe at once."""

    @property
    def expecting(self) -> bool:
        """Whether more replies may be waiting than the one just read."""

    def received(self, data: bytes, rx_timestamp: int | None) -> None:
        """Handle a datagram that the kernel received at `rx_timestamp`."""

    def refused(self, error: OSError) -> None:
        """Report that the network or the peer refused a datagram."""

    def report_queued_error(self) -> bool:
        """Report the ICMP error that was queued since the last call; return whether there was one."""

    def pump(self) -> None:
        """Run the driver's next pass."""

    def close(self) -> None:
        """Close the socket."""


class ProbePort(ErrorQueueAware, udp.Port):
    """A UDP socket connected to the target, as a Twisted transport with the kernel's timestamps."""

    def __init__(self, reactor: Reactor, address: Address, ip_options: IpOptions, protocol: DatagramReceiver) -> None:
        anywhere = "::" if address.family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - the source is the system's choice
        host, port = ip_options.source or ("", 0)
        super().__init__(port, protocol, host or anywhere, LARGEST, for_twisted(reactor))
        self._ip_options = ip_options
        self._link = protocol
        self.timestamps: SocketTimestamps | None = None
        self.pending_tx: PendingTxTimestamps | None = None

    def use_timestamps(self, timestamps: SocketTimestamps | None) -> None:
        """Read the kernel's timestamps from now on; None: there are none."""
        self.timestamps = timestamps
        if timestamps is not None:
            self.pending_tx = PendingTxTimestamps(timestamps, self.socket)
            # The error queue is read for the timestamps: ask for the ICMP messages in it as well (IP_RECVERR). Where
            # it is not read, they would keep the descriptor ready, and the reactor busy.
            six = self.socket.family == socket.AF_INET6
            level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if six else (socket.IPPROTO_IP, IP_RECVERR)
            self.socket.setsockopt(level, option, 1)

    def createInternetSocket(self) -> socket.socket:
        """Make a socket with the options of `IpOptions`."""
        skt: socket.socket = super().createInternetSocket()
        mark(skt, self._ip_options)
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        return skt

    def doRead(self) -> None:
        """Read datagrams with their timestamps and pass each to the link; in a closed loop, run the loop from there."""
        self.read(closed_loop=True)

    def read_all(self) -> None:
        """Read what waits in the socket, likewise; it may be more than was asked for."""
        self.read(_WAITING, expected=False)

    def read(self, most: int = _BURST, *, closed_loop: bool = False, expected: bool = True) -> None:
        """Read datagrams with their timestamps, and pass each to the link; if `expected`, while it expects more."""
        link, timestamps, pending_tx = self._link, self.timestamps, self.pending_tx
        if pending_tx:
            pending_tx.collect()
        for _ in range(most):
            try:
                if timestamps is None:
                    data, rx_timestamp = self.socket.recv(LARGEST), None
                else:
                    data, rx_timestamp = timestamps.read(self.socket, LARGEST)
                    if closed_loop and link.closed_loop and pending_tx is not None:
                        rest = run_closed_loop(link, self.socket, timestamps, pending_tx, data, rx_timestamp)
                        if rest is None:
                            link.pump()
                            return
                        data, rx_timestamp = rest
            except OSError as error:
                self._nothing_read(error)
                return
            link.received(data, rx_timestamp)
            if (expected and not link.expecting) or not self.connected:
                return

    def _nothing_read(self, error: OSError) -> None:
        """Drain the error queue, and report the errors in it."""
        if self.pending_tx is not None:
            self.pending_tx.collect(everything=True)
        if isinstance(error, BlockingIOError):
            self._link.report_queued_error()
        else:
            self._link.refused(error)


def open_port(reactor: Reactor, link: DatagramReceiver, address: Address, ip_options: IpOptions) -> None:
    """Open a socket to `address` for `link`. Raises `UsageError` where `--source` cannot be bound."""
    link.port = ProbePort(reactor, address, ip_options, link)
    try:
        link.port.startListening()
    except CannotListenError as error:
        if error.socketError.errno in (errno.EMFILE, errno.ENFILE):
            raise unreachable(address, error.socketError) from None
        raise source_refused(ip_options, error.socketError) from None
    try:
        # Not by the port's own `connect`, which takes a host and a port and so loses the zone of a link-local address.
        link.port.socket.connect(address.sockaddr)
    except OSError as error:
        link.close()
        raise unreachable(address, error) from None
