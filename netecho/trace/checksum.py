"""The UDP checksum of a packet that was sent, to tell from a quote whether a NAT changed the packet on its way.

A NAT rewrites addresses and ports, and with them the checksum. On the way back it puts the addresses of the quote
right, since the sender would not know the packet again, but many leave the checksum (dublin-traceroute found that).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from netecho.trace.quote import UDP, ones_complement


@dataclass(frozen=True, slots=True)
class Flow:
    """Addresses and ports of the packets of one socket."""

    source: str
    source_port: int
    destination: str
    destination_port: int

    def _sum(self, length: int) -> int:
        """Return the sum over the pseudo-header (RFC 768, RFC 8200 section 8.1) of a datagram of `length` bytes."""
        packed = [ipaddress.ip_address(each.partition("%")[0]).packed for each in (self.source, self.destination)]
        return ones_complement(b"".join(packed) + bytes((0, UDP)) + length.to_bytes(2))

    def is_own(self, checksum: int, payload: bytes) -> bool:
        """Return whether a datagram of this flow has that checksum when it leaves.

        Where the first router is on the same machine as the sender, as for a container, what it quotes has not been
        through an interface that completes the checksum, and has but the sum of the pseudo-header in its place.
        """
        length = 8 + len(payload)
        pseudo = self._sum(length)
        ports = self.source_port.to_bytes(2) + self.destination_port.to_bytes(2) + length.to_bytes(2)
        whole = ones_complement(ports + b"\0\0" + payload, pseudo) ^ 0xFFFF
        return checksum in (whole or 0xFFFF, pseudo)
