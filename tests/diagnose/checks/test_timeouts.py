"""Idle flows that are forgotten."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.timeouts import Observed, Silence, judge, timeout
from netecho.units import SECOND
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words


def flows(after: int, *, longest: int = 60, lost: float = 0.0, step: int = 1, seed: int = 1) -> list[Silence]:
    """Silences of each length in seconds, of which those of `after` and more are forgotten, and some lost by chance."""
    random = Random(seed)
    return [
        Silence(length * SECOND, length < after and random.random() >= lost)
        for length in range(step, longest + 1, step)
    ]


@given(st.integers(1, 58))
def test_the_timeout_is_told_to_the_step(after: int) -> None:
    found = timeout(flows(after))
    assert found is not None
    assert (found.remembered, found.forgotten) == ((after - 1) * SECOND, after * SECOND)


@pytest.mark.parametrize("seed", range(20))
def test_a_few_losses_move_it_by_little(seed: int) -> None:
    found = timeout(flows(30, lost=0.02, seed=seed))
    assert found is not None
    assert abs(found.forgotten - 30 * SECOND) <= SECOND


def test_flows_that_are_all_remembered_are_fine() -> None:
    outcome = judge(Observed(udp=flows(1000), tcp=flows(1000, step=5)))
    assert codes(outcome) == []
    assert words(outcome).count("60.00 s of silence") == 2


@pytest.mark.parametrize("seed", range(20))
def test_losses_by_chance_are_no_timeout(seed: int) -> None:
    assert timeout(flows(1000, lost=0.05, seed=seed)) is None


def test_a_udp_flow_that_is_forgotten_early_is_a_warning() -> None:
    found = only(judge(Observed(udp=flows(30), kept_alive=True)))
    assert (found.code, found.severity, found.direction) == ("udp-timeout", "warning", "backward")
    assert "after 29.00 s to 30.00 s of silence" in found.sentence
    assert "keeps them" in found.sentence
    assert evidence(found)["keepalives_help"] == "yes"


def test_after_two_minutes_it_is_as_the_rfc_allows() -> None:
    assert only(judge(Observed(udp=flows(130, longest=180)))).severity == "info"


def test_a_tcp_connection_that_is_forgotten() -> None:
    found = only(judge(Observed(tcp=flows(20, step=5))))
    assert (found.code, found.severity, found.direction) == ("tcp-timeout", "warning", "forward")


def test_what_was_not_tried_is_said() -> None:
    assert "no reflector" in words(judge(Observed(tcp=flows(1000), why_no_udp="no reflector")))


@given(
    st.lists(st.builds(Silence, st.integers(1, 10**12), st.booleans())),
    st.lists(st.builds(Silence, st.integers(1, 10**12), st.booleans())),
    st.none() | st.booleans(),
)
def test_whatever_was_observed_is_judged(udp: list[Silence], tcp: list[Silence], kept: bool | None) -> None:
    assert is_well_formed(judge(Observed(udp, tcp, kept, "nothing", "nothing")), "timeouts")
