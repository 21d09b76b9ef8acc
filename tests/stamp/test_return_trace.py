"""The TLV by which the way back is traced, octet by octet."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.stamp.return_trace import (
    HEAD_LENGTH,
    LONGEST_ROUND_TRIP,
    MOST_REPORTS,
    MOST_TTL,
    REPORT_LENGTH,
    Report,
    ReturnTrace,
)
from tests.stamp.returns import reports


def test_a_request_is_a_ttl_a_number_and_room() -> None:
    value = ReturnTrace(ttl=3, latest=9, room=1).encode()
    assert value == b"nech" + bytes.fromhex("03 00 00 00 00000009") + bytes(REPORT_LENGTH)


def test_a_report_is_as_the_help_text_says() -> None:
    report = Report(7, bytes([10, 0, 1, 2]), 11, 0, 1_000_000, kernel=True, tos=0xB8, label=0x00012345)
    assert report.encode() == bytes.fromhex("00000007 000F4240 0B 00 03 B8 0A000102") + bytes(12) + bytes.fromhex(
        "00012345"
    )


@given(st.lists(reports, max_size=4), st.integers(0, MOST_TTL), st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_what_is_written_is_read_back(told: list[Report], ttl: int, latest: int, more: int) -> None:
    trace = ReturnTrace(ttl, latest, 255, tuple(told), min(len(told) + more, MOST_REPORTS))
    value = trace.encode()
    assert len(value) == HEAD_LENGTH + trace.room * REPORT_LENGTH
    assert ReturnTrace.decode(value) == trace


def test_a_round_trip_that_is_too_long_is_the_longest() -> None:
    report = Report(7, bytes(4), 11, 0, 5_000_000_000)
    assert Report.decode(report.encode()).rtt == LONGEST_ROUND_TRIP


@given(st.binary(max_size=120))
def test_any_octets_are_read_or_are_none_of_ours(value: bytes) -> None:
    for octets in (value, b"nech" + value):
        told = ReturnTrace.decode(octets)
        if told is not None:
            assert octets[:4] == b"nech"
            assert len(told.encode()) == len(octets)


def test_what_contradicts_itself_is_none_of_ours() -> None:
    good = ReturnTrace(ttl=3, room=1).encode()
    assert ReturnTrace.decode(good) is not None
    for at, wrong in ((0, 0), (4, MOST_TTL + 1), (5, 2)):
        assert ReturnTrace.decode(good[:at] + bytes([wrong]) + good[at + 1 :]) is None
    assert ReturnTrace.decode(good + b"\0") is None
    assert ReturnTrace.decode(good[:HEAD_LENGTH] + bytes(REPORT_LENGTH * (MOST_REPORTS + 1))) is None
