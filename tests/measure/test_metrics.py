"""Values of figures, as people read them."""

from __future__ import annotations

import pytest

from netecho.measure.metrics import METRICS, Unit, distribution
from netecho.measure.result import Setup
from netecho.measure.stats.distribution import Distribution
from netecho.measure.summary import Summary


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        (Unit.TIME, 20_000_000, "20 ms"),
        (Unit.TIME, 1_234_567, "1.234567 ms"),
        (Unit.TIME, 1, "0.000001 ms"),
        (Unit.TIME, 0, "0 ms"),
        (Unit.TIME, 300.04, "0.0003 ms"),
        (Unit.TIME, -1_500_000, "-1.5 ms"),
        (Unit.COUNT, 100, "100"),
        (Unit.COUNT, 0, "0"),
        (Unit.PERCENT, 100.0, "100%"),
        (Unit.PERCENT, 0.1234, "0.123%"),
        (Unit.PERCENT, -0.0001, "0%"),
    ],
)
def test_a_value(unit: Unit, value: float, shown: str) -> None:
    assert unit.show(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(5, "+5"), (0, "0"), (-5, "-5")])
def test_a_change_says_which_way(value: float, shown: str) -> None:
    assert Unit.COUNT.show(value, signed=True) == shown


def test_a_distribution_that_a_run_does_not_have_has_no_values() -> None:
    rows = distribution("forward", lambda _: None)
    assert list(rows) == [name.replace("rtt.", "forward.") for name in METRICS if name.startswith("rtt.")]
    assert {metric.get(Summary(), Setup()) for metric in rows.values()} == {None}


def test_each_figure_is_its_own() -> None:
    figures = {"min": 1, "p50": 2, "p90": 3, "p95": 4, "p99": 5, "p99_9": 6, "max": 7, "mean": 8.0, "stddev": 9.0}
    for kind in ("rtt", "response", "lag"):
        summary = Summary(**{kind: Distribution(**figures)})  # type: ignore[arg-type]
        assert {name: METRICS[f"{kind}.{name}"].get(summary, Setup()) for name in figures} == figures


@pytest.mark.parametrize("name", ["connect", "tls"])
def test_phases_are_of_the_one_connection_or_the_median_of_many(name: str) -> None:
    many = Summary(**{name: Distribution(p50=7)})  # type: ignore[arg-type]
    get = METRICS[name].get
    assert get(Summary(), Setup(**{name: 5})) == 5
    assert get(many, Setup()) == 7
    assert get(Summary(), Setup()) is None
