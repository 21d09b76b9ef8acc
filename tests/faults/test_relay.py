"""What the relay does to a packet's header."""

from __future__ import annotations

from hypothesis import given, strategies as st

from tests.faults.relay import one_hop_less


def checksum(header: bytes) -> int:
    """RFC 1071; 0 over a header whose own is right."""
    total = sum(int.from_bytes(header[at : at + 2]) for at in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@given(st.binary(min_size=20, max_size=20), st.integers(1, 254))
def test_a_hop_is_given_back_and_the_checksum_stays_right(drawn: bytes, ttl: int) -> None:
    bare = b"\x45" + drawn[1:8] + bytes([ttl, drawn[9], 0, 0]) + drawn[12:]
    packet = bare[:10] + checksum(bare).to_bytes(2) + bare[12:]
    changed = one_hop_less(packet)
    assert changed[8] == ttl + 1
    assert checksum(changed) == 0
    assert (changed[:8], changed[9], changed[12:]) == (packet[:8], packet[9], packet[12:])
