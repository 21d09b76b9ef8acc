"""When flows are added no more."""

from __future__ import annotations

from netecho.load.growth import Growth, is_stable, moving_averages
from netecho.load.parameters import MAD


def test_averages_move() -> None:
    assert moving_averages([1, 2, 3, 4, 5]) == [1, 1.5, 2, 2.5, 3.5]


def test_a_goodput_that_no_longer_grows_is_saturated_and_stays_so() -> None:
    growth = Growth()
    assert all(growth.interval(goodput) for goodput in (1, 2, 4, 8))
    more = [growth.interval(8) for _ in range(2 * MAD)]
    assert not more[-1]
    assert growth.saturated
    assert not growth.interval(1)


def test_few_intervals_are_not_stable() -> None:
    assert not is_stable([5.0] * (MAD - 1))
    assert is_stable([5.0] * MAD)
    assert not is_stable([1.0, 2.0, 3.0, 4.0])
    assert is_stable([0.0] * MAD)
