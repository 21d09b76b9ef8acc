"""The fate of each probe, from the events of a run."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.diagnose.run import Fate, fates
from netecho.measure.events import (
    EchoCorrupted,
    Event,
    OneWayDelays,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.loss_reason import LossReason
from tests.diagnose.observations import losing, run, schedule

NUMBER = st.integers(0, 10**9)


def test_each_probe_has_one_fate() -> None:
    events: list[Event] = [
        ReplyReceived(0, 0, 0, 1, 20, 30, 64, True, OneWayDelays(9, 11, 2)),
        EchoCorrupted(0, 1, 10, 1, 21, 31, 64, True, 17),
        ProbeLost(0, 2, 20, 1, 64, LossReason.REFUSED, "by 10.0.0.1"),
    ]
    assert fates(events) == (
        Fate(0, 0, 64, 20, lag=1, delays=OneWayDelays(9, 11, 2)),
        Fate(10, 0, 64, 21, corrupt_at=17, lag=1),
        Fate(20, 0, 64, None, LossReason.REFUSED, "by 10.0.0.1", lag=1),
    )


def test_what_comes_behind_settles_nothing() -> None:
    assert fates([ReplyLate(0, 2, 5), ReplyDuplicated(0, 1), StrayReceived(0, b"220 hello")]) == ()


def test_what_came_late_was_not_lost() -> None:
    lost = ProbeLost(1, 2, 20, 1, 64)
    assert fates([lost, ReplyLate(0, 2, 5)])[0].rtt is None  # another connection's
    assert fates([lost, ReplyLate(1, 2, 1500)]) == (Fate(20, 1, 64, 1500, lag=1),)


REPLIES = st.builds(ReplyReceived, *[NUMBER] * 7, st.booleans())


@given(st.lists(REPLIES, max_size=20, unique_by=lambda reply: (reply.connection, reply.seq)))
def test_they_stand_in_the_order_of_the_schedule_whenever_they_were_settled(events: list[ReplyReceived]) -> None:
    order = [(fate.scheduled, fate.connection) for fate in fates(events)]
    assert order == sorted(order)
    assert len(order) == len(events)


def test_what_was_dropped_here_is_no_fate_of_the_network() -> None:
    every = schedule(2, 5)
    dropped = [fate._replace(rtt=None, reason=LossReason.DROPPED_HERE) for fate in every[:3]]
    part = run([*dropped, *losing(every[3:], lambda fate: fate.connection == 1)])
    assert len(part.fates) == 10
    assert part.of_the_network == part.fates[3:]
    assert part.sent == 7
    assert part.lost == sum(fate.rtt is None for fate in part.of_the_network)


def test_of_a_run_that_was_cut_short_what_is_in_flight_is_not_counted_as_sent() -> None:
    cut = run(losing(schedule(2, 5), lambda fate: fate.connection == 1), pending=3)
    assert (cut.sent, cut.lost) == (10, 5)
