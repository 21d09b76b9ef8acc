"""The kernel's timestamps of a socket: when a request was handed to the device, when a reply was received from it.

What gets a timestamp, on Linux (Documentation/networking/timestamping.rst):

- a datagram: as it is handed to the device, behind any queue of the interface; and as it was received from the device.
- a stream: the segment that holds the *last byte of a send*, the first time it is handed to the device (a
  retransmission gets another timestamp, which is ignored); and the segment that holds the last byte that a
  read returned. Where the kernel merged sends into a segment, only the last of them gets a timestamp. Where it
  merged arrived segments before they were read, all have the timestamp of the last. So the timestamp is that of a
  reply if the read ended where the reply ends: read no further than the end of one reply.

A send's timestamp comes by the socket's error queue, on loopback before `send` returns, on a busy interface when the
packet's turn has come. It is always in the queue before the reply can be read: drain, then read.

Timestamps are wall-clock nanoseconds; `ClockWatch` tells when that clock was set. Nothing here judges: whether a
timestamp is believable, and which probe it belongs to, is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

from netecho.net.linux import portable, sockopts
from netecho.net.linux.cmsg import control_messages
from netecho.net.linux.recvmsg import Entries, Message
from netecho.net.linux.sockopts import MSG_ERRQUEUE, SO_TIMESTAMPING
from netecho.net.linux.timestamp_cmsg import entry_tx_timestamp, message_rx_timestamp, parse_error, parse_rx_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.net.linux.timestamp_cmsg import QueuedError

WRAP = 0xFFFF_FFFF
LARGEST = 65_536
"""Bytes there is room for in memory that is used again and again; longer reads are Python's."""
SPACE = 256
"""Room for the control messages of one packet, bytes: a timestamp (64), an extended error with its address (64),
TTL and traffic class (24 each)."""
PER_DRAIN = 64
"""Most timestamps taken at once: a full error queue must not keep replies waiting. 64 take about 0.2 ms."""

_BASIC = (
    sockopts.TX_SOFTWARE | sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE | sockopts.OPT_ID | sockopts.OPT_TSONLY
)  # OPT_TSONLY: the packet itself does not come back with its timestamp, which would need a privilege
_NONE: tuple[tuple[int, int], ...] = ()


class TimestampIds:
    """Makes the system's 32-bit ids whole: the number of the datagram, or of the stream's byte, from 0."""

    __slots__ = ("_base", "_stream", "last", "stamped")

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._base = 0
        self.last = -1
        """The id of the last send."""
        self.stamped = -1
        """The highest id that a timestamp was received for."""

    def sent(self, size: int) -> int:
        """Count a send of `size` bytes; return its id."""
        self.last += size if self._stream else 1
        return self.last

    def restart(self) -> None:
        """Go on from where the ids are, though the system counts from 0 again."""
        self._base = self.last + 1
        self.stamped = self.last

    def whole(self, id32: int) -> int | None:
        """Make a timestamp's id whole; None for one that was passed on before or belongs to no send."""
        last = self.last
        whole = last - ((last - self._base - id32) & WRAP)
        if whole < self._base or (self._stream and whole <= self.stamped):
            return None
        if whole > self.stamped:
            self.stamped = whole
        return whole


class SocketTimestamps:
    """The timestamps of one UDP or TCP socket, non-blocking, connected if it is a stream.

    Call `sent` after every successful send, `failed` after every other; `drain` after a send and before a read.
    """

    __slots__ = ("_beside", "_counter", "_entries", "_flags", "_stream", "error", "reply", "sent")

    def __init__(
        self, *, stream: bool, flags: int, reply: Message | None = None, entries: Entries | None = None
    ) -> None:
        self._stream = stream
        self._flags = flags
        self._counter = TimestampIds(stream=stream)
        self.sent = self._counter.sent
        """Counts a send of which so many bytes were taken; returns the id its timestamp will have."""
        self._beside = b""
        self.reply = reply or _room()[0]
        """Where what is read lies until the next read, of this socket or any other."""
        self._entries = entries or _room()[1]
        self.error: QueuedError | None = None
        """The last error in the queue, where the socket asked for them (IP_RECVERR)."""

    @classmethod
    def enable(cls, sock: socket.socket) -> SocketTimestamps | None:
        """Have the system timestamp `sock`'s packets from now on; None where it does not.

        The first call in a process takes up to some 10 ms: the system starts to timestamp arrivals a while after
        it was asked to, and this waits for it, so that the first reply has a timestamp like the rest.
        """
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not awake():
            return None
        stream = sock.type == socket.SOCK_STREAM
        flags = _switch_on(sock, stream=stream)
        if flags is None:
            return None
        if not stream:
            _ask_for_headers(sock)
        return cls(stream=stream, flags=flags)

    @property
    def ttl(self) -> int | None:
        """Time to live (hop limit) of the last datagram read; None where the system does not say."""
        return self._control_value((socket.IPPROTO_IP, sockopts.IP_TTL), (socket.IPPROTO_IPV6, sockopts.IPV6_HOPLIMIT))

    @property
    def tos(self) -> int | None:
        """Type of service (traffic class) of the last datagram read: 6 bits DSCP, 2 bits ECN."""
        return self._control_value((socket.IPPROTO_IP, sockopts.IP_TOS), (socket.IPPROTO_IPV6, sockopts.IPV6_TCLASS))

    def _control_value(self, *wanted: tuple[int, int]) -> int | None:
        for level, kind, value in control_messages(self._beside):
            if (level, kind) in wanted:
                return int.from_bytes(value, sys.byteorder)
        return None

    def failed(self, sock: socket.socket) -> None:
        """Have the system count datagrams from 0 again, as some releases count those that failed and others do not.

        A stream counts the bytes that were taken, which a failed send does not change.
        """
        if not self._stream:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, self._flags & ~sockopts.OPT_ID)
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, self._flags)
            self._counter.restart()

    def drain(self, sock: socket.socket, *, everything: bool = False) -> Sequence[tuple[int, int]]:
        """Take the timestamps of sends that have come: (id, wall-clock ns), each id once.

        Asks nothing of the system when no timestamp is awaited, except for `everything`: then the queue is emptied
        (`PER_DRAIN` at most), which is what a descriptor that is reported to be in error needs.
        """
        counter, entries = self._counter, self._entries
        if counter.stamped == counter.last and not everything:
            return _NONE
        try:
            count = entries.receive(sock.fileno(), MSG_ERRQUEUE)
        except OSError:  # nothing is said here that the next read does not say as well
            return _NONE
        timestamps = []
        for index in range(count):
            left = entry_tx_timestamp(entries, index)
            if left is None:
                self.error = parse_error(entries.ancillary(index)) or self.error
                continue
            number = counter.whole(left[0])
            if number is not None:
                timestamps.append((number, left[1]))
        return timestamps

    def read(self, sock: socket.socket, size: int) -> tuple[bytes, int | None]:
        """Receive up to `size` bytes: (data, wall-clock ns of their arrival or None). Raises OSError as `recv` does."""
        if size > LARGEST:
            data, ancillary, _, _ = sock.recvmsg(size, SPACE)
            return data, parse_rx_timestamp(ancillary)
        reply = self.reply
        length = reply.receive(sock.fileno(), size)
        if length < 0:
            raise BlockingIOError
        self.note()
        return reply.first(length), message_rx_timestamp(reply)

    def note(self) -> None:
        """Keep the control messages of the message in `reply`, which was this socket's last."""
        self._beside = self.reply.beside()


@cache
def _room() -> tuple[Message, Entries]:
    """Memory for a reply and for an error queue, which all sockets share: each deals with its own at once."""
    return Message(LARGEST, SPACE), Entries(PER_DRAIN, SPACE)


_awake: bool | None = None
_watch: int | None = None


def awake(patience: int = 50_000_000) -> bool:
    """Whether this system timestamps packets, found out once by sending some to ourselves over loopback.

    The descriptor stays open: the system timestamps arrivals as long as any socket asks for it, and takes up to 8 ms
    to start; `patience`, ns, is the most it is given. Where there is no loopback to try it on, the answer is that it
    does.
    """
    global _awake, _watch  # noqa: PLW0603  # one answer a process
    if _awake is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            here = sockopts.LINUX and not portable.REQUESTED and hasattr(ctypes.CDLL(None), "recvmmsg")
            _awake = here and _switch_on(sock, stream=False) is not None and _answers(sock, patience)
            if _awake:
                _watch = sock.detach()
    return _awake


def _switch_on(sock: socket.socket, *, stream: bool) -> int | None:
    """Ask for timestamps; return the flags that were accepted."""
    for flags in (_BASIC | sockopts.OPT_ID_TCP, _BASIC) if stream else (_BASIC,):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
            return flags
    return None


def _ask_for_headers(sock: socket.socket) -> None:
    """Ask for what else the kernel says of a datagram; what the system does not give stays unknown."""
    sockopts.request(sock, socket.IPPROTO_IP, sockopts.IP_RECVTTL, sockopts.IP_RECVTOS)
    if sock.family == socket.AF_INET6:
        sockopts.request(sock, socket.IPPROTO_IPV6, sockopts.IPV6_RECVHOPLIMIT, sockopts.IPV6_RECVTCLASS)


def _answers(sock: socket.socket, patience: int) -> bool:
    """Send to ourselves until both a send and an arrival have timestamps."""
    try:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        sock.setblocking(False)
        tried = SocketTimestamps(stream=False, flags=_BASIC)
        deadline = time.monotonic_ns() + patience
        sent = 0
        while time.monotonic_ns() < deadline:
            tried.sent(sock.send(b"?"))
            sent += len(tried.drain(sock))
            with contextlib.suppress(BlockingIOError):  # on a busy machine it is still on its way
                _, wall = tried.read(sock, 1)
                if wall is not None and sent:
                    return True
            time.sleep(0.000_2)
    except OSError:
        return True
    return False
