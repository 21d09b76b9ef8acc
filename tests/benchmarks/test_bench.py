"""The rounds of a benchmark, and what is said of two checkouts that were measured in the same ones."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.benchmarks import tools
from tests.benchmarks.__main__ import found
from tests.benchmarks.bench import Benchmark, Figure, Scale, document, measure, table, worse

RATE = Figure("netecho", "echoes/s")
LAG = Figure("lag p99", "µs", ("<=", 300))


def compared(figure: Figure, ours: list[float], theirs: list[float]) -> tuple[str, dict[str, object]]:
    """The table and the JSON row of a benchmark that gives these values, round by round."""
    values = {"ours": iter(ours), "theirs": iter(theirs)}

    def measured(_: Scale) -> dict[str, float]:
        return {figure.name: next(values["theirs" if tools.NETECHO == ["theirs"] else "ours"])}

    each = Benchmark("name", "about", (figure,), measured)
    results = measure([each], len(ours), Scale(), lambda _: None, ["theirs"])
    rows: Any = document(results, Scale())["figures"]
    return table(results), rows[0]


def test_both_are_measured_in_each_round_and_neither_is_always_first() -> None:
    order: list[bool] = []

    def measured(_: Scale) -> dict[str, float]:
        order.append(tools.NETECHO == ["theirs"])
        return {}

    measure([Benchmark("name", "about", (), measured)], 3, Scale(), lambda _: None, ["theirs"])
    assert order == [False, True, True, False, False, True]
    assert tools.NETECHO[0] == sys.executable, "the usual command is back"


@pytest.mark.parametrize(
    ("figure", "before", "after", "expected"),
    [
        (RATE, [100, 104], [90, 91], True),
        (RATE, [100, 104], [99, 100], False),
        (RATE, [90, 91], [100, 104], False),
        (LAG, [100, 104], [110, 111], True),
        (LAG, [100, 104], [104, 105], False),
        (LAG, [110, 111], [100, 104], False),
    ],
)
def test_worse_is_what_the_spread_of_the_rounds_does_not_explain(
    figure: Figure, before: list[float], after: list[float], expected: bool
) -> None:
    assert worse(figure, before, after) is expected


def test_a_figure_that_is_worse_is_named_in_the_table_and_the_document() -> None:
    shown, row = compared(LAG, [200, 210, 220], [100, 101, 102])
    assert "210.0 µs" in shown
    assert "101.0" in shown
    assert "WORSE" in shown
    assert row["before"] == {"median": 101, "rounds": [100, 101, 102]}
    assert row["worse"] is True


def test_every_benchmark_is_found_and_no_figure_twice() -> None:
    names = [each.name for each in found()]
    assert len(names) == len(set(names)) > 5
