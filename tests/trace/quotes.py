"""ICMP errors as Linux sent them in the networks beside this, captured by raw sockets: from their type on."""

import struct

from netecho.trace.quote import ones_complement

PAYLOAD = bytes(range(64))
PORTS = (0x8B75, 7007)
FIRST = bytes.fromhex(
    "0b004f830000000045b8005ceb934000011173430a0001010a0005028b751b5f00481a5c"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)
"""Time Exceeded from 10.0.1.2 for a datagram from 10.0.1.1 to 10.0.5.2 with DSCP 46. Its checksum is that of the
pseudo-header: the link was a veth, which leaves the rest to a receiver that has it done by nobody."""
TARGET = bytes.fromhex(
    "030357800000000045b8005ceb9740000111733f0a0001010a0005028b751b5f00481a5c"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)
"""Port Unreachable from 10.0.5.2, for the same flow."""
FIRST6 = bytes.fromhex(
    "03007acc000000006b81379e0048110120010db800010000000000000000000120010db8000500000000000000000002baa61b5f00485bd4"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)
"""Time Exceeded from 2001:db8:1::2 for a datagram from 2001:db8:1::1 to 2001:db8:5::2 with DSCP 46."""
TARGET6 = bytes.fromhex(
    "01047cc4000000006b81379e0048110120010db800010000000000000000000120010db8000500000000000000000002baa61b5f00485bd4"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)


def stack(*words: int, kind: int = 1, sub: int = 1) -> bytes:
    """Extensions with one object, as RFC 4884 and 4950 lay them out, with their checksum."""
    entries = b"".join(word.to_bytes(4) for word in words)
    unsigned = struct.pack("!BBHHBB", 2 << 4, 0, 0, 4 + len(entries), kind, sub) + entries
    return unsigned[:2] + (ones_complement(unsigned) ^ 0xFFFF).to_bytes(2) + unsigned[4:]


def labelled(payload: bytes) -> bytes:
    """Time Exceeded that quotes a payload, cut or padded to 128 bytes, and two labels behind it (RFC 4950)."""
    quoted = (FIRST[8:36] + payload)[:128].ljust(128, b"\0")
    return bytes((11, 0, 0, 0, 0, 32, 0, 0)) + quoted + stack(0x1234501F, 0x0000A101)
