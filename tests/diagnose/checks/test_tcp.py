"""What TCP met on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.tcp import Observed, judge
from netecho.measure.facts import NO_FACTS, TransportFacts
from netecho.measure.facts.tcp import TcpFacts
from netecho.measure.loss_reason import LossReason
from tests.diagnose.checks.said import codes, is_well_formed, only, words
from tests.diagnose.observations import MS, USUAL, delaying, losing, run, schedule

if TYPE_CHECKING:
    from netecho.diagnose.run import Run

HEALTHY = TcpFacts(retransmits=0, segments_sent=400, window_scale=True, sack=True)


def echoes(facts: TcpFacts | None = HEALTHY, *, slower: int = 0) -> Run:
    fates = delaying(schedule(1, 20, (64,)), lambda _: slower)
    return run(fates, facts=NO_FACTS if facts is None else TransportFacts(tcp=facts))


def test_a_healthy_connection_is_fine() -> None:
    outcome = judge(Observed(echoes(), echoes(), USUAL))
    assert words(outcome) == ("800 segments sent, none again; window scale and selective acknowledgements are there")


def test_without_a_connection_nothing_is_tested_and_it_is_said_why() -> None:
    assert words(judge(Observed(None, None, None))) == "no TCP service answered"
    assert words(judge(Observed(None, None, None, "connection refused"))) == "connection refused"


def test_where_the_system_does_not_say_it_is_not_tested() -> None:
    assert words(judge(Observed(echoes(None), None, USUAL))) == "this system does not say what its TCP did"


@pytest.mark.parametrize(("many", "severity"), [(1, "info"), (3, "warning")])
@pytest.mark.parametrize(("reason", "how"), [(LossReason.RESET, "reset"), (LossReason.CLOSED, "closed")])
def test_connections_that_are_ended_in_use_are_found(many: int, severity: str, reason: LossReason, how: str) -> None:
    fates = [
        each._replace(rtt=None, reason=reason) if n < many else each for n, each in enumerate(schedule(1, 20, (64,)))
    ]
    found = only(judge(Observed(echoes(None), run(fates), USUAL)))
    assert (found.code, found.severity) == ("connections-ended", severity)
    assert f"connections are {how} while they are in use: {many} of 40 probes" in found.sentence


def test_echoes_that_come_too_late_end_no_connection() -> None:
    assert codes(judge(Observed(echoes(), run(losing(schedule(1, 20, (64,)), lambda _: True)), USUAL))) == []


@pytest.mark.parametrize(
    ("again", "segments", "found"),
    [
        (0, 400, []),
        (2, 20, []),
        (3, 400, []),
        (4, 400, ["retransmissions"]),
        (50, 400, ["retransmissions"]),
        (3, None, ["retransmissions"]),
        (None, 400, []),
    ],
)
def test_segments_sent_again_are_found_where_they_are_some(
    again: int | None, segments: int | None, found: list[str]
) -> None:
    facts = TcpFacts(retransmits=again, segments_sent=segments, window_scale=True, sack=True)
    outcome = judge(Observed(echoes(facts), None, USUAL))
    assert codes(outcome) == found
    assert "TCP's 0 segments" not in words(outcome)


@pytest.mark.parametrize(
    ("scale", "sack", "said"),
    [
        (False, True, "no window scaling (RFC 7323):"),
        (True, False, "no selective acknowledgements (RFC 2018):"),
        (False, False, "no window scaling (RFC 7323) and no selective acknowledgements (RFC 2018):"),
    ],
)
def test_options_that_are_not_there_are_named(scale: bool, sack: bool, said: str) -> None:
    facts = TcpFacts(retransmits=0, segments_sent=400, window_scale=scale, sack=sack)
    found = only(judge(Observed(echoes(facts), None, USUAL)))
    assert (found.code, found.severity) == ("options-stripped", "warning")
    assert said in found.sentence


def test_options_that_are_not_known_are_no_finding() -> None:
    assert codes(judge(Observed(echoes(TcpFacts()), None, USUAL))) == []


def test_a_window_that_was_wide_on_another_connection_is_not_what_limits() -> None:
    """A busy machine reads late, which narrows a window for a moment."""
    wide, narrow = (HEALTHY._replace(receive_window=window, send_window=1 << 16) for window in (1 << 16, 4096))
    assert codes(judge(Observed(echoes(narrow), echoes(narrow), USUAL))) == ["receive-window"]
    assert codes(judge(Observed(echoes(wide), echoes(narrow), USUAL))) == []


@pytest.mark.parametrize(
    ("slower", "usual", "found"),
    [
        (0, USUAL, []),
        (30 * MS, USUAL, []),
        (40 * MS, USUAL, ["delayed-ack"]),
        (44 * MS, USUAL, ["delayed-ack"]),
        (90 * MS, USUAL, []),
        (40 * MS, USUAL + 40 * MS, []),  # datagrams take as long
        (40 * MS, None, []),
    ],
)
def test_40_ms_more_than_datagrams_take_is_a_delayed_acknowledgement(
    slower: int, usual: int | None, found: list[str]
) -> None:
    assert codes(judge(Observed(echoes(slower=slower), None, usual))) == found


FACTS = st.builds(
    TcpFacts,
    retransmits=st.none() | st.integers(0, 2**32),
    segments_sent=st.none() | st.integers(0, 2**32),
    window_scale=st.none() | st.booleans(),
    sack=st.none() | st.booleans(),
)
RUNS = st.none() | st.builds(echoes, st.none() | FACTS, slower=st.integers(0, 10**9))


@given(RUNS, RUNS, st.none() | st.integers(0, 10**10), st.text(max_size=5))
def test_anything_is_judged(small: Run | None, large: Run | None, usual: int | None, why: str) -> None:
    why = why.strip()
    assert is_well_formed(judge(Observed(small, large, usual, why)), "tcp")
