"""Timestamps and errors of the network, read from the control messages that the kernel returns them in.

A send's timestamp and an error both lie in the socket's error queue (MSG_ERRQUEUE), told apart by the origin in their
sock_extended_err (linux/errqueue.h). The time at which a message arrived is returned with the message. Times are
wall-clock nanoseconds.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from netecho.net.linux import sockopts
from netecho.net.linux.sockopts import ORIGIN_TIMESTAMPING, SO_TIMESTAMPING, TSTAMP_SND
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.net.linux.recvmsg import Entries, Message

    Ancillary = Iterable[tuple[int, int, bytes]]

_WORD = struct.calcsize("@l")
_timespec = struct.Struct("@ll").unpack_from
_extended_error = struct.Struct("@IBBBBII").unpack_from
_EXTENDED_ERROR_SIZE = 16
_EXTENDED_ERROR = (sockopts.IP_RECVERR, sockopts.IPV6_RECVERR)

# As the kernel writes them: the timestamp first, three timespecs of which the first counts, then the extended error.
# The lengths in the control messages' headers are passed over.
_rx_layout = struct.Struct(f"@{_WORD}xiill")
_tx_layout = struct.Struct(f"@{_WORD}xiill{2 * _WORD * 2}x{_WORD}x4xi4xB3xII")

ORIGIN_LOCAL, ORIGIN_ICMP, ORIGIN_ICMP6 = 1, 2, 3
"""Who reported an error: this host, a router or the peer (linux/errqueue.h)."""


class QueuedError(NamedTuple):
    """An error that the network or this host reported (sock_extended_err)."""

    errno: int
    origin: int
    type: int
    code: int
    info: int
    """The path's MTU, where the packet was too large for it."""
    offender: str = ""
    """The address of the router or host that reported it."""


def parse_tx_timestamp(ancillary: Ancillary) -> tuple[int, int] | None:
    """Read an entry of the error queue as a send's timestamp: (the system's 32-bit id, wall-clock ns)."""
    wall = 0
    found = None
    for level, kind, data in ancillary:
        if kind == SO_TIMESTAMPING and level == socket.SOL_SOCKET:
            seconds, nanoseconds = _timespec(data)
            wall = seconds * SECOND + nanoseconds
        elif kind in _EXTENDED_ERROR:
            _, origin, _, _, _, info, id_ = _extended_error(data)
            if origin == ORIGIN_TIMESTAMPING and info == TSTAMP_SND:
                found = id_
    return (found, wall) if found is not None and wall else None


def parse_rx_timestamp(ancillary: Ancillary) -> int | None:
    """Read when a message arrived, wall-clock ns, from its control messages; None where it has no timestamp."""
    for level, kind, data in ancillary:
        if kind == SO_TIMESTAMPING and level == socket.SOL_SOCKET:
            seconds, nanoseconds = _timespec(data)
            return (seconds * SECOND + nanoseconds) or None
    return None


def parse_error(ancillary: Ancillary) -> QueuedError | None:
    """Read an entry of the error queue as an error, by ICMP or by this host."""
    for _, kind, data in ancillary:
        if kind in _EXTENDED_ERROR:
            errno, origin, type_, code, _, info, _ = _extended_error(data)
            if origin != ORIGIN_TIMESTAMPING:
                return QueuedError(errno, origin, type_, code, info, _offender(data[_EXTENDED_ERROR_SIZE:]))
    return None


def _offender(sockaddr: bytes) -> str:
    """Read the address that follows an extended error: struct sockaddr_in or sockaddr_in6, of family 0 if unknown."""
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return ""


def entry_tx_timestamp(entries: Entries, index: int) -> tuple[int, int] | None:
    """Read an entry as `parse_tx_timestamp` does, at once where it is laid out as the kernel mostly does."""
    if entries.lengths[index] >= _tx_layout.size:
        level, kind, seconds, nanoseconds, error, origin, info, id_ = _tx_layout.unpack_from(
            entries.control, index * entries.space
        )
        if (
            kind == SO_TIMESTAMPING
            and level == socket.SOL_SOCKET
            and error in _EXTENDED_ERROR
            and origin == ORIGIN_TIMESTAMPING
            and info == TSTAMP_SND
            and seconds
        ):
            return id_, seconds * SECOND + nanoseconds
    return parse_tx_timestamp(entries.ancillary(index))


def message_rx_timestamp(reply: Message) -> int | None:
    """Read the arrival as `parse_rx_timestamp` does, at once where it is laid out as the kernel mostly does."""
    if reply.controlled >= _rx_layout.size:
        level, kind, seconds, nanoseconds = _rx_layout.unpack_from(reply.control)
        if kind == SO_TIMESTAMPING and level == socket.SOL_SOCKET:
            return (seconds * SECOND + nanoseconds) or None
    return parse_rx_timestamp(reply.ancillary())
