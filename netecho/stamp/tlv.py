"""The TLVs of RFC 8972: what may follow a base packet. Four octets of header (flags, type, length), then the value.

This module reads and writes them; what a reflector answers to each is in `extensions`. All integers are big-endian.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import HMAC_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

HEADER = Struct("!BBH")
MOST = 64
"""TLVs read in one packet. A datagram has room for 16,000, which would hold up everyone else for a long time."""


class Flag(IntEnum):
    """The first octet of a TLV (section 4). A sender sets U and clears the others.

    Integers and no IntFlag, whose operators are Python: they took a tenth of an exchange.
    """

    UNRECOGNISED = 0x80
    MALFORMED = 0x40
    INTEGRITY = 0x20
    NOT_AS_ASKED = 0x10
    """C, of the Reflected Test Packet Control TLV: replies are others than those asked for (RFC 10052 section 3)."""
    RESERVED = 0x1F
    """What a sender must not set; C is among it."""


class Type(IntEnum):
    """The types known here (section 5.1), with the names the registry gives them."""

    EXTRA_PADDING = 1
    LOCATION = 2
    TIMESTAMP_INFORMATION = 3
    CLASS_OF_SERVICE = 4
    DIRECT_MEASUREMENT = 5
    FOLLOW_UP_TELEMETRY = 7
    HMAC = 8
    REFLECTED_TEST_PACKET_CONTROL = 12
    """RFC 10052 section 3; see `control`."""
    PROOF = 252
    """Ours, of those for private use; see `control`."""
    RETURN_TRACE = 253
    """Ours too; see `return_trace`."""


class SyncSource(IntEnum):
    """What a clock follows (section 5.4)."""

    NTP = 1
    PTP = 2
    SSU_BITS = 3
    GNSS = 4
    FREE_RUNNING = 5


class Method(IntEnum):
    """How a timestamp was taken (section 5.5)."""

    HARDWARE = 1
    SOFTWARE = 2
    CONTROL_PLANE = 3


LEAST_CONTROL = 12
"""Octets of its three fields and of a sub-TLV's header, all zeroes where there is none (RFC 10052 section 3)."""
_RESERVED_TYPES = (0, 255)
_ASKING = frozenset(int(kind) for kind in Type if kind is not Type.EXTRA_PADDING)
_LENGTHS: dict[int, int] = {
    Type.CLASS_OF_SERVICE: 4,
    Type.DIRECT_MEASUREMENT: 12,
    Type.FOLLOW_UP_TELEMETRY: 16,
    Type.HMAC: HMAC_LENGTH,
}
_LEAST_LENGTHS: dict[int, int] = {
    Type.TIMESTAMP_INFORMATION: 4,  # its four fields
    Type.LOCATION: 4,  # its two ports
    Type.REFLECTED_TEST_PACKET_CONTROL: LEAST_CONTROL,
}
"""Of those that sub-TLVs may follow."""


def well_formed(kind: int, length: int) -> bool:
    """Tell whether a TLV of this type may have this length; any will do for a type that is not known."""
    return _LENGTHS.get(kind, length) == length and length >= _LEAST_LENGTHS.get(kind, 0)


def follows(rest: bytes | bytearray) -> bool:
    """Tell whether TLVs follow a base packet; else it is the padding of a TWAMP-Light packet.

    RFC 8972 goes by the length alone, and would have flags set in padding, which RFC 8762 section 4.6 wants
    returned as it came. What ends just where its TLVs do is no padding, except zeroes, whose type is a reserved one.
    What does not (the last is cut off) is TLVs only if it starts like one: no reserved flag is set, and U is, as it
    must be, or the type is one that is known. That leaves out most random octets, and counted ones (0, 1, 2, 3).
    """
    if len(rest) < HEADER.size:
        return bool(rest) and rest[0] & ~Flag.MALFORMED & ~Flag.INTEGRITY == Flag.UNRECOGNISED
    flags, kind = rest[0], rest[1]
    if kind in _RESERVED_TYPES:
        return False
    if _ends_with_a_tlv(rest):
        return True
    return not flags & Flag.RESERVED and (bool(flags & Flag.UNRECOGNISED) or kind in _ASKING)


def _ends_with_a_tlv(rest: bytes | bytearray) -> bool:
    start = 0
    for _ in range(MOST):
        if len(rest) - start < HEADER.size:
            break
        start += HEADER.size + int.from_bytes(rest[start + 2 : start + 4])
    return start == len(rest)


class Tlv(NamedTuple):
    """One TLV."""

    flags: int
    type: int
    value: bytes

    def encode(self) -> bytes:
        """Return its octets."""
        return HEADER.pack(self.flags, self.type, len(self.value)) + self.value


class Span(NamedTuple):
    """Where a TLV lies in the octets that follow the base packet."""

    start: int
    type: int
    """-1 where not even the header is whole."""
    end: int
    whole: bool
    """Whether its length is valid for its type and all of it is there; `end` is never beyond the packet's."""


def walk(rest: bytes | bytearray, valid: Callable[[int, int], bool] = well_formed) -> Iterator[Span]:
    """Yield where each TLV lies, up to the end or to one that is cut off, or is one too many.

    `valid` tells whether one of a type may have a length.
    """
    start, size = 0, len(rest)
    for _ in range(MOST):
        if start == size:
            return
        if size - start < HEADER.size:
            break
        _, kind, length = HEADER.unpack_from(rest, start)
        end = start + HEADER.size + length
        if end > size:
            break
        yield Span(start, kind, end, valid(kind, length))
        start = end
    if start < size:
        yield Span(start, rest[start + 1] if size - start > 1 else -1, size, whole=False)


def decode(rest: bytes | bytearray) -> tuple[Tlv, ...]:
    """Return the TLVs in order; of one that is cut off, what there is of its value."""
    found = []
    for span in walk(rest):
        flags, kind = rest[span.start], max(span.type, 0)
        found.append(Tlv(flags, kind, bytes(rest[span.start + HEADER.size : span.end])))
    return tuple(found)


def encode(tlvs: Iterable[Tlv]) -> bytes:
    """Return the octets of TLVs in order."""
    return b"".join(tlv.encode() for tlv in tlvs)


class ClassOfService(NamedTuple):
    """Section 4.4: the DSCP the reply is to have, and the DSCP and ECN the request arrived with."""

    asked: int
    dscp: int = 0
    ecn: int = 0
    reverse_path: int = 0
    """1: the DSCP asked for is not allowed, and the reply has the one received."""

    def encode(self) -> bytes:
        """Return the value: DSCP1(6) DSCP2(6) ECN(2) RP(2), and 16 reserved bits."""
        bits = self.asked << 10 | self.dscp << 4 | self.ecn << 2 | self.reverse_path
        return (bits << 16).to_bytes(4)

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self:
        """Read the value's four octets."""
        bits = int.from_bytes(value[:2])
        return cls(bits >> 10, bits >> 4 & 0x3F, bits >> 2 & 3, bits & 3)


class TimestampInformation(NamedTuple):
    """Section 4.3: what the reflector's clock follows and how T2 and T3 were taken."""

    sync_in: int = 0
    method_in: int = 0
    sync_out: int = 0
    method_out: int = 0

    def encode(self) -> bytes:
        """Return the value's four octets."""
        return bytes(self)

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self:
        """Read the first four octets of the value; sub-TLVs may follow."""
        return cls(*value[:4])


class DirectMeasurement(NamedTuple):
    """Section 4.5: packets counted on the way; each counter wraps at 2**32."""

    sent: int
    received: int = 0
    reflected: int = 0

    def encode(self) -> bytes:
        """Return the value's twelve octets."""
        sent, received, reflected = self
        return _COUNTERS.pack(sent & 0xFFFF_FFFF, received & 0xFFFF_FFFF, reflected & 0xFFFF_FFFF)

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self:
        """Read the value's twelve octets."""
        return cls(*_COUNTERS.unpack_from(value))


class FollowUp(NamedTuple):
    """Section 4.7: when the previous reply really left, known only after it had; all zero where nothing is known."""

    sequence: int = 0
    stamp: int = 0
    method: int = 0

    def encode(self) -> bytes:
        """Return the value's sixteen octets."""
        return _FOLLOW_UP.pack(*self)

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self:
        """Read the value's sixteen octets."""
        return cls(*_FOLLOW_UP.unpack_from(value))


_COUNTERS = Struct("!III")
_FOLLOW_UP = Struct("!IQB3x")
