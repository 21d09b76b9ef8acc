"""What is sent in each datagram, so that a quote of it or an echo tells which one it was.

An answer belongs to a datagram only if what it quotes is what was sent: whoever did not see the packet cannot
forge one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

from netecho.stamp.packet import PacketError, Reply, Request, format_of
from netecho.stamp.times import to_ntp

if TYPE_CHECKING:
    from netecho.stamp.return_sender import ReturnSender

_ECHO = struct.Struct("!8sI")
NUMBERS = 1 << 32


class Payloads(Protocol):
    """What the datagrams of one flow carry."""

    @property
    def least(self) -> int:
        """Bytes that a quote must have: less would be easy to guess."""

    def of(self, number: int, ttl: int, wall: int) -> bytes:
        """Return what datagram `number` carries, which asks for this TTL at `wall`, nanoseconds since 1970."""

    def quoted(self, payload: bytes) -> int | None:
        """Return the number of the datagram whose payload is quoted; None for one that is not ours."""

    def replied(self, data: bytes) -> int | None:
        """Return the number of the datagram that a reply seems to answer."""

    def is_reply(self, data: bytes, sent: bytes) -> bool:
        """Return whether a reply answers the datagram that carried `sent`."""


class EchoPayloads:
    """For an echo over UDP: a random token, the number, and a pattern up to the size."""

    least = _ECHO.size

    def __init__(self, token: bytes, size: int = 64) -> None:
        self._token = token
        self._fill = bytes(n & 0xFF for n in range(size - _ECHO.size))

    def of(self, number: int, ttl: int, wall: int) -> bytes:
        """Return what datagram `number` carries."""
        del ttl, wall
        return _ECHO.pack(self._token, number % NUMBERS) + self._fill

    def quoted(self, payload: bytes) -> int | None:
        """Return the number in a payload that has our token."""
        if len(payload) < self.least:
            return None
        token, number = _ECHO.unpack_from(payload)
        return int(number) if token == self._token else None

    replied = quoted

    def is_reply(self, data: bytes, sent: bytes) -> bool:
        """Return whether a reply is the echo."""
        return data == sent


class StampPayloads:
    """Test packets of STAMP (RFC 8762): their sequence number and T1 are the token."""

    def __init__(self, error: int, key: bytes | None) -> None:
        self._error, self._key = error, key
        self.least = format_of(key).sent_at + 8
        """Up to T1, which nobody can guess to the nanosecond."""

    def of(self, number: int, ttl: int, wall: int) -> bytes:
        """Return a test packet whose T1 is `wall`."""
        del ttl
        return Request(number % NUMBERS, to_ntp(wall), self._error).encode(self._key)

    def quoted(self, payload: bytes) -> int | None:
        """Return the sequence number; whether the rest is ours, what was sent decides."""
        return int.from_bytes(payload[:4]) if len(payload) >= self.least else None

    def replied(self, data: bytes) -> int | None:
        """Return the sender's sequence number in a reflected packet."""
        try:
            return Reply.decode(data, self._key).sender_sequence
        except PacketError:
            return None

    def is_reply(self, data: bytes, sent: bytes) -> bool:
        """Return whether a reply has the T1 that was sent."""
        return Reply.decode(data, self._key).sender_stamp == Request.decode(sent, self._key).stamp


class ReturnPayloads:
    """Requests for replies that expire on the way back: what answers them is read by `trace.reverse`."""

    def __init__(self, sender: ReturnSender) -> None:
        self._sender = sender
        self.least = 0

    def of(self, number: int, ttl: int, wall: int) -> bytes:
        """Return a request for a reply with this TTL."""
        return self._sender.request(number, wall, ttl)

    def quoted(self, payload: bytes) -> None:
        """Return nothing: requests leave with the usual TTL."""
        del payload

    replied = quoted

    def is_reply(self, data: bytes, sent: bytes) -> bool:
        """Return that it is none of this flow's."""
        del data, sent
        return False


def is_quote_of(quoted: bytes, sent: bytes, least: int) -> bool:
    """Return whether a quoted payload, cut or padded as routers do, is of the datagram that carried `sent`."""
    length = min(len(quoted), len(sent))
    return length >= least and quoted[:length] == sent[:length]
