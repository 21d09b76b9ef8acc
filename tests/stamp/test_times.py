"""Time formats: RFC 5905 section 6, IEEE 1588 truncated, and the Error Estimate of RFC 4656 section 4.1.2."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.times import ErrorEstimate, from_ntp, from_ptp, from_wire, to_ntp, to_ptp, to_wire

SECOND = 1_000_000_000
# 2026-11-23T05:40:00.5Z: 1,795,412,400 s after 1970, 0x6B03D1B0; 2,208,988,800 s (0x83AA7E80) more after 1900.
NOW = 1_795_412_400_500_000_000
YEARS_68 = 2**31 * SECOND

instants = st.integers(-YEARS_68, 4 * YEARS_68)
near_now = st.integers(NOW - YEARS_68 + SECOND, NOW + YEARS_68 - SECOND)


@pytest.mark.parametrize(
    ("instant", "stamp"),
    [
        (0, 0x83AA7E80_00000000),
        (NOW, 0xEEAE5030_80000000),
        (1, 0x83AA7E80_00000004),  # 2**32 / 10**9 = 4.29
        (999_999_999, 0x83AA7E80_FFFFFFFB),
        (2_085_978_496 * SECOND, 0x00000000_00000000),  # 2036-02-07T06:28:16Z, where the era ends
        ((2_085_978_496 - 1) * SECOND, 0xFFFFFFFF_00000000),
        (-2_208_988_800 * SECOND, 0x00000000_00000000),  # 1900, where it began
    ],
)
def test_ntp_vectors(instant: int, stamp: int) -> None:
    assert to_ntp(instant) == stamp
    assert from_ntp(stamp, near=instant) == instant


@pytest.mark.parametrize(
    ("instant", "stamp"),
    [
        (0, 0),
        (NOW, 0x6B03D1B0_1DCD6500),
        (1, 1),
        (2**32 * SECOND + 7, 7),  # 2106, where 32 bits of seconds end
    ],
)
def test_ptp_vectors(instant: int, stamp: int) -> None:
    assert to_ptp(instant) == stamp
    assert from_ptp(stamp, near=instant) == instant


@given(near_now, st.booleans())
def test_every_nanosecond_survives_the_way_there_and_back(instant: int, ptp: bool) -> None:
    assert from_wire(to_wire(instant, ptp=ptp), near=NOW, ptp=ptp) == instant


@given(instants, st.integers(0, 2**64 - 1), st.booleans())
def test_any_stamp_is_read_in_the_era_that_is_near(near: int, stamp: int, ptp: bool) -> None:
    instant = from_wire(stamp, near, ptp=ptp)
    # PTP's nanoseconds have 32 bits, so a nonsense stamp may be 4.3 s beyond its second.
    assert -YEARS_68 - SECOND < instant - near < YEARS_68 + 6 * SECOND


@pytest.mark.parametrize(
    ("bits", "estimate", "error"),
    [
        (0x0001, ErrorEstimate(False, False, 0, 1), 1),  # 2**-32 s is 0.23 ns
        (0x9380, ErrorEstimate(True, False, 19, 128), 15_625_000),  # 128 * 2**-13 s
        (0x5301, ErrorEstimate(False, True, 19, 1), 122_071),  # 2**-13 s = 122,070.3 ns
        (0x2001, ErrorEstimate(False, False, 32, 1), SECOND),
        (0x3FFF, ErrorEstimate(False, False, 63, 255), 255 * 2**31 * SECOND),
        (0x8000, ErrorEstimate(True, False, 0, 0), None),  # RFC 4656: the multiplier must not be zero
    ],
)
def test_error_estimate_vectors(bits: int, estimate: ErrorEstimate, error: int | None) -> None:
    assert ErrorEstimate.decode(bits) == estimate
    assert estimate.encode() == bits
    assert estimate.error == error


@given(st.integers(0, 2**16 - 1))
def test_every_error_estimate_survives_the_way_there_and_back(bits: int) -> None:
    assert ErrorEstimate.decode(bits).encode() == bits


@given(st.integers(0, 10**18), st.booleans(), st.booleans())
def test_an_error_estimate_is_never_below_the_error_and_at_most_one_percent_above(
    error: int, synchronised: bool, ptp: bool
) -> None:
    estimate = ErrorEstimate.of(error, synchronised=synchronised, ptp=ptp)
    assert estimate == ErrorEstimate.decode(estimate.encode())
    assert estimate.multiplier
    assert estimate.error is not None
    assert error <= estimate.error <= error + error // 100 + 1


def test_an_error_beyond_the_field_is_the_largest_it_can_say() -> None:
    assert ErrorEstimate.of(10**30, synchronised=False).encode() == 0x3FFF
