"""Bytes that come back changed, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.payload import Observed, Sample, judge
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.observations import losing, run, schedule

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome

WHATS = ("bytes that mean nothing", "our own address as text", "a SIP request", "an FTP command", "our own address")


def sample(
    what: str = WHATS[0], *, transport: str = "UDP port 7007", lost: int = 0, changed_at: int | None = None
) -> Sample:
    fates = losing(schedule(1, 6, (64,)), lambda fate: fate.scheduled < lost * 5_000_000)
    fates = [fate._replace(corrupt_at=None if fate.rtt is None else changed_at) for fate in fates]
    return Sample(transport, what, bytes(range(64)), run(fates))


def judged(*first: Sample, lost: int = 0) -> Outcome:
    """These, and others beside them that come back as they were."""
    return judge(Observed([*first, *(sample(what, lost=lost) for what in WHATS[1:])]))


def test_payloads_that_come_back_as_sent_are_fine() -> None:
    assert words(judged()) == "4 payloads came back as sent, addresses and SIP among them"


def test_without_an_echo_nothing_is_tested() -> None:
    assert words(judge(Observed([]))) == "no echo over UDP or TCP answered"
    assert codes(judge(Observed([]))) == []


def test_one_that_comes_back_changed_is_critical_and_says_where() -> None:
    found = only(judged(sample("a SIP request", changed_at=40)))
    assert (found.code, found.severity) == ("payload-rewritten", "critical")
    assert found.sentence.startswith("A SIP request over UDP port 7007 came back changed from byte 40 on")
    assert (evidence(found)["offset"], evidence(found)["changed"]) == (40, 6)


def test_what_was_sent_near_the_change_is_shown_without_bytes_that_a_terminal_obeys() -> None:
    near = evidence(only(judged(sample(changed_at=27))))["sent_near"]
    assert isinstance(near, str)
    assert r"\x1b" not in near  # ASCII; escaped where it is printed


def test_one_that_is_never_answered_while_others_are_is_dropped() -> None:
    found = only(judged(sample("a SIP request", lost=6)))
    assert (found.code, found.severity, found.confidence) == ("payload-dropped", "critical", "likely")


@pytest.mark.parametrize("lost", [1, 5])
def test_one_of_which_a_single_echo_came_is_not(lost: int) -> None:
    assert codes(judged(sample(lost=lost))) == []


def test_where_others_are_lost_as_well_it_may_be_chance() -> None:
    assert codes(judged(sample(lost=6), lost=3)) == []


def test_where_nothing_is_answered_nobody_looks_into_payloads() -> None:
    assert codes(judged(sample(lost=6), lost=6)) == []
    assert "none of the payloads was answered" in words(judged(sample(lost=6), lost=6))


def test_a_transport_is_compared_with_itself_alone() -> None:
    assert codes(judged(sample("a SIP request", transport="TCP port 7007", lost=6))) == []


SAMPLES = st.builds(
    sample,
    st.sampled_from(WHATS),
    transport=st.sampled_from(["UDP port 7", "TCP port 7"]),
    lost=st.integers(0, 6),
    changed_at=st.none() | st.integers(0, 2000),
)


@given(st.lists(SAMPLES, max_size=10))
def test_any_samples_are_judged(samples: list[Sample]) -> None:
    assert is_well_formed(judge(Observed(samples)), "payload")
