"""The TLVs that control what is sent back, octet by octet: RFC 10052 section 3, and ours."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.control import NO_COOKIE, PROOF_LENGTH, Ask, ControlRequest, Proof
from netecho.stamp.tlv import LEAST_CONTROL, Type, well_formed

SECOND = 1_000_000_000


def test_tlv_12_is_length_number_interval_and_room_for_a_sub_tlv() -> None:
    value = ControlRequest(length=1500, number=4, interval=1_000_000).encode()
    assert value == bytes.fromhex("05DC 0004 000F4240 00000000")
    assert len(value) == LEAST_CONTROL


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF))
def test_what_is_written_is_read_back(length: int, number: int, interval: int) -> None:
    request = ControlRequest(length, number, interval)
    assert ControlRequest.decode(request.encode()) == request


@pytest.mark.parametrize(("asked", "aligned"), [(0, 0), (1, 4), (4, 4), (1473, 1476)])
def test_a_length_is_up_to_the_next_multiple_of_four(asked: int, aligned: int) -> None:
    assert ControlRequest(asked, 1, 0).aligned == aligned


def test_a_sub_tlv_names_the_reflectors_that_are_meant() -> None:
    group = bytes([0x80, 11, 0, 8, 24, 0, 0, 0, 192, 0, 2, 0])
    assert ControlRequest.decode(bytes(8) + group).narrowed
    assert not ControlRequest.decode(bytes(12)).narrowed


@pytest.mark.parametrize("length", [0, 8, 11])
def test_a_tlv_12_without_room_for_a_sub_tlv_is_malformed(length: int) -> None:
    assert not well_formed(Type.REFLECTED_TEST_PACKET_CONTROL, length)
    assert well_formed(Type.REFLECTED_TEST_PACKET_CONTROL, length + 12)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF))
def test_a_proof_is_read_back(cookie: bytes, interval: int, number: int) -> None:
    proof = Proof(cookie, interval, number)
    assert len(proof.encode()) == PROOF_LENGTH
    assert Proof.decode(proof.encode()) == proof


@given(st.binary(max_size=40))
def test_somebody_elses_private_tlv_is_no_proof(value: bytes) -> None:
    assert Proof.decode(value) is None or value.startswith(b"nech")


@pytest.mark.parametrize(
    ("interval", "in_tlv_12", "in_proof"),
    [(0, 0, 0), (1_500, 1_500, 0), (4 * SECOND, 4 * SECOND, 0), (600 * SECOND, 0xFFFF_FFFF, 600_000)],
)
def test_an_interval_that_tlv_12_has_no_room_for_is_in_the_proof(interval: int, in_tlv_12: int, in_proof: int) -> None:
    ask = Ask(100, 2, interval)
    assert ControlRequest.decode(ask.control().encode()).interval == in_tlv_12
    assert ask.proof(NO_COOKIE).interval == in_proof
