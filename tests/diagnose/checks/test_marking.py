"""What becomes of DSCP and ECN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.marking import Marked, Observed, judge
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.diagnose.finding import Outcome

DSCPS = (8, 10, 18, 26, 34, 40, 46, 48)


def kept(mark: Marked) -> Marked:
    return mark._replace(dscp_there=mark.dscp, ecn_there=mark.ecn, dscp_back=mark.dscp)


def judged(became: Callable[[Marked], Marked] = lambda mark: mark, *, plain: int = 6, said: bool = True) -> Outcome:
    """Marks of which each became something; a reflector says so, or nobody does."""
    marks = [Marked(dscp, 0, 6, 6) for dscp in DSCPS] + [Marked(0, ecn, 6, 6) for ecn in (1, 2, 3)]
    every = [became(kept(mark) if said else mark) for mark in marks]
    return judge(Observed(Marked(0, 0, 6, plain), every, "stamp://host"))


def gone(*dscps: int, ecn: tuple[int, ...] = ()) -> Callable[[Marked], Marked]:
    return lambda mark: (
        Marked(mark.dscp, mark.ecn, 6, 0) if mark.dscp in dscps or (mark.ecn and mark.ecn in ecn) else mark
    )


def test_marks_that_are_kept_are_fine() -> None:
    assert codes(judged()) == []
    assert "DSCP and ECN arrive as they were sent (11 codepoints)" in words(judged())


def test_where_nobody_says_how_they_arrived_only_what_is_dropped_is_found() -> None:
    assert codes(judged(said=False)) == []
    assert "the far end does not say how packets arrived" in words(judged(said=False))
    assert codes(judged(gone(46), said=False)) == ["dscp-dropped"]


def test_ecn_on_the_way_back_is_never_tested_and_says_so() -> None:
    assert "ECN on the way back" in words(judged())


@pytest.mark.parametrize(
    ("became", "code", "direction"),
    [
        (lambda mark: mark._replace(dscp_there=0), "dscp-cleared", "forward"),
        (lambda mark: mark._replace(dscp_back=0), "dscp-cleared", "backward"),
        (lambda mark: mark._replace(dscp_there=mark.dscp and 8), "dscp-rewritten", "forward"),
        (lambda mark: mark._replace(dscp_back=mark.dscp and 8), "dscp-rewritten", "backward"),
    ],
)
def test_a_dscp_that_is_changed_is_found_in_its_direction(
    became: Callable[[Marked], Marked], code: str, direction: str
) -> None:
    found = only(judged(became))
    assert (found.code, found.direction, found.severity) == (code, direction, "info")


def test_one_that_is_cleared_there_is_named() -> None:
    found = only(judged(lambda mark: mark._replace(dscp_there=0) if mark.dscp == 46 else mark))
    assert evidence(found) == {"changed": "46 to 0"}


def test_a_dscp_that_is_dropped_is_found() -> None:
    found = only(judged(gone(46, 48)))
    assert (found.code, found.severity, evidence(found)) == ("dscp-dropped", "warning", {"dscp": "46, 48"})


def test_ecn_that_is_dropped_is_found() -> None:
    found = only(judged(gone(ecn=(1, 2, 3))))
    assert (found.code, found.severity, evidence(found)) == ("ecn-blocked", "warning", {"ecn": "ect1 ect0 ce"})


def test_all_marks_may_be_dropped_where_plain_packets_pass() -> None:
    assert codes(judged(gone(*DSCPS, ecn=(1, 2, 3)))) == ["dscp-dropped", "ecn-blocked"]


@pytest.mark.parametrize("answered", [1, 5])
def test_one_of_which_a_single_packet_is_answered_is_not_dropped(answered: int) -> None:
    assert codes(judged(lambda mark: mark._replace(received=answered) if mark.dscp == 46 else mark)) == []


def test_where_half_of_all_is_lost_one_that_is_not_answered_may_be_chance() -> None:
    outcome = judged(lambda mark: mark._replace(received=0 if mark.dscp == 46 else 3), plain=3)
    assert codes(outcome) == []
    assert "too many packets are lost to tell" in words(outcome)


def test_nothing_is_compared_with_unmarked_packets_that_are_not_answered() -> None:
    assert codes(judged(gone(46), plain=2)) == []
    assert "too few unmarked packets" in words(judged(plain=2))


@pytest.mark.parametrize(
    ("sent", "arrived", "found"),
    [
        (2, 0, ["ecn-bleached"]),
        (1, 2, ["ecn-bleached"]),
        (3, 0, ["ecn-bleached"]),
        (2, 3, ["ecn-marked"]),
        (1, 3, ["ecn-marked"]),
        (3, 3, []),
        (2, 2, []),
    ],
)
def test_ecn_that_is_bleached_is_found(sent: int, arrived: int, found: list[str]) -> None:
    assert codes(judged(lambda mark: mark._replace(ecn_there=arrived) if mark.ecn == sent else mark)) == found


MARKED = st.builds(
    Marked,
    dscp=st.integers(0, 63),
    ecn=st.integers(0, 3),
    sent=st.integers(0, 8),
    received=st.integers(0, 9),
    dscp_there=st.none() | st.integers(0, 63),
    ecn_there=st.none() | st.integers(0, 3),
    dscp_back=st.none() | st.integers(0, 63),
)


@given(MARKED, st.lists(MARKED, max_size=14))
def test_anything_is_judged(plain: Marked, marked: list[Marked]) -> None:
    assert is_well_formed(judge(Observed(plain, marked, "udp://host")), "marking")


@given(st.lists(st.builds(Marked, st.integers(0, 63), st.integers(0, 3), st.just(6), st.integers(1, 6)).map(kept)))
def test_marks_that_arrive_as_they_left_are_never_a_finding(marked: list[Marked]) -> None:
    assert codes(judge(Observed(Marked(0, 0, 6, 6), marked, "udp://host"))) == []
