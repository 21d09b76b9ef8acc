"""ICMP errors: what they say, and the packet of ours that they quote.

RFC 792 has routers quote the IP header and 8 bytes, RFC 1812 as much as fits in 576 bytes, RFC 4443 in 1,280. After a
quote of at least 128 bytes there may be extensions (RFC 4884), among them the MPLS labels that the packet arrived with
(RFC 4950). What a router sends is not to be trusted: what is too short, or contradicts itself, is no quote.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Self

UDP, TCP = 17, 6
UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM = 3, 11, 12
"""ICMP types (RFC 792)."""
UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER_PROBLEM6 = 1, 2, 3, 4
"""ICMPv6 types (RFC 4443)."""

_PORTS = struct.Struct("!HHHH")
_EXTENSION_VERSION = 2
_MPLS_CLASS = _MPLS_INCOMING = 1
_PADDED = 128
"""Bytes that a quote has at least where extensions follow (RFC 4884 section 4)."""
MOST_LABELS = 16
"""More than a real stack has: what a hostile router sends is not kept without end."""


class Label(NamedTuple):
    """An entry of an MPLS label stack (RFC 3032)."""

    label: int
    traffic_class: int
    bottom: bool
    ttl: int

    @property
    def entry(self) -> int:
        """Its 32 bits."""
        return self.label << 12 | self.traffic_class << 9 | self.bottom << 8 | self.ttl

    @classmethod
    def of(cls, entry: int) -> Self:
        """Read 32 bits."""
        return cls(entry >> 12, entry >> 9 & 7, bool(entry >> 8 & 1), entry & 0xFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """As much of a sent packet as an error quotes. None: that was not to be seen."""

    source: str | None = None
    destination: str | None = None
    protocol: int | None = None
    ports: tuple[int, int] | None = None
    tos: int | None = None
    """Type of service or traffic class as it arrived at the router: 6 bits DSCP, 2 bits ECN."""
    ident: int | None = None
    """The ID in the IPv4 header."""
    checksum: int | None = None
    """UDP's, as it arrived."""
    payload: bytes = b""
    """What follows the UDP header, as far as it is quoted; it may be padded with zeroes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """What a router or the target says of a packet."""

    family: int
    type: int
    code: int
    quote: Quote
    mtu: int | None = None
    labels: tuple[Label, ...] = ()

    @property
    def expired(self) -> bool:
        """Whether the TTL ran out on the way: this is a router of the path."""
        return self.type == (TIME_EXCEEDED6 if self.family == 6 else TIME_EXCEEDED) and self.code == 0

    @property
    def port_unreachable(self) -> bool:
        """Whether nothing listens on the port: the packet has arrived at a host."""
        return (self.type, self.code) == ((UNREACHABLE6, 4) if self.family == 6 else (UNREACHABLE, 3))

    @property
    def meaning(self) -> str:
        """The error in words."""
        table = _MEANINGS6 if self.family == 6 else _MEANINGS
        known = table.get((self.type, self.code))
        return known or f"ICMP{'v6' if self.family == 6 else ''} type {self.type} code {self.code}"


_MEANINGS = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "packet too large",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "administratively prohibited",
    (11, 0): "TTL expired",
    (11, 1): "reassembly timed out",
}
_MEANINGS6 = {
    (1, 0): "no route",
    (1, 1): "administratively prohibited",
    (1, 2): "beyond the scope of the source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "the source address failed a policy",
    (1, 6): "the route is rejected",
    (2, 0): "packet too large",
    (3, 0): "hop limit expired",
    (3, 1): "reassembly timed out",
}


def parse_icmp(data: bytes) -> IcmpError | None:
    """Read an ICMP message, from its type on; None for what is no error that quotes a packet."""
    if len(data) < 8 or data[0] not in (UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM):
        return None
    quote = _quote4(data[8:])
    if quote is None:
        return None
    mtu = int.from_bytes(data[6:8]) if (data[0], data[1]) == (UNREACHABLE, 4) else 0
    labels = extensions(data[8:], 4 * data[5])
    return IcmpError(family=4, type=data[0], code=data[1], quote=quote, mtu=mtu or None, labels=labels)


def parse_icmp6(data: bytes) -> IcmpError | None:
    """Read an ICMPv6 message, from its type on; None for what is no error that quotes a packet."""
    if len(data) < 8 or data[0] not in (UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER_PROBLEM6):
        return None
    quote = _quote6(data[8:])
    if quote is None:
        return None
    too_big = data[0] == TOO_BIG6
    mtu = int.from_bytes(data[4:8]) if too_big else None
    labels = () if too_big or data[0] == PARAMETER_PROBLEM6 else extensions(data[8:], 8 * data[4])
    return IcmpError(family=6, type=data[0], code=data[1], quote=quote, mtu=mtu, labels=labels)


def extensions(quoted: bytes, length: int) -> tuple[Label, ...]:
    """Return the MPLS labels behind a quote, which is `length` bytes; 0: it does not say, as before RFC 4884.

    Then it has 128 bytes (RFC 4884 section 5.5), and the extensions must have a checksum to be taken for some.
    """
    structure = quoted[length or _PADDED :]
    if len(structure) < 4 or structure[0] >> 4 != _EXTENSION_VERSION:
        return ()
    if (not length or structure[2:4] != b"\0\0") and ones_complement(structure) != 0xFFFF:
        return ()
    found: list[Label] = []
    at = 4
    while at + 4 <= len(structure) and len(found) < MOST_LABELS:
        size, kind, sub = struct.unpack_from("!HBB", structure, at)
        if size < 4 or at + size > len(structure):
            break
        if (kind, sub) == (_MPLS_CLASS, _MPLS_INCOMING):
            found += _stack(structure[at + 4 : at + size])
        at += size
    return tuple(found[:MOST_LABELS])


def ones_complement(data: bytes, start: int = 0) -> int:
    """Return the sum that Internet checksums are made of (RFC 1071)."""
    total: int = start + sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _stack(entries: bytes) -> list[Label]:
    return [Label.of(int.from_bytes(entries[at : at + 4])) for at in range(0, len(entries) - 3, 4)]


def _quote4(packet: bytes) -> Quote | None:
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    header = 4 * (packet[0] & 15)
    if header < 20 or len(packet) < header + 8:
        return None
    length = int.from_bytes(packet[2:4])
    source, destination = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
    ident = int.from_bytes(packet[4:6])
    return _quote(packet[9], source, destination, packet[1], ident, packet[header : max(length, header + 8)])


def _quote6(packet: bytes) -> Quote | None:
    if len(packet) < 48 or packet[0] >> 4 != 6:
        return None
    tos = int.from_bytes(packet[:2]) >> 4 & 0xFF
    length = int.from_bytes(packet[4:6])
    source, destination = (str(ipaddress.IPv6Address(packet[at : at + 16])) for at in (8, 24))
    return _quote(packet[6], source, destination, tos, None, packet[40 : 40 + max(length, 8)])


def _quote(protocol: int, source: str, destination: str, tos: int, ident: int | None, rest: bytes) -> Quote:
    """Return the quote of a packet of which `rest` follows the IP header: at least 8 bytes."""
    one, other, _, checksum = _PORTS.unpack_from(rest)
    is_udp = protocol == UDP
    return Quote(
        source=source,
        destination=destination,
        protocol=protocol,
        ports=(one, other) if protocol in (UDP, TCP) else None,
        tos=tos,
        ident=ident,
        checksum=checksum if is_udp else None,
        payload=rest[8:] if is_udp else b"",
    )
