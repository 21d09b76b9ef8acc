"""Figures in sentences."""

from __future__ import annotations

import pytest

from netecho.diagnose.statistics import Interval
from netecho.diagnose.words import between, many, percent, time


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (0, "0.000 ms"),
        (123_456, "0.123 ms"),
        (-2_345_678, "-2.35 ms"),
        (12_345_678, "12.3 ms"),
        (123_456_789, "123 ms"),
        (2_500_000_000, "2.50 s"),
        (-3_600_000_000_000, "-3,600.00 s"),
    ],
)
def test_a_time_has_about_three_digits(nanoseconds: int, words: str) -> None:
    assert time(nanoseconds) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0%"), (0.00126, "0.13%"), (0.0213, "2.1%"), (0.3149, "31%"), (1, "100%")]
)
def test_a_share_has_about_two(share: float, words: str) -> None:
    assert percent(share) == words


def test_an_interval_and_a_number_of_things_are_told() -> None:
    assert between(Interval(0.012, 0.034)) == "between 1.2% and 3.4%"
    assert (many(1, "probe"), many(0, "probe"), many(1000, "probe")) == ("1 probe", "0 probes", "1,000 probes")
