"""What TCP, TLS, UDP and STAMP know beside the round trips, as typed values.

    tcp      the kernel's view of the connection
    tls      what the handshake agreed on, the certificate
    udp      how replies arrived, and what this machine dropped
    ecn      with which codepoint packets arrived
    stamp    what the packets of a STAMP run said

Times are integer nanoseconds; None is what the system or the peer did not say. Printed by `report.document` alone.
A run imports the module of its own transport only: making a dataclass takes Python about a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.measure.facts.ecn import EcnFacts
    from netecho.measure.facts.stamp import StampFacts
    from netecho.measure.facts.tcp import TcpFacts
    from netecho.measure.facts.tls import TlsFacts
    from netecho.measure.facts.udp import UdpFacts


class TransportFacts(NamedTuple):
    """All that is known of a run's transport; None for what the transport does not have."""

    tls: TlsFacts | None = None
    tcp: TcpFacts | None = None
    udp: UdpFacts | None = None
    ecn: EcnFacts | None = None
    """Where `--ecn` chose a codepoint."""
    stamp: StampFacts | None = None


NO_FACTS = TransportFacts()
