"""Round trips per minute, of times that are known."""

from __future__ import annotations

import pytest

from netecho.load.rpm import responsiveness, trimmed_mean, words
from netecho.load.run import Exchange
from netecho.units import MILLISECOND, SECOND

MS = MILLISECOND


def exchanges(seconds: int, tcp: int, http: int) -> list[Exchange]:
    return [Exchange(at, tcp * MS, http * MS) for at in range(0, seconds * SECOND + 1, SECOND // 10)]


def test_the_largest_times_are_left_out() -> None:
    assert trimmed_mean([10] * 95 + [1000] * 5) == 10
    assert trimmed_mean([7]) == 7
    assert trimmed_mean([]) is None


def test_the_formula_without_tls() -> None:
    found = responsiveness(exchanges(10, 20, 40), [(at * SECOND, 50 * MS) for at in range(11)])
    assert found is not None
    assert found.foreign == pytest.approx(2000)
    assert found.loaded == pytest.approx(1200)
    assert found.rpm == pytest.approx(1600)
    assert (found.confidence, found.words) == ("high", "good")


def test_with_tls_its_handshake_is_a_third_part() -> None:
    found = responsiveness([each._replace(tls=60 * MS) for each in exchanges(10, 20, 40)], [])
    assert found is not None
    assert found.foreign == pytest.approx(1500)


def test_only_the_latest_intervals_count() -> None:
    early = [each._replace(http=900 * MS) for each in exchanges(5, 20, 40)]
    late = [each._replace(at=each.at + 6 * SECOND) for each in exchanges(8, 20, 40)]
    found = responsiveness([*early, *late], [])
    assert found is not None
    assert found.rpm == pytest.approx(2000)
    assert found.loaded is None


def test_confidence() -> None:
    short = responsiveness(exchanges(1, 20, 40), [])
    growing = responsiveness([Exchange(n * SECOND // 10, (20 + 5 * n) * MS, 40 * MS) for n in range(100)], [])
    assert short is not None
    assert growing is not None
    assert (short.confidence, growing.confidence) == ("low", "medium")
    assert responsiveness([], []) is None


@pytest.mark.parametrize(("rpm", "word"), [(299, "poor"), (300, "fair"), (1000, "good"), (6000, "excellent")])
def test_words(rpm: float, word: str) -> None:
    assert words(rpm) == word
