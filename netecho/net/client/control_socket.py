"""A connected UDP socket whose datagrams leave whole or not at all, with all that the kernel knows of what comes back.

That is the time of arrival, TTL and traffic class of each datagram, and the network's errors: ICMP messages, and
EMSGSIZE with the MTU that a datagram was too long for. Where the system has none of that (`NETECHO_PORTABLE`),
datagrams come alone.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, NamedTuple, cast

from twisted.internet.abstract import FileDescriptor

from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.connect import open_socket, unreachable
from netecho.net.client.loss import is_final, loss_of_errno, loss_of_icmp
from netecho.net.linux.path_mtu import send_whole
from netecho.net.linux.sockopts import IP_RECVERR, IPV6_RECVERR
from netecho.net.linux.timestamp_cmsg import ORIGIN_LOCAL
from netecho.net.linux.timestamping import SocketTimestamps
from netecho.net.reactor.error_queue import ErrorQueueAware

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorFDSet

    from netecho.net.client.job import IpOptions
    from netecho.net.client.resolve import Address
    from netecho.net.linux.timestamp_cmsg import QueuedError
    from netecho.net.reactor.interfaces import ReactorDescriptors

LARGEST = 65_535
_BUFFER = 4 * 1024 * 1024
"""Bytes asked of the kernel, so that a train of replies is not lost while Python is busy."""
_BURST = 64
"""Datagrams read in one go; then the reactor's other descriptors have their turn."""


class Datagram(NamedTuple):
    """One that was received."""

    data: bytes
    now: int
    """When it was read, by the monotonic clock; nanoseconds, as is the next."""
    rx_timestamp: int | None
    """When it arrived, since 1970; None where the system does not say."""
    ttl: int | None
    tos: int | None


class NetworkError(NamedTuple):
    """Something that the network, or this host, said of a datagram that was sent."""

    loss: Loss
    """Which kind it is, and in words from where."""
    mtu: int | None = None
    """The MTU that it was too long for, where that is what the matter is and it is known."""
    local: bool = False
    """Whether this host said it."""
    final: bool = True
    """Whether the target is not reachable, rather than not for now."""


class ControlSocket(ErrorQueueAware, FileDescriptor):
    """Reads from when it is made until `close`. Raises `UnreachableError` and `UsageError` where it cannot be had."""

    def __init__(
        self,
        reactor: ReactorDescriptors,
        address: Address,
        ip_options: IpOptions,
        received: Callable[[Datagram], None],
        failed: Callable[[NetworkError], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(cast("IReactorFDSet", reactor))
        self._received = received
        self._failed = failed
        self._clock = clock
        try:
            self._socket = open_socket(address.family, socket.SOCK_DGRAM, ip_options)
        except OSError as error:
            raise unreachable(address, error) from None
        try:
            send_whole(self._socket)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._timestamps = SocketTimestamps.enable(self._socket)
            if self._timestamps is not None:
                six = address.family == socket.AF_INET6
                level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if six else (socket.IPPROTO_IP, IP_RECVERR)
                self._socket.setsockopt(level, option, 1)
            self._socket.connect(address.sockaddr)
        except OSError as error:
            self._socket.close()
            raise unreachable(address, error) from None
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the socket; -1: it is closed."""
        return self._socket.fileno()

    def send(self, data: bytes) -> NetworkError | None:
        """Send at once; return why it was not sent."""
        for _ in range(2):
            try:
                self._socket.send(data)
            except OSError as error:
                if self._timestamps is not None:
                    self._timestamps.failed(self._socket)
                queued = self._drain()
                if queued is not None and error.errno != errno.EMSGSIZE:
                    self._failed(queued)  # of an earlier datagram: this one has not been tried yet (ip(7))
                    continue
                return queued or NetworkError(loss_of_errno(error), local=True)
            else:
                if self._timestamps is not None:
                    self._timestamps.sent(len(data))
                return None
        return NetworkError(Loss(LossReason.LOCAL_DROP), local=True)

    def doRead(self) -> None:
        """Hand over what has come, and what the network says."""
        for _ in range(_BURST):
            if self._socket.fileno() < 0:
                return  # closed by what was handed over
            try:
                datagram = self._read()
            except OSError as error:
                queued = self._drain()
                if queued is not None:
                    self._failed(queued)
                elif not isinstance(error, BlockingIOError):
                    self._failed(NetworkError(loss_of_errno(error)))
                return
            self._received(datagram)

    def close(self) -> None:
        """Stop reading, and close."""
        if self._socket.fileno() >= 0:
            self.stopReading()
            self._socket.close()

    def logPrefix(self) -> str:
        """Name this in Twisted's log."""
        return "stamp control"

    def _read(self) -> Datagram:
        timestamps = self._timestamps
        if timestamps is None:
            return Datagram(self._socket.recv(LARGEST), self._clock(), None, None, None)
        data, rx_timestamp = timestamps.read(self._socket, LARGEST)
        return Datagram(data, self._clock(), rx_timestamp, timestamps.ttl, timestamps.tos)

    def _drain(self) -> NetworkError | None:
        """Empty the error queue; return the last error in it."""
        timestamps = self._timestamps
        if timestamps is None:
            return None
        timestamps.drain(self._socket, everything=True)
        queued, timestamps.error = timestamps.error, None
        return None if queued is None else _explained(queued)


def _explained(queued: QueuedError) -> NetworkError:
    loss = loss_of_icmp(queued)
    if loss is None:
        loss = loss_of_errno(OSError(queued.errno, ""))
    too_large = loss.reason is LossReason.TOO_LARGE
    local = queued.origin == ORIGIN_LOCAL
    return NetworkError(loss, queued.info or None if too_large else None, local, local or is_final(queued))
