"""The same fault is not told twice, and each can be seen again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netecho.diagnose.explain import EXPLAINED_BY, explained, with_commands
from netecho.diagnose.finding import Check, Figure, Finding, Fine
from tests.diagnose.checks.said import codes, evidence, only

if TYPE_CHECKING:
    from netecho.diagnose.finding import Direction


def finding(code: str) -> Finding:
    return Finding(check="tcp", code=code, severity="warning", confidence="certain", sentence="Something.")


def test_what_another_finding_brings_about_goes_into_its_evidence() -> None:
    outcome = explained([finding("retransmissions"), finding("loss"), Fine("clocks", "fine")])
    found = only(outcome)
    assert found.code == "loss"
    assert evidence(found)["also_seen"] == "retransmissions"
    assert outcome[-1] == Fine("clocks", "fine")


def test_what_nothing_explains_stays() -> None:
    assert codes(explained([finding("retransmissions")])) == ["retransmissions"]
    assert codes(explained([finding("retransmissions"), finding("nat")])) == ["retransmissions", "nat"]


def test_nothing_explains_itself_away() -> None:
    """However the table grows: of any findings at least one is left."""
    for effect, causes in EXPLAINED_BY.items():
        for cause in causes:
            assert codes(explained([finding(effect), finding(cause)])) == [cause]
    assert codes(explained([finding(code) for code in EXPLAINED_BY])) != []


@pytest.mark.parametrize(
    ("lost", "way", "left"),
    [
        ((0.0, 0.0, 100.0), "backward", ["mtu-black-hole"]),
        ((0.0, 100.0, 100.0), "backward", ["mtu-black-hole"]),
        ((2.0, 1.5, 100.0), "backward", ["loss-by-size", "mtu-black-hole"]),
        ((0.0, 0.0, 20.0), "backward", ["loss-by-size", "mtu-black-hole"]),
        ((0.0, 0.0, 100.0), "forward", ["loss-by-size", "mtu-black-hole"]),
    ],
)
def test_a_black_hole_explains_the_loss_of_all_long_packets_in_its_direction(
    lost: tuple[float, ...], way: Direction, left: list[str]
) -> None:
    shares = tuple(Figure(f"lost_of_{n}_bytes", share, "percent") for n, share in enumerate(lost))
    by_size = replace(finding("loss-by-size"), evidence=shares, direction=way)
    assert codes(explained([by_size, replace(finding("mtu-black-hole"), direction="backward")])) == left


@pytest.mark.parametrize("limit", ["policer", "shaper"])
@pytest.mark.parametrize(
    ("rate", "way", "left"),
    [(1e6, "forward", 1), (2.05e6, "forward", 1), (5e6, "forward", 2), (1e6, "backward", 2), (1e6, None, 1)],
)
def test_a_limit_explains_losses_at_its_rate_and_in_its_direction_alone(
    limit: str, rate: float, way: Direction | None, left: int
) -> None:
    met = replace(finding(limit), evidence=(Figure("rate", rate, "bit/s"),), direction="forward")
    outcome = explained([replace(finding("loss"), direction=way), met, finding("retransmissions")])
    assert codes(outcome) == ["loss", limit][-left:]


# The command


def test_what_names_no_command_is_shown_again_by_its_check_alone() -> None:
    every: tuple[tuple[Check, str | None], ...] = (
        ("translation", "netecho diagnose 'a b:7' --only translation"),
        ("rate", "netecho diagnose 'a b:7' --only rate --deep"),
        ("host", None),  # not the path
    )
    for check, command in every:
        assert only(with_commands([replace(finding("any"), check=check)], "a b:7")).command == command
    assert only(with_commands([replace(finding("any"), command="ss -ti")], "host")).command == "ss -ti"
