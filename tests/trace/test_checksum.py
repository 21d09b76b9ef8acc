"""A checksum that a packet of ours has when it leaves, and none that a NAT has made of it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from netecho.trace.checksum import Flow
from tests.trace.quotes import PAYLOAD, PORTS

FLOW = Flow("10.0.1.1", PORTS[0], "10.0.5.2", PORTS[1])
FLOW6 = Flow("2001:db8:1::1", PORTS[0], "2001:db8:5::2", PORTS[1])


def on_the_wire(flow: Flow, payload: bytes) -> int:
    """The checksum by a library that is not ours."""
    ip = IPv6 if ":" in flow.source else IP
    packet = ip(src=flow.source, dst=flow.destination) / UDP(sport=flow.source_port, dport=flow.destination_port)
    checksum = ip(bytes(packet / payload))[UDP].chksum
    assert isinstance(checksum, int)
    return checksum


@pytest.mark.parametrize("flow", [FLOW, FLOW6])
@given(payload=st.binary(max_size=100))
def test_the_checksum_of_the_wire_is_own(flow: Flow, payload: bytes) -> None:
    assert flow.is_own(on_the_wire(flow, payload), payload)


def test_the_sum_that_an_interface_has_yet_to_complete_is_own() -> None:
    assert FLOW.is_own(0x1A5C, PAYLOAD)
    assert FLOW6.is_own(0x5BD4, PAYLOAD)


def test_that_of_another_source_is_not() -> None:
    other = Flow("192.0.2.7", 40_001, FLOW.destination, FLOW.destination_port)
    assert not FLOW.is_own(on_the_wire(other, PAYLOAD), PAYLOAD)
