"""This machine: what it dropped, and how late it sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.host import Observed, judge
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.observations import MS, losing, run, schedule, train

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netecho.diagnose.run import Run

CLEAN = {"receive_errors": 0, "receive_dropped": 0, "transmit_dropped": 0}


def observed(
    *runs: Run,
    drops: Mapping[str, int] | None = CLEAN,
    socket_drops: int | None = 0,
    busy: float | None = 0.2,
) -> Observed:
    return Observed(runs or (train(),), "eth0", drops, socket_drops, busy)


def test_a_machine_that_keeps_up_is_fine() -> None:
    assert words(judge(observed())) == "this machine dropped nothing and sent in time"


def test_so_is_one_that_counts_nothing() -> None:
    assert codes(judge(Observed((), None, None, None, None))) == []


@pytest.mark.parametrize(
    ("runs", "severity"),
    [
        ([train(lost=5)], "warning"),
        ([train()], "info"),  # frames of a protocol that nobody speaks here are counted as well
        ([train(), run(losing(schedule(1, 6), lambda _: True))], "info"),  # a service that is not there is no loss
    ],
)
def test_what_the_interface_dropped_is_bad_where_probes_were_lost(runs: Sequence[Run], severity: str) -> None:
    found = only(judge(observed(*runs, drops=CLEAN | {"receive_dropped": 7})))
    assert (found.code, found.severity, found.confidence) == ("interface-drops", severity, "possible")
    assert evidence(found) == {"receive_dropped": 7}
    assert "eth0 dropped 7 packets" in found.sentence


def test_counters_that_went_back_are_no_drops() -> None:
    assert codes(judge(observed(drops={"receive_dropped": -4_000_000_000}))) == []


def test_datagrams_of_ours_that_found_no_room_are_a_warning_where_they_are_some_and_those_of_others_are_not() -> None:
    ours = only(judge(observed(train(340), run(schedule(1), dropped_here=4), socket_drops=4)))
    few = only(judge(observed(train(360), run(schedule(1), dropped_here=4), socket_drops=4)))
    others = only(judge(observed(train(lost=5), socket_drops=9)))
    assert (ours.code, ours.severity) == ("socket-drops", "warning")
    assert "no room for 4 datagrams that had arrived, of these probes 4" in ours.sentence
    assert (few.code, few.severity) == ("socket-drops", "info")
    assert (others.code, others.severity) == ("socket-drops", "info")
    assert "none of them of these probes" in others.sentence
    assert codes(judge(observed(train(), socket_drops=9))) == []  # they explain nothing


@pytest.mark.parametrize(
    ("lag", "busy", "found"),
    [
        (1 * MS, 0.5, []),
        (1 * MS, None, []),
        (4 * MS, 0.89, []),
        (6 * MS, 0.5, ["late-sends"]),
        (6 * MS, None, ["late-sends"]),
        (1 * MS, 0.95, ["busy"]),
        (6 * MS, 0.95, ["late-sends"]),
    ],
)
def test_lateness_and_busy_processors_are_worth_knowing(lag: int, busy: float | None, found: list[str]) -> None:
    outcome = judge(observed(run(schedule(2), lag=lag), busy=busy))
    assert codes(outcome) == found
    assert all(only(outcome).severity == "info" for _ in found)


def test_a_few_late_sends_make_no_p99() -> None:
    """Short runs begin side by side, and of six probes the latest is p99."""
    assert codes(judge(observed(run(schedule(1, 6), lag=50 * MS), busy=0.1))) == []


COUNT = st.integers(-(2**64), 2**64)


@given(
    st.lists(st.builds(train, st.integers(0, 5), lost=st.integers(0, 5)), max_size=3),
    st.none() | st.dictionaries(st.sampled_from(sorted(CLEAN)), COUNT),
    st.none() | COUNT,
    st.none() | st.floats(-1, 2),
)
def test_anything_is_judged(
    runs: list[Run], drops: dict[str, int] | None, socket_drops: int | None, busy: float | None
) -> None:
    assert is_well_formed(judge(Observed(runs, "eth0", drops, socket_drops, busy)), "host")
