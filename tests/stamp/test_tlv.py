"""TLVs, octet by octet, as RFC 8972 section 4 draws them."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.tlv import (
    MOST,
    ClassOfService,
    DirectMeasurement,
    Flag,
    FollowUp,
    Method,
    Span,
    SyncSource,
    TimestampInformation,
    Tlv,
    Type,
    decode,
    encode,
    follows,
    walk,
)

tlvs = st.builds(Tlv, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))


def test_extra_padding() -> None:
    assert Tlv(0x80, Type.EXTRA_PADDING, b"\xaa\xbb\xcc").encode() == bytes.fromhex("80 01 0003 AABBCC")


def test_timestamp_information() -> None:
    value = TimestampInformation(SyncSource.NTP, Method.SOFTWARE, SyncSource.FREE_RUNNING, Method.HARDWARE)
    assert Tlv(0, Type.TIMESTAMP_INFORMATION, value.encode()).encode() == bytes.fromhex("00 03 0004 01 02 05 01")
    assert TimestampInformation.decode(bytes.fromhex("01020501 80010000")) == value  # a sub-TLV follows


def test_class_of_service() -> None:
    # 46 = 101110, 10 = 001010, 1 = 01, 1 = 01: 1011 1000 1010 0101
    value = ClassOfService(asked=46, dscp=10, ecn=1, reverse_path=1)
    assert Tlv(0, Type.CLASS_OF_SERVICE, value.encode()).encode() == bytes.fromhex("00 04 0004 B8A5 0000")
    assert ClassOfService.decode(bytes.fromhex("B8A5 FFFF")) == value
    assert ClassOfService(asked=63, dscp=63, ecn=3, reverse_path=3).encode() == bytes.fromhex("FFFF 0000")


def test_direct_measurement() -> None:
    value = DirectMeasurement(sent=0x01020304, received=2, reflected=1)
    assert Tlv(0, Type.DIRECT_MEASUREMENT, value.encode()).encode() == bytes.fromhex(
        "00 05 000C 01020304 00000002 00000001"
    )
    assert DirectMeasurement.decode(value.encode()) == value
    assert DirectMeasurement(2**32 + 5).encode()[:4] == bytes.fromhex("00000005")


def test_follow_up_telemetry() -> None:
    value = FollowUp(sequence=9, stamp=0xEEAE5030_80000000, method=Method.SOFTWARE)
    assert Tlv(0, Type.FOLLOW_UP_TELEMETRY, value.encode()).encode() == bytes.fromhex(
        "00 07 0010 00000009 EEAE503080000000 02 000000"
    )
    assert FollowUp.decode(value.encode()) == value


def test_hmac() -> None:
    assert Tlv(0x80, Type.HMAC, bytes(16)).encode() == bytes.fromhex("80 08 0010") + bytes(16)


def test_flags() -> None:
    assert (Flag.UNRECOGNISED, Flag.MALFORMED, Flag.INTEGRITY) == (0b1000_0000, 0b0100_0000, 0b0010_0000)


@given(st.lists(tlvs, max_size=MOST))
def test_any_tlvs_survive_the_way_there_and_back(several: list[Tlv]) -> None:
    assert decode(encode(several)) == tuple(several)


@given(st.binary(max_size=400))
def test_any_octets_are_covered_by_spans_up_to_the_end(rest: bytes) -> None:
    end = 0
    for span in walk(rest):
        assert span.start == end
        assert span.end > span.start
        end = span.end
    assert end == len(rest)


@pytest.mark.parametrize(
    ("octets", "spans"),
    [
        ("", []),
        ("80", [Span(0, -1, 1, whole=False)]),
        ("80 04", [Span(0, 4, 2, whole=False)]),
        ("80 04 00", [Span(0, 4, 3, whole=False)]),
        ("80 04 0004", [Span(0, 4, 4, whole=False)]),
        ("80 04 0004 00000000", [Span(0, 4, 8, whole=True)]),
        ("80 04 0003 000000", [Span(0, 4, 7, whole=False)]),
        ("80 03 0003 000000", [Span(0, 3, 7, whole=False)]),
        ("80 03 0005 0000000000", [Span(0, 3, 9, whole=True)]),
        ("80 05 000B" + "00" * 11, [Span(0, 5, 15, whole=False)]),
        ("80 07 0011" + "00" * 17, [Span(0, 7, 21, whole=False)]),
        ("80 08 000F" + "00" * 15, [Span(0, 8, 19, whole=False)]),
        ("80 01 0000 80 C8 0001 FF", [Span(0, 1, 4, whole=True), Span(4, 200, 9, whole=True)]),
        ("80 01 0000 80 C8 0002 FF", [Span(0, 1, 4, whole=True), Span(4, 200, 9, whole=False)]),
    ],
)
def test_what_is_malformed(octets: str, spans: list[Span]) -> None:
    assert list(walk(bytes.fromhex(octets))) == spans


def test_tlvs_beyond_the_limit_are_one_that_is_malformed() -> None:
    spans = list(walk(Tlv(0x80, 1, b"").encode() * 16_000))
    assert len(spans) == MOST + 1
    assert spans[-1] == Span(4 * MOST, 1, 64_000, whole=False)


@pytest.mark.parametrize(
    ("octets", "are_tlvs"),
    [
        ("", False),
        ("00" * 27, False),  # TWAMP-Light's padding, zeroes
        ("81 04 0005 00000000", False),  # a reserved flag
        ("81 04 0003 00000000", False),
        ("81 04 0004 00000000", True),  # but too well formed for padding
        ("01 04 0004 00000000 01 C8 0001 FF", True),
        ("01" * 64, False),
        ("80 00 0000", False),
        ("80 FF 0000", False),
        ("00 04 0004 00000000", True),  # U is not set as it should be, but what else could this be
        ("00 04 0009 00000000", True),
        ("00 C8 0004 00000000", True),
        ("00 C8 0005 00000000", False),
        ("00 01 02 03 04 05 06 07", False),  # padding that counts
        ("80 04 0004 00000000", True),
        ("80 F0 FFFF", True),
        ("80", True),
        ("00", False),
        ("000000", False),
    ],
)
def test_tlvs_are_told_from_a_twamp_light_packets_padding(octets: str, are_tlvs: bool) -> None:
    assert follows(bytes.fromhex(octets)) is are_tlvs
