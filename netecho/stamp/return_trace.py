"""The Return Trace TLV: a reply that leaves with a given TTL, and the routers that said that such replies expired.

It is ours, of a type that the registry leaves to private use (RFC 8972 section 6), and stands behind `control.Proof`,
which proves its sender's address. `netecho help trace` has both layouts; a change of one is a change of the other.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.location import Endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

MOST_TTL = 64
"""What may be asked for; those above, up to 96, mark the answers of a netecho (`echo.loop_guard`)."""
MOST_REPORTS = 40
"""In one reply: 1,280 octets of them."""

_MAGIC = b"nech"
_HEAD = Struct("!4sBBBxI")
_REPORT = Struct("!IIBBBB16sI")
HEAD_LENGTH, REPORT_LENGTH = _HEAD.size, _REPORT.size
LONGEST_ROUND_TRIP = 0xFFFF_FFFF
"""Nanoseconds that there is room for: 4.3 s."""
_KERNEL, _CLASS_KNOWN, _IPV6 = 1, 2, 4
_V4_LENGTH, _V6_LENGTH = 4, 16
_MOST_WAITING = 255


class Report(NamedTuple):
    """What became of one reply."""

    sequence: int
    """The sender's, of the request."""
    address: bytes
    """Who answered it, packed."""
    type: int
    """Of the ICMP message; of ICMPv6 where the address is of IPv6."""
    code: int
    rtt: int
    """From the reply's leaving to the answer, nanoseconds."""
    kernel: bool = False
    """Whether that is by the kernel's clock."""
    tos: int | None = None
    """The traffic class that the reply had there; None: not known."""
    label: int = 0
    """The topmost entry of its MPLS label stack there (RFC 3032); 0: none."""

    def encode(self) -> bytes:
        """Return its octets."""
        flags = _KERNEL * self.kernel | _CLASS_KNOWN * (self.tos is not None) | _IPV6 * (len(self.address) > _V4_LENGTH)
        rtt = min(self.rtt, LONGEST_ROUND_TRIP)
        return _REPORT.pack(
            self.sequence, rtt, self.type, self.code, flags, self.tos or 0, self.address.ljust(16, b"\0"), self.label
        )

    @classmethod
    def decode(cls, data: bytes | bytearray) -> Self:
        """Read one, of `REPORT_LENGTH` octets."""
        sequence, rtt, kind, code, flags, tos, address, label = _REPORT.unpack(data)
        length = _V6_LENGTH if flags & _IPV6 else _V4_LENGTH
        known = tos if flags & _CLASS_KNOWN else None
        return cls(sequence, address[:length], kind, code, rtt, bool(flags & _KERNEL), known, label)

    @property
    def host(self) -> str:
        """Who answered, as an address is written."""
        return Endpoint(self.address).host or ""


class ReturnTrace(NamedTuple):
    """The TLV's value."""

    ttl: int = 0
    """What the reply is to leave with, at most `MOST_TTL`; 0: the usual."""
    latest: int = 0
    """In a request: the number of the latest report that was received. In a reply: that of the last one in it."""
    waiting: int = 0
    """In a reply: how many reports there are beyond those in it, as far as that is told (255)."""
    reports: tuple[Report, ...] = ()
    room: int = 0
    """Reports that there is room for, those in it included."""

    def encode(self) -> bytes:
        """Return the value's octets."""
        waiting = min(self.waiting, _MOST_WAITING)
        head = _HEAD.pack(_MAGIC, self.ttl, len(self.reports), waiting, self.latest)
        text = b"".join(report.encode() for report in self.reports)
        return head + text.ljust(self.room * REPORT_LENGTH, b"\0")

    @classmethod
    def decode(cls, value: bytes | bytearray) -> Self | None:
        """Read a value; None: it is somebody else's private TLV, or contradicts itself."""
        room, over = divmod(len(value) - HEAD_LENGTH, REPORT_LENGTH)
        if not 0 <= room <= MOST_REPORTS or over:
            return None
        magic, ttl, count, waiting, latest = _HEAD.unpack_from(value)
        if magic != _MAGIC or ttl > MOST_TTL or count > room:
            return None
        at = range(HEAD_LENGTH, HEAD_LENGTH + count * REPORT_LENGTH, REPORT_LENGTH)
        reports = tuple(Report.decode(value[start : start + REPORT_LENGTH]) for start in at)
        return cls(ttl, latest, waiting, reports, room)

    def answered(self, reports: Sequence[Report], waiting: int, latest: int) -> ReturnTrace:
        """Return what stands in the reply: as long as this."""
        return self._replace(reports=tuple(reports), waiting=waiting, latest=latest)
