"""The TLVs by which a sender controls what is sent back: TLV 12 of RFC 10052, and a private one beside it.

RFC 10052 (draft-ietf-ippm-asymmetrical-pkts before) has the Reflected Test Packet Control TLV: the length, the number
and the interval of the replies. Its interval is 32 bits of nanoseconds, 4.3 s at most, and it has nothing by which an
address is proved. Both are in a TLV of ours, `Proof`, of a type that the registry leaves to private use (RFC 8972
section 6); a reflector that does not know it sets U. Its first octets tell it from somebody else's private TLV.

That TLV also says that a length is meant to the octet: a path's MTU need be no multiple of four.

A sender asks for a cookie with one of zeroes, and sends what it was given with what it asks for. Each reply has a new
cookie, so a session that goes on never has to ask again.
"""

from __future__ import annotations

from enum import StrEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.tlv import HEADER, LEAST_CONTROL, Flag, Span, Tlv, Type
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

PROOF_LENGTH = 28
"""Octets of `Proof`."""
CONTROL_TLVS = 2 * HEADER.size + LEAST_CONTROL + PROOF_LENGTH
"""Octets of both TLVs."""
COOKIE_LENGTH = 16
NO_COOKIE = bytes(COOKIE_LENGTH)
ALIGNMENT = 4
"""Replies have a multiple of so many octets (RFC 10052 section 3), but those to a sender that sends `Proof`."""
LONGEST_INTERVAL = 0xFFFF_FFFF
"""Nanoseconds that fit into TLV 12."""

_MAGIC = b"nech"
_CONTROL = Struct("!HHI")
_NUMBER = Struct("!H")
_NUMBER_AT = 8
_PROOF = Struct(f"!4sIHxx{COOKIE_LENGTH}s")


class Obedience(StrEnum):
    """What a reflector made of what it was asked for."""

    AS_ASKED = "as asked"
    NOT_AS_ASKED = "not as asked"
    """C: it knows the TLV and sends one reply, of its own choice: the address is not proved, or a limit is reached."""
    UNKNOWN = "unknown"
    """U, or no answer in the TLV: it does not know TLV 12, or takes this request for one that was sent before."""


class ControlRequest(NamedTuple):
    """TLV 12: what replies a sender wants."""

    length: int
    """Of each, octets of UDP payload; what cannot be left out is sent all the same."""
    number: int
    """0: none at all."""
    interval: int
    """Between two of them, nanoseconds."""
    narrowed: bool = False
    """Whether sub-TLVs say which reflectors are meant (sections 3.1.1 and 3.1.2)."""

    def encode(self) -> bytes:
        """Return the value, without sub-TLVs."""
        interval = min(self.interval, LONGEST_INTERVAL)
        return _CONTROL.pack(self.length, self.number, interval).ljust(LEAST_CONTROL, b"\0")

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self:
        """Read a well-formed value."""
        length, number, interval = _CONTROL.unpack_from(value)
        return cls(length, number, interval, bool(value[_CONTROL.size :].strip(b"\0")))

    @property
    def aligned(self) -> int:
        """The length, up to the next multiple of four."""
        return -(-self.length // ALIGNMENT) * ALIGNMENT


class Proof(NamedTuple):
    """The private TLV: a cookie, an interval of any length, and which of the replies this is."""

    cookie: bytes = NO_COOKIE
    """Zeroes: asks for one."""
    interval: int = 0
    """Milliseconds between replies; 0: TLV 12 has it."""
    number: int = 0
    """Of a reply among those to one request, from 0."""

    def encode(self) -> bytes:
        """Return the value's octets."""
        return _PROOF.pack(_MAGIC, self.interval, self.number, self.cookie)

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self | None:
        """Read a value; None: it is somebody else's private TLV."""
        if len(value) != PROOF_LENGTH:
            return None
        magic, interval, number, cookie = _PROOF.unpack(value)
        return cls(cookie, interval, number) if magic == _MAGIC else None


class Ask(NamedTuple):
    """Replies as they are asked for. Times are nanoseconds."""

    length: int
    number: int = 1
    interval: int = 0

    def control(self) -> ControlRequest:
        """Return TLV 12; what its interval has no room for is in `proof`."""
        return ControlRequest(self.length, self.number, self.interval)

    def proof(self, cookie: bytes) -> Proof:
        """Return the private TLV, with an interval where TLV 12 has no room for it."""
        return Proof(cookie, self.interval // MILLISECOND if self.interval > LONGEST_INTERVAL else 0)


def control_tlvs(ask: Ask, cookie: bytes) -> tuple[Tlv, Tlv]:
    """Return what asks for replies, as it stands in a request: first of all its TLVs."""
    u = int(Flag.UNRECOGNISED)
    return (
        Tlv(u, Type.REFLECTED_TEST_PACKET_CONTROL, ask.control().encode()),
        Tlv(u, Type.PROOF, ask.proof(cookie).encode()),
    )


def control_told(rest: bytes, spans: Iterable[Span]) -> tuple[Obedience, Proof | None]:
    """Return what both TLVs of a reply say, as far as they may be believed; they are where they were in the request."""
    obedience, proof = Obedience.UNKNOWN, None
    for span, kind in zip(spans, (Type.REFLECTED_TEST_PACKET_CONTROL, Type.PROOF), strict=False):
        flags = rest[span.start]
        if span.type != kind or not span.whole or flags & (Flag.MALFORMED | Flag.INTEGRITY):
            break
        if flags & Flag.UNRECOGNISED:
            continue
        if kind == Type.PROOF:
            proof = Proof.decode(rest[span.start + HEADER.size : span.end])
        else:
            obedience = Obedience.NOT_AS_ASKED if flags & Flag.NOT_AS_ASKED else Obedience.AS_ASKED
    return obedience, proof


def renumber(data: bytearray, at: int, number: int) -> None:
    """Write the number of a reply into the value of `Proof` at this offset."""
    _NUMBER.pack_into(data, at + _NUMBER_AT, number)
