"""The base packets of STAMP, field by field: open (RFC 8762 sections 4.2.1, 4.3.1) and authenticated (4.2.2, 4.3.2).

The SSID is RFC 8972's (section 3). Timestamps and Error Estimates are kept as their bits; `times` gives them a meaning.
Fields that must be zero are written as zeroes and ignored when read. What follows the base packet is `tlv`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import HMAC_LENGTH, is_authentic, truncated_hmac

if TYPE_CHECKING:
    from typing import Self


PORT = 862
"""Where a Session-Reflector listens (RFC 8762 section 4.1)."""
SHORTEST = 14
"""Octets of TWAMP-Light's smallest request: sequence, timestamp, error estimate (RFC 5357 section 4.1.2)."""
SHORTEST_REPLY = 38
"""Octets of a TWAMP-Light reply up to the sender's error estimate. The TTL after it (section 4.2.1) is left out by
some; what STAMP has after that is zero."""


@dataclass(frozen=True, slots=True)
class PacketFormat:
    """Where the fields of one mode's packets are."""

    sender: Struct
    """Sequence, T1, error estimate, SSID."""
    reflector: Struct
    """Sequence, T3, error estimate, SSID, T2, and of the sender: sequence, T1, error estimate, TTL."""
    authenticated: bool
    sent_at: int
    """Offset of T1 in a request and of T3 in a reply."""
    received_at: int
    """Offset of T2 in a reply."""
    sender_sent_at: int
    """Offset of the sender's T1 in a reply."""
    zeroes: slice
    """What a request has between its fields and its HMAC: zeroes (RFC 8762 section 4.2)."""

    @property
    def size(self) -> int:
        """Octets of the base packet, a request's or a reply's."""
        return self.sender.size + (HMAC_LENGTH if self.authenticated else 0)


OPEN = PacketFormat(
    sender=Struct("!IQHH28x"),
    reflector=Struct("!IQHHQIQH2xB3x"),
    authenticated=False,
    sent_at=4,
    received_at=16,
    sender_sent_at=28,
    zeroes=slice(16, 44),
)
AUTHENTICATED = PacketFormat(
    sender=Struct("!I12xQHH68x"),
    reflector=Struct("!I12xQHH4xQ8xI12xQH6xB15x"),
    authenticated=True,
    sent_at=16,
    received_at=32,
    sender_sent_at=64,
    zeroes=slice(28, 96),
)


def format_of(key: bytes | None) -> PacketFormat:
    """Return the format of packets in authenticated mode with this key, or in open mode without one."""
    return OPEN if key is None else AUTHENTICATED


class PacketError(ValueError):
    """These octets are no packet of the expected kind: too short, or the HMAC is wrong."""


class Request(NamedTuple):
    """What a Session-Sender says in its base packet."""

    sequence: int
    stamp: int
    """T1."""
    error: int
    ssid: int = 0

    def encode(self, key: bytes | None = None) -> bytes:
        """Return the packet, with an HMAC where there is a key."""
        return _authenticated(format_of(key).sender.pack(*self), key)

    @classmethod
    def decode(cls, data: bytes | bytearray, key: bytes | None = None) -> Self:
        """Read a base packet and ignore what follows it; raises `PacketError`."""
        _check(data, key)
        return cls._make(format_of(key).sender.unpack_from(data))


class Reply(NamedTuple):
    """What a Session-Reflector says in its base packet."""

    sequence: int
    """Its own count from 0 where it is stateful, else the sender's."""
    stamp: int
    """T3."""
    error: int
    ssid: int
    received: int
    """T2."""
    sender_sequence: int
    sender_stamp: int
    """T1."""
    sender_error: int
    sender_ttl: int
    """0 where the reflector does not tell."""

    def encode(self, key: bytes | None = None) -> bytes:
        """Return the packet, with an HMAC where there is a key."""
        return _authenticated(format_of(key).reflector.pack(*self), key)

    @classmethod
    def decode(cls, data: bytes | bytearray, key: bytes | None = None) -> Self:
        """Read a base packet, TWAMP-Light's too, and ignore what follows it; raises `PacketError`."""
        if key is None and SHORTEST_REPLY <= len(data) < OPEN.size:
            data = data.ljust(OPEN.size, b"\0")
        _check(data, key)
        return cls._make(format_of(key).reflector.unpack_from(data))


def _authenticated(text: bytes, key: bytes | None) -> bytes:
    return text if key is None else text + truncated_hmac(key, text)


def _check(data: bytes | bytearray, key: bytes | None) -> None:
    form = format_of(key)
    if len(data) < form.size:
        raise PacketError(f"{len(data)} octets, and a base packet has {form.size}")
    if key is not None and not is_authentic(
        key, data[: form.size - HMAC_LENGTH], data[form.size - HMAC_LENGTH : form.size]
    ):
        raise PacketError("the HMAC is wrong")


TTL = 255
"""What packets leave with, so that the far end sees how many routers there were."""
