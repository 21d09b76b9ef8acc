"""What ICMP errors say, and what they quote."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.trace.quote import MOST_LABELS, Label, extensions, ones_complement, parse_icmp, parse_icmp6
from tests.trace.quotes import FIRST, FIRST6, PAYLOAD, PORTS, TARGET, TARGET6, stack


def test_a_router_and_what_it_quotes() -> None:
    error = parse_icmp(FIRST)
    assert error is not None
    assert error.expired
    assert not error.port_unreachable
    quote = error.quote
    assert (quote.source, quote.destination, quote.ports, quote.protocol) == ("10.0.1.1", "10.0.5.2", PORTS, 17)
    assert (quote.tos, quote.checksum, quote.payload) == (46 << 2, 0x1A5C, PAYLOAD)
    assert quote.ident == 0xEB93


def test_a_router_of_ipv6_and_what_it_quotes() -> None:
    error = parse_icmp6(FIRST6)
    assert error is not None
    assert error.expired
    quote = error.quote
    assert (quote.source, quote.destination) == ("2001:db8:1::1", "2001:db8:5::2")
    assert (quote.ports, quote.tos, quote.payload) == ((0xBAA6, 7007), 46 << 2, PAYLOAD)


def test_the_target_says_that_nothing_listens() -> None:
    for error in (parse_icmp(TARGET), parse_icmp6(TARGET6)):
        assert error is not None
        assert error.port_unreachable
        assert not error.expired
        assert error.meaning == "port unreachable"


def test_a_quote_of_8_bytes_has_no_payload() -> None:
    error = parse_icmp(FIRST[: 8 + 20 + 8])
    assert error is not None
    assert (error.quote.checksum, error.quote.payload) == (0x1A5C, b"")


@pytest.mark.parametrize("length", range(8 + 20 + 8))
def test_less_is_no_quote(length: int) -> None:
    assert parse_icmp(FIRST[:length]) is None


def test_an_mtu_is_read_where_it_is_told() -> None:
    too_large = bytes((3, 4, 0, 0, 0, 0)) + (1400).to_bytes(2)
    error = parse_icmp(too_large + FIRST[8:])
    assert error is not None
    assert error.mtu == 1400
    error = parse_icmp6(bytes((2, 0, 0, 0)) + (1300).to_bytes(4) + FIRST6[8:])
    assert error is not None
    assert error.mtu == 1300


@pytest.mark.parametrize("units", [0, 32])
def test_labels_follow_a_quote_of_128_bytes_whether_or_not_it_says_so(units: int) -> None:
    quoted = FIRST[8:].ljust(128, b"\0")
    message = bytes((11, 0, 0, 0, 0, units, 0, 0)) + quoted + stack(0x1234501F, 0x0000A101)
    error = parse_icmp(message)
    assert error is not None
    assert error.labels == (Label(0x12345, 0, False, 0x1F), Label(0xA, 0, True, 1))
    assert error.quote.payload == PAYLOAD


def test_labels_in_icmpv6_are_behind_as_many_words_of_eight_bytes_as_it_says() -> None:
    quoted = FIRST6[8:].ljust(136, b"\0")
    error = parse_icmp6(bytes((3, 0, 0, 0, 17, 0, 0, 0)) + quoted + stack(0x0000A101))
    assert error is not None
    assert [label.label for label in error.labels] == [0xA]


def test_what_follows_128_bytes_by_chance_is_no_extension() -> None:
    damaged = bytearray(stack(0x0000A101))
    damaged[-1] ^= 1
    assert extensions(bytes(128) + bytes(damaged), 0) == ()
    assert extensions(bytes(128) + stack(0x0000A101, kind=2), 0) == ()


def test_an_object_of_no_length_ends_the_extensions() -> None:
    unsigned = bytes((2 << 4, 0, 0, 0, 0, 0, 1, 1))
    checksum = (ones_complement(unsigned) ^ 0xFFFF).to_bytes(2)
    assert extensions(bytes(128) + unsigned[:2] + checksum + unsigned[4:], 0) == ()


def test_a_stack_without_end_is_cut() -> None:
    assert len(extensions(bytes(128) + stack(*range(200)), 0)) == MOST_LABELS


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error_of_ours(data: bytes) -> None:
    for parse, good in ((parse_icmp, FIRST), (parse_icmp6, FIRST6)):
        parse(data)
        parse(good[:8] + data)
        parse(good + data)
