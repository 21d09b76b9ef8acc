"""The Location TLV: RFC 8972 section 4.2, octet for octet, and nothing longer or shorter than what was asked."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.location import REQUEST, Endpoint, Location, filled


def endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(ip_address(host).packed, port)


V4 = Location(endpoint("203.0.113.7", 41_234), endpoint("192.0.2.1", 862))
V6 = Location(endpoint("2001:db8::7", 41_234), endpoint("2001:db8::1", 862))
ASKED = "0000 0000 80070010" + "00" * 16 + "80040010" + "00" * 16


def test_a_request_asks_for_both_addresses() -> None:
    assert bytes.fromhex(ASKED) == REQUEST


def test_ipv4_is_followed_by_zeroes() -> None:
    value = filled(REQUEST, V4)
    zeroes = "00" * 12
    assert value == bytes.fromhex(f"035E A112 00080010 CB007107 {zeroes} 00050010 C0000201 {zeroes}")
    assert Location.decode(value) == V4


def test_ipv6_fills_the_field() -> None:
    value = filled(REQUEST, V6)
    source, destination = "20010DB8" + "00" * 11 + "07", "20010DB8" + "00" * 11 + "01"
    assert value == bytes.fromhex(f"035E A112 00090010 {source} 00060010 {destination}")
    assert Location.decode(value) == V6


def test_ports_alone_are_a_location() -> None:
    assert filled(bytes(4), V4) == bytes.fromhex("035EA112")
    assert Location.decode(filled(bytes(4), V4)) == Location(Endpoint(b"", 41_234), Endpoint(b"", 862))


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param("80010008" + "00" * 8, "80010008" + "00" * 8, id="of a link-layer address there is no answer"),
        pytest.param("80070004 00000000", "40070004 00000000", id="an address of another length is malformed"),
        pytest.param("80070010 0000", "40070010 0000", id="one that is cut off is malformed"),
        pytest.param("8007", "4007", id="not even a header"),
        pytest.param("80080010" + "11" * 16, "80080010" + "11" * 16, id="the answer is no question"),
    ],
)
def test_what_cannot_be_answered_says_so(asked: str, answered: str) -> None:
    value = filled(bytes(4) + bytes.fromhex(asked), V4)
    assert value[4:] == bytes.fromhex(answered)
    assert Location.decode(value).source == Endpoint(b"", 41_234)


def test_an_address_that_the_system_does_not_say_is_not_made_up() -> None:
    value = filled(REQUEST, Location(V4.source, Endpoint(b"", 862)))
    assert value[24:] == bytes.fromhex("80040010") + bytes(16)
    assert Location.decode(value) == Location(V4.source, Endpoint(b"", 862))


@given(st.binary(min_size=4, max_size=80), st.sampled_from([V4, V6, Location()]))
def test_the_answer_to_anything_is_as_long_and_can_be_read(value: bytes, location: Location) -> None:
    answer = filled(value, location)
    assert len(answer) == len(value)
    read = Location.decode(answer)
    assert (read.source.port, read.destination.port) == (location.source.port, location.destination.port)


def test_hosts_are_written_as_in_a_target() -> None:
    assert (V4.source.host, V6.source.host, Endpoint().host) == ("203.0.113.7", "2001:db8::7", None)
