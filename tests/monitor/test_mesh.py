"""A mesh as Prometheus's answers make it: who is a node, what a cell is made of, and each way by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from netecho.monitor.mesh import MOST_NODES, Cell, Matrix, OneWay, Way, matrix
from netecho.net.prometheus import Series
from netecho.report.prometheus import queries

WHATS = tuple(queries.mesh("5m"))


def of(value: float, **labels: str) -> Series:
    return Series(labels, value)


def nodes(*names: str) -> list[Series]:
    return [of(1, node=name) for name in names]


def test_a_cell_is_made_of_all_that_is_said_of_the_pair() -> None:
    found = matrix(
        {
            "nodes": nodes("b", "a"),
            "p50": [of(0.01, node="a", target="b")],
            "p99": [of(0.02, node="a", target="b")],
            "received": [of(90, node="a", target="b")],
            "lost": [
                of(4, node="a", target="b", direction="forward"),
                of(1, node="a", target="b", direction="backward"),
                of(5, node="a", target="b", direction="unknown"),
            ],
            "state": [of(1, node="a", target="b", state="up")],
            "oneway_p50": [of(0.004, node="a", target="b", direction="forward")],
            "oneway_p99": [of(0.009, node="a", target="b", direction="backward")],
        }
    )
    assert found.nodes == ["a", "b"]
    cell = found.cells["a", "b"]
    assert cell == Cell(
        state="up",
        p50=0.01,
        p99=0.02,
        received=90,
        lost=10,
        forward=OneWay(0.004, None, 4),
        backward=OneWay(None, 0.009, 1),
    )
    assert cell.loss_percent == 10


def test_a_node_that_is_cut_off_is_still_one() -> None:
    found = matrix({"nodes": nodes("a", "b"), "state": [of(1, node="a", target="b", state="down")]})
    assert (found.nodes, set(found.cells)) == (["a", "b"], {("a", "b")})


def test_what_is_no_node_is_left_out() -> None:
    pairs = [("a", "www"), ("", "a"), ("a", "")]
    found = matrix({"p50": [of(1, node=node, target=target) for node, target in pairs] + [of(1)]})
    assert (found.nodes, found.cells) == (["a"], {})


@pytest.mark.parametrize(
    ("cells", "way"),
    [
        ({}, None),
        ({("a", "b"): Cell(p50=1.0)}, None),
        ({("a", "b"): Cell(received=8, forward=OneWay(1.0, 2.0, 2))}, Way(p50=1.0, p99=2.0, loss_percent=20)),
        ({("b", "a"): Cell(received=9, backward=OneWay(3.0, 4.0, 1))}, Way(p50=3.0, p99=4.0, loss_percent=10)),
        (
            {
                ("a", "b"): Cell(received=10, forward=OneWay(1.0, 2.0, 0)),
                ("b", "a"): Cell(received=9, backward=OneWay(3.0, 4.0, 1)),
            },
            Way(p50=1.0, p99=2.0, loss_percent=10),
        ),
    ],
)
def test_one_way_is_what_either_end_says_of_it(cells: dict[tuple[str, str], Cell], way: Way | None) -> None:
    assert Matrix(["a", "b"], cells).way("a", "b") == way


def test_of_more_nodes_than_fit_the_rest_is_counted() -> None:
    found = matrix({"nodes": nodes(*(f"n{n:04}" for n in range(MOST_NODES + 3)))})
    assert (len(found.nodes), found.left_out) == (MOST_NODES, 3)


LABELS: Any = st.dictionaries(st.sampled_from(["node", "target", "direction", "state", "x"]), st.text(max_size=3))
SERIES = st.builds(Series, LABELS, st.floats(allow_nan=False, allow_infinity=False))


@given(st.dictionaries(st.sampled_from(WHATS), st.lists(SERIES, max_size=5)))
def test_whatever_is_answered_makes_a_matrix(answers: dict[str, list[Series]]) -> None:
    found = matrix(answers)
    for here, there in found.cells:
        assert here in found.nodes
        assert there in found.nodes
        loss = found.cells[here, there].loss_percent
        assert loss is None or 0 <= loss <= 100
        found.way(here, there)
