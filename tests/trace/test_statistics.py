"""Fisher's exact test, held against figures that are known."""

from __future__ import annotations

import pytest

from netecho.trace.statistics import Share, chance, total


@pytest.mark.parametrize(
    ("fewer", "more", "expected"),
    [
        # The lady who tasted tea: 3 of 4 each way, one-sided.
        (Share(1, 4), Share(3, 4), 17 / 70),
        (Share(0, 4), Share(4, 4), 1 / 70),
        (Share(0, 10), Share(0, 10), 1.0),
        (Share(0, 0), Share(5, 10), 1.0),
        (Share(10, 10), Share(10, 10), 1.0),
    ],
)
def test_how_likely_it_is_by_chance(fewer: Share, more: Share, expected: float) -> None:
    assert chance(fewer, more) == pytest.approx(expected)


def test_large_numbers_are_no_matter() -> None:
    assert chance(Share(10_000, 1_000_000), Share(10_100, 1_000_000)) == pytest.approx(0.24, abs=0.02)


def test_shares_are_added_and_shown() -> None:
    assert str(total([Share(1, 50), Share(2, 50)])) == "3.0% (3 of 100)"
    assert [str(Share(*each)) for each in ((0, 9), (1, 1000), (1, 3))] == [
        "0% (0 of 9)",
        "0.1% (1 of 1,000)",
        "33% (1 of 3)",
    ]
