"""Peers' addresses as one would write them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from netecho.net.server.peers import endpoint_of, host_of, packed, unmapped

if TYPE_CHECKING:
    from netecho.net.sockaddr import SockAddr

LOOPBACK = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("sockaddr", "host", "endpoint"),
    [
        (("192.0.2.1", 4000), "192.0.2.1", "192.0.2.1:4000"),
        (("2001:db8::1", 4000, 0, 0), "2001:db8::1", "[2001:db8::1]:4000"),
        (("fe80::1", 4000, 0, LOOPBACK), "fe80::1%lo", "[fe80::1%lo]:4000"),
        (("fe80::1%lo", 4000, 0, LOOPBACK), "fe80::1%lo", "[fe80::1%lo]:4000"),
        (("fe80::1", 4000, 0, 2**31 - 1), "fe80::1%2147483647", "[fe80::1%2147483647]:4000"),
    ],
)
def test_a_link_local_address_is_named_with_its_link(sockaddr: SockAddr, host: str, endpoint: str) -> None:
    assert (host_of(sockaddr), endpoint_of(sockaddr)) == (host, endpoint)


@pytest.mark.parametrize(
    ("host", "octets"),
    [
        ("192.0.2.1", "C0000201"),
        ("::ffff:192.0.2.1", "C0000201"),
        ("2001:db8::1", "20010DB8" + "00" * 11 + "01"),
        ("fe80::1%lo", "FE80" + "00" * 13 + "01"),
    ],
)
def test_an_address_is_packed_as_the_packet_had_it(host: str, octets: str) -> None:
    assert packed(host) == bytes.fromhex(octets)


def test_a_local_address_is_unmapped_as_well() -> None:
    assert unmapped(bytes(10) + b"\xff\xff\xc0\0\2\1") == b"\xc0\0\2\1"
    assert unmapped(b"") == b""
