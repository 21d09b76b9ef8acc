"""The far clock: apart, drifting, or fine."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.clocks import Observed, judge
from netecho.measure.oneway.clock_offset import Line
from netecho.units import MILLISECOND, SECOND
from tests.diagnose.checks.said import codes, is_well_formed, only, words
from tests.diagnose.observations import oneway


def line(offset: float = 0.0, drift: float | None = 0.0, within: float = 100_000.0) -> Line:
    return Line(at=0.0, offset=offset, drift=drift, within=within)


def test_without_timestamps_nothing_is_tested() -> None:
    assert words(judge(Observed(None))) == "the far end puts no timestamps in: there is no STAMP reflector"
    assert words(judge(Observed(oneway()))) == "no reply had timestamps that can be believed"


@pytest.mark.parametrize(
    ("offset", "found"),
    [
        (0, []),
        (0.9 * SECOND, []),
        (-0.9 * SECOND, []),
        (1.1 * SECOND, ["clock-offset"]),
        (-40 * SECOND, ["clock-offset"]),
    ],
)
def test_an_offset_of_more_than_a_second_is_found(offset: float, found: list[str]) -> None:
    assert codes(judge(Observed(oneway(line=line(offset))))) == found


def test_it_is_said_which_clock_is_ahead() -> None:
    assert only(judge(Observed(oneway(line=line(2.5 * SECOND))))).sentence.startswith(
        "The far clock is 2.50 s ahead of this one"
    )
    assert "is 2.50 s behind this one" in only(judge(Observed(oneway(line=line(-2.5 * SECOND))))).sentence


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("ppm", "within", "found"),
    [
        (50, 10_000, []),  # an ordinary quartz
        (190, 10_000, []),
        (250, 10_000, ["clock-drift"]),
        (500, MILLISECOND, []),  # less than what it may be wrong by
        (2000, MILLISECOND, ["clock-drift"]),
    ],
)
def test_a_drift_that_no_quartz_has_is_found_where_it_is_known(
    sign: int, ppm: float, within: float, found: list[str]
) -> None:
    assert codes(judge(Observed(oneway(line=line(0, sign * ppm / 1e6, within))))) == found


def test_what_one_way_delays_are_worth_is_said() -> None:
    assert "as stamped" in words(judge(Observed(oneway(line=line(), clock="synced"))))
    assert "is not seen" in words(judge(Observed(oneway(line=line(), clock="estimated"))))


FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e19, max_value=1e19)


@given(FINITE, st.none() | st.floats(-1, 1), FINITE.map(abs))
def test_any_line_is_judged(offset: float, drift: float | None, within: float) -> None:
    assert is_well_formed(judge(Observed(oneway(line=line(offset, drift, within)))), "clocks")


def test_behind_a_full_queue_clocks_are_not_judged() -> None:
    outcome = judge(Observed(oneway(line=line(0, 0.05, 1000)), queue=290 * MILLISECOND))
    assert codes(outcome) == []
    assert "290 ms" in words(outcome)
