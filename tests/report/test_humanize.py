import pytest

from netecho.report.humanize import clock, many, ms, percent, quantity, size, span, time


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 ms"), (0.123456, "0.123 ms"), (1.23456, "1.23 ms"), (200, "200 ms"), (999.9, "1000 ms"), (2500, "2.5 s")],
)
def test_a_time_in_a_sentence(value: float, shown: str) -> None:
    assert time(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (0.123456, "0.123"), (1234.5, "1234.500")])
def test_a_time_in_a_table(value: float | None, shown: str) -> None:
    assert ms(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0.00 s"),
        (310, "0.31 s"),
        (9994, "9.99 s"),
        (9999, "10.0 s"),
        (12_345, "12.3 s"),
        (59_960, "1 min 00 s"),
        (250_000, "4 min 10 s"),
        (3_599_600, "1 h 00 min"),
        (11_100_000, "3 h 05 min"),
    ],
)
def test_how_long_something_took(value: float, shown: str) -> None:
    assert span(value) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0%"),
        (0, 10, "0%"),
        (1, 3, "33.3%"),
        (10, 10, "100%"),
        (9999, 10_000, "over 99.9%"),
        (1, 10**6, "under 0.001%"),
        (1, 10**5, "0.001%"),
    ],
)
def test_a_share_is_0_only_for_nothing_and_100_only_for_all(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown


def test_numbers_of_things() -> None:
    assert [many(1, "probe"), many(0, "probe"), many(1000, "probe"), many(2, "reply", "replies")] == [
        *("1 probe", "0 probes", "1,000 probes", "2 replies")
    ]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (950, "950"), (999.6, "1.0k"), (12_345, "12.3k"), (123_456, "123k"), (1.2e6, "1.2M"), (5e12, "5000G")],
)
def test_quantity(count: float, shown: str) -> None:
    assert quantity(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (950, "950 B"),
        (1023, "1.0 KiB"),
        (12_345, "12.1 KiB"),
        (1 << 20, "1.0 MiB"),
        (1 << 62, "4194304 TiB"),
    ],
)
def test_size(count: float, shown: str) -> None:
    assert size(count) == shown


def test_clock_is_local_time() -> None:
    assert clock(1_795_412_400_123_456_789) == "05:40:00.123"
