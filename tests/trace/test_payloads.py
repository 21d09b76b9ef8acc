"""Which datagram a quote or a reply belongs to."""

from __future__ import annotations

import pytest

from netecho.stamp.packet import Reply, Request
from netecho.trace.payloads import EchoPayloads, Payloads, StampPayloads, is_quote_of

ECHO = EchoPayloads(b"12345678")
OPEN = StampPayloads(1, None)
KEYED = StampPayloads(1, b"secret" * 4)
WALL = 1_700_000_000_123_456_789


@pytest.mark.parametrize("payloads", [ECHO, OPEN, KEYED])
def test_a_payload_has_its_number(payloads: Payloads) -> None:
    assert payloads.quoted(payloads.of(77, 3, WALL)) == 77


@pytest.mark.parametrize("payloads", [ECHO, OPEN, KEYED])
def test_a_quote_that_is_cut_or_padded_is_of_what_was_sent(payloads: Payloads) -> None:
    sent = payloads.of(77, 3, WALL)
    for quoted in (sent, sent[: payloads.least], sent + bytes(40)):
        assert is_quote_of(quoted, sent, payloads.least)
    assert not is_quote_of(sent[: payloads.least - 1], sent, payloads.least)


@pytest.mark.parametrize("payloads", [OPEN, KEYED])
def test_what_a_forger_has_to_guess_of_stamp_is_the_time_it_was_sent(payloads: Payloads) -> None:
    sent = payloads.of(77, 3, WALL)
    assert not is_quote_of(payloads.of(77, 3, WALL + 1_000), sent, payloads.least)
    begun = sent.index(Request.decode(sent, None if payloads is OPEN else b"secret" * 4).stamp.to_bytes(8))
    assert payloads.least == begun + 8


def test_an_echo_is_the_same_bytes() -> None:
    sent = ECHO.of(5, 3, WALL)
    assert ECHO.replied(sent) == 5
    assert ECHO.is_reply(sent, sent)
    assert not ECHO.is_reply(sent[:-1], sent)
    assert EchoPayloads(b"another.").replied(sent) is None


@pytest.mark.parametrize(("payloads", "key"), [(OPEN, None), (KEYED, b"secret" * 4)])
def test_a_reflected_packet_has_the_number_and_the_time_of_the_request(payloads: Payloads, key: bytes | None) -> None:
    sent = payloads.of(5, 3, WALL)
    request = Request.decode(sent, key)

    def reply(stamp: int) -> bytes:
        return Reply(900, 1, 1, 0, 1, request.sequence, stamp, 1, 250).encode(key)

    assert payloads.replied(reply(request.stamp)) == 5
    assert payloads.is_reply(reply(request.stamp), sent)
    assert not payloads.is_reply(reply(request.stamp + 1), sent)
    assert payloads.replied(b"short") is None
