"""Base packets, octet by octet, as RFC 8762 and RFC 8972 section 3 draw them."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.packet import AUTHENTICATED, OPEN, PacketError, Reply, Request, format_of

KEY = b"an orchestrator gave us this key"
REQUEST = Request(sequence=7, stamp=0xEEAE5030_80000000, error=0x8F80, ssid=0xBEEF)
REPLY = Reply(
    sequence=5,
    stamp=0xEEAE5030_90000000,
    error=0x0001,
    ssid=0xBEEF,
    received=0xEEAE5030_88000000,
    sender_sequence=7,
    sender_stamp=0xEEAE5030_80000000,
    sender_error=0x8F80,
    sender_ttl=61,
)
REQUEST_OPEN = bytes.fromhex("00000007 EEAE503080000000 8F80 BEEF") + bytes(28)
REQUEST_AUTHENTICATED = bytes.fromhex("00000007") + bytes(12) + bytes.fromhex("EEAE503080000000 8F80 BEEF") + bytes(68)
REPLY_OPEN = bytes.fromhex(
    "00000005 EEAE503090000000 0001 BEEF EEAE503088000000 00000007 EEAE503080000000 8F80 0000 3D 000000"
)
REPLY_AUTHENTICATED = (
    bytes.fromhex("00000005")
    + bytes(12)
    + bytes.fromhex("EEAE503090000000 0001 BEEF 00000000 EEAE503088000000")
    + bytes(8)
    + bytes.fromhex("00000007")
    + bytes(12)
    + bytes.fromhex("EEAE503080000000 8F80")
    + bytes(6)
    + b"\x3d"
    + bytes(15)
)

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
requests = st.builds(Request, u32, u64, u16, u16)
replies = st.builds(Reply, u32, u64, u16, u16, u64, u32, u64, u16, u8)
keys = st.none() | st.binary(min_size=1, max_size=80)


def test_the_sizes_of_base_packets() -> None:
    assert (OPEN.size, AUTHENTICATED.size) == (44, 112)
    assert OPEN.sender.size == OPEN.reflector.size == 44
    assert AUTHENTICATED.sender.size == AUTHENTICATED.reflector.size == 96


def test_open_packets_are_as_drawn() -> None:
    assert REQUEST.encode() == REQUEST_OPEN
    assert Request.decode(REQUEST_OPEN) == REQUEST
    assert REPLY.encode() == REPLY_OPEN
    assert Reply.decode(REPLY_OPEN) == REPLY


def test_authenticated_packets_are_as_drawn() -> None:
    # Made with: openssl dgst -sha256 -hmac 'an orchestrator gave us this key' over the 96 octets; the first 16.
    seal = bytes.fromhex("c94e86c00e649dda269d5ec873dfd43d")
    assert REQUEST.encode(KEY) == REQUEST_AUTHENTICATED + seal
    assert Request.decode(REQUEST_AUTHENTICATED + seal, KEY) == REQUEST
    assert REPLY.encode(KEY)[:96] == REPLY_AUTHENTICATED
    assert Reply.decode(REPLY.encode(KEY), KEY) == REPLY


@pytest.mark.parametrize("key", [None, KEY])
def test_the_offsets_given_for_stamps_are_where_they_are(key: bytes | None) -> None:
    form = format_of(key)
    assert REQUEST.encode(key)[form.sent_at :][:8] == REQUEST.stamp.to_bytes(8)
    assert REPLY.encode(key)[form.sent_at :][:8] == REPLY.stamp.to_bytes(8)
    assert REPLY.encode(key)[form.received_at :][:8] == REPLY.received.to_bytes(8)


@given(requests | replies, keys, st.binary(max_size=40))
def test_every_packet_survives_the_way_there_and_back_and_what_follows_is_ignored(
    packet: Request | Reply, key: bytes | None, rest: bytes
) -> None:
    assert type(packet).decode(packet.encode(key) + rest, key) == packet


@given(st.binary(min_size=44, max_size=44))
def test_fields_that_must_be_zero_are_ignored(data: bytes) -> None:
    request = Request.decode(data)
    assert request.encode() == data[:16] + bytes(28)


@given(st.sampled_from([Request, Reply]), st.binary(max_size=200), keys)
def test_any_octets_are_read_or_refused(kind: type[Request] | type[Reply], data: bytes, key: bytes | None) -> None:
    if key is None and len(data) >= (44 if kind is Request else 38):
        kind.decode(data)
    else:
        with pytest.raises(PacketError):
            kind.decode(data, key)


def test_twamp_lights_reply_ends_with_the_ttl_or_before_it() -> None:
    assert Reply.decode(REPLY_OPEN[:41]) == REPLY
    assert Reply.decode(REPLY_OPEN[:38]) == REPLY._replace(sender_ttl=0)


@given(st.integers(0, 96 * 8 - 1))
def test_any_flipped_bit_breaks_an_authenticated_packet(bit: int) -> None:
    data = bytearray(REQUEST.encode(KEY))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PacketError):
        Request.decode(data, KEY)
