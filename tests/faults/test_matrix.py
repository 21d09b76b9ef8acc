"""How runs are judged."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.faults.expected import EXPECTED
from tests.faults.matrix import Score, matrix
from tests.faults.play import Finding, Run
from tests.faults.scenarios import BY_NAME, SCENARIOS, Scenario


def scenario(*names: str) -> Scenario:
    return Scenario(faults=tuple(BY_NAME[name] for name in names))


def run(*findings: tuple[str, str | None], name: str = "clean") -> Run:
    return Run(scenario=name, findings=tuple(Finding(*each) for each in findings), seconds=2.0, octets=5000)


@pytest.mark.parametrize(
    ("faults", "findings", "score"),
    [
        ([], [], Score()),
        ([], [("loss", "forward")], Score(others=1)),
        (["busy"], [], Score()),
        (["loss-forward"], [], Score(faults=1)),
        (["loss-forward"], [("loss", "forward")], Score(faults=1, found=1, directions=1, right=1)),
        (["loss-forward"], [("loss", "backward")], Score(faults=1, found=1, directions=1)),
        (["loss-forward"], [("loss", "forward"), ("loss", "backward")], Score(faults=1, found=1, directions=1)),
        (["nat"], [("nat", None)], Score(faults=1, found=1)),
        (["nat"], [("nat", None), ("loss", None)], Score(faults=1, found=1, others=1)),
        (["sip-alg"], [("nat", None)], Score(faults=1)),
        (
            ["loss-forward", "loss-backward"],
            [("loss", "forward"), ("loss", "backward")],
            Score(faults=2, found=2, directions=2, right=2),
        ),
        (["loss-forward", "nat"], [("loss", "forward")], Score(faults=2, found=1, directions=1, right=1)),
    ],
)
def test_a_run_is_judged(faults: list[str], findings: list[tuple[str, str | None]], score: Score) -> None:
    assert Score.of(scenario(*faults), run(*findings)) == score


def test_scores_add_up() -> None:
    assert Score(1, 2, 3, 4, 5) + Score(10, 20, 30, 40, 50) == Score(11, 22, 33, 44, 55)


def test_the_matrix_has_a_row_a_scenario_and_a_column_a_code() -> None:
    played = [scenario(), scenario("loss-forward")]
    runs = [run(), run(("loss", "forward"), name="loss-forward"), run(("nat", None), name="loss-forward")]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(matrix(played, runs))
    rows = [line.replace("│", " ").split() for line in console.export_text().splitlines() if "│" in line]
    assert rows == [
        ["clean", "-", "-", "0.00", "2.0", "5"],
        ["loss-forward", "50%", "100%", "0.50", "2.0", "5", "1", "1"],
        ["all", "50%", "100%", "0.33", "2.0", "5"],
    ]


def test_a_scenario_that_was_played_in_two_ways_has_two_rows() -> None:
    both = [run(name="policer"), replace(run(("policer", "forward"), name="policer"), options=("--deep",))]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(matrix([scenario("policer")], both))
    rows = [line.split("│")[:2] for line in console.export_text().splitlines() if "policer" in line and "│" in line]
    assert [first.strip() for _, first in rows] == ["policer", "policer --deep"]


def test_every_fault_says_what_is_expected_of_it() -> None:
    assert set(EXPECTED) == set(BY_NAME)


def test_scenarios_have_names_of_their_own() -> None:
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
