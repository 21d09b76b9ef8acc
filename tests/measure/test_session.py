"""The session decides what is due, lost, late, double, in microseconds of test time."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from netecho.measure import settled
from netecho.measure.events import (
    EchoCorrupted,
    Event,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe
    from netecho.measure.summary import Summary

MS = MILLISECOND
BEGIN = 1_000 * SECOND
CLOSED, REFUSED = Loss(LossReason.CLOSED), Loss(LossReason.REFUSED)


class Bench:
    """A session with its recorder and events, started at `BEGIN`; times are offsets from there."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("interval", Fraction(10 * MS))
        self.recorder = Recorder()
        self._seen: list[Event] = []
        self.session = Session(Plan(**settings), self.recorder)
        self.session.start(BEGIN)

    def send_due(self, now: int) -> list[Probe]:
        """Send all that is due, at once."""
        sent = []
        while (probe := self.session.due(BEGIN + now)) is not None:
            self.session.sent(probe, BEGIN + now)
            sent.append(probe)
        return sent

    def answer(self, index: int, now: int, **more: Any) -> None:
        self.session.answered(index, BEGIN + now, **more)

    @property
    def events(self) -> list[Event]:
        """All that has happened so far."""
        self._seen += self.session.events()
        return self._seen

    @property
    def deadline(self) -> int | None:
        deadline = self.session.next_deadline()
        return None if deadline is None else deadline - BEGIN

    @property
    def summary(self) -> Summary:
        return self.recorder.summary()


def test_probes_are_due_at_their_instants_and_not_before() -> None:
    bench = Bench(count=3)
    assert [p.index for p in bench.send_due(0)] == [0]
    assert bench.send_due(10 * MS - 1) == []
    assert [p.index for p in bench.send_due(10 * MS)] == [1]


def test_a_late_send_does_not_move_the_next_and_none_is_skipped() -> None:
    bench = Bench(count=5)
    late = bench.send_due(35 * MS)
    assert [p.scheduled - BEGIN for p in late] == [0, 10 * MS, 20 * MS, 30 * MS]
    assert [p.lag for p in late] == [35 * MS, 25 * MS, 15 * MS, 5 * MS]
    assert bench.deadline == 40 * MS


def test_lag_counts_into_the_response_but_not_into_the_rtt() -> None:
    bench = Bench(count=1)
    bench.send_due(3 * MS)
    bench.answer(0, 5 * MS)
    assert bench.events == [ReplyReceived(0, 0, 0, 3 * MS, 2 * MS, 5 * MS, 64, kernel=False)]


def test_the_run_is_over_when_the_last_probe_is_settled() -> None:
    bench = Bench(count=1)
    bench.send_due(0)
    assert not bench.session.finished
    bench.answer(0, MS)
    assert bench.session.finished
    assert bench.deadline is None


def test_no_probes_at_all_is_a_run_that_is_over() -> None:
    assert Bench(count=0).session.finished


def test_a_probe_is_lost_at_its_timeout_not_a_nanosecond_before() -> None:
    bench = Bench(count=1, timeout=50 * MS)
    bench.send_due(0)
    bench.session.expire(BEGIN + 50 * MS - 1)
    assert bench.events == []
    assert bench.deadline == 50 * MS
    bench.session.expire(BEGIN + 50 * MS)
    assert bench.events == [ProbeLost(0, 0, 0, 0, 64)]
    assert bench.session.finished


def test_a_reply_after_the_timeout_is_late_and_stays_lost() -> None:
    bench = Bench(count=2, timeout=5 * MS)
    bench.send_due(0)
    bench.session.expire(BEGIN + 5 * MS)
    bench.answer(0, 7 * MS)
    bench.answer(0, 8 * MS)
    assert bench.events[1:] == [ReplyLate(0, 0, 7 * MS), ReplyDuplicated(0, 0)]
    summary = bench.summary
    assert (summary.lost, summary.late, summary.duplicate, summary.received) == (1, 1, 1, 0)


def test_a_reply_past_the_timeout_is_late_even_if_nobody_had_looked_yet() -> None:
    bench = Bench(count=1, timeout=5 * MS)
    bench.send_due(0)
    bench.answer(0, 6 * MS)
    assert bench.events == [ProbeLost(0, 0, 0, 0, 64), ReplyLate(0, 0, 6 * MS)]


def test_a_reply_in_time_by_the_kernel_is_in_time_though_we_woke_up_late() -> None:
    bench = Bench(count=1, timeout=5 * MS)
    (probe,) = bench.send_due(0)
    probe.tx_timestamp = 77
    bench.answer(0, 900 * MS, rx_timestamp=77 + 2 * MS)
    assert bench.summary.received == 1
    assert bench.summary.rtt.max == 2 * MS


def test_who_does_not_follow_hears_only_of_what_is_out_of_the_ordinary() -> None:
    session = Session(Plan(interval=Fraction(MS)), Recorder(), follows=False)
    session.start(BEGIN)
    for n in range(3):
        probe = session.due(BEGIN + n * MS)
        assert probe is not None
        session.sent(probe, BEGIN + n * MS)
        session.answered(n, BEGIN + n * MS + 5, wrong_at=None if n < 2 else 7)
    session.answered(0, BEGIN + 3 * MS)
    assert [type(event) for event in session.events()] == [EchoCorrupted, ReplyDuplicated]


def test_a_second_reply_is_a_duplicate_and_changes_no_figure() -> None:
    bench = Bench(count=1)
    bench.send_due(0)
    bench.answer(0, MS)
    bench.answer(0, 2 * MS)
    assert bench.events[1:] == [ReplyDuplicated(0, 0)]
    assert bench.summary.rtt.count == 1


def test_a_corrupt_reply_is_received_and_counted_as_corrupt() -> None:
    bench = Bench(count=1)
    bench.send_due(0)
    bench.answer(0, MS, wrong_at=17)
    assert bench.events == [EchoCorrupted(0, 0, 0, 0, MS, MS, 64, kernel=False, offset=17)]
    assert (bench.summary.received, bench.summary.corrupt, bench.summary.lost) == (1, 1, 0)


def test_a_reply_overtaken_by_a_later_one_is_reordered() -> None:
    bench = Bench(count=4)
    bench.send_due(30 * MS)
    for index in (1, 0, 3, 2):
        bench.answer(index, 31 * MS)
    assert bench.summary.reordered == 2


def test_what_was_never_sent_or_is_forgotten_is_a_stray() -> None:
    bench = Bench(count=1)
    bench.send_due(0)
    bench.answer(5, MS)
    assert bench.summary.stray == 1
    assert [event.came for event in bench.events if isinstance(event, StrayReceived)] == [bench.summary.stray_bytes]


def test_a_flood_of_strays_is_counted_whole_and_told_in_part() -> None:
    bench = Bench(count=1)
    for _ in range(1000):
        bench.session.stray(b"x")
    assert bench.summary.stray == 1000
    assert len(bench.events) == 10


def test_warm_up_probes_are_sent_and_not_counted() -> None:
    bench = Bench(count=2, warmup=2)
    sent = bench.send_due(100 * MS)
    assert [p.index for p in sent] == [0, 1, 2, 3]
    for probe in sent[:3]:
        bench.answer(probe.index, 101 * MS)
    bench.session.expire(BEGIN + 10 * SECOND)
    assert [(type(e).__name__, e.seq) for e in bench.events if not isinstance(e, StrayReceived)] == [
        ("ReplyReceived", 0),
        ("ProbeLost", 1),
    ]
    assert (bench.summary.sent, bench.summary.received) == (2, 1)


def test_a_duration_stops_the_sending_and_waits_for_what_is_out() -> None:
    bench = Bench(count=None, duration=25 * MS)
    assert len(bench.send_due(25 * MS)) == 3
    assert not bench.session.sending
    assert not bench.session.finished
    for index in range(3):
        bench.answer(index, 26 * MS)
    assert bench.session.finished


def test_count_and_duration_whichever_comes_first() -> None:
    assert len(Bench(count=2, duration=SECOND).send_due(SECOND)) == 2
    assert len(Bench(count=1000, duration=20 * MS).send_due(SECOND)) == 2


def test_a_full_window_holds_sends_back_and_the_wait_is_counted_and_felt() -> None:
    bench = Bench(count=3, window=1)
    bench.send_due(0)
    assert bench.send_due(10 * MS) == []
    assert bench.send_due(12 * MS) == []
    assert bench.summary.waits == 1
    bench.answer(0, 15 * MS)
    (held,) = bench.send_due(15 * MS)
    assert held.lag == 5 * MS


def test_with_a_full_window_the_next_deadline_is_the_timeout() -> None:
    bench = Bench(count=3, window=1, timeout=SECOND)
    bench.send_due(0)
    assert bench.deadline == SECOND


def test_closed_loop_sends_the_next_as_soon_as_the_reply_is_in() -> None:
    bench = Bench(count=3, interval=Fraction(0))
    bench.send_due(0)
    assert bench.send_due(5 * MS) == []
    bench.answer(0, 7 * MS)
    (second,) = bench.send_due(8 * MS)
    assert (second.scheduled - BEGIN, second.lag) == (7 * MS, MS)
    assert bench.summary.waits == 0


def test_closed_loop_goes_on_after_a_loss() -> None:
    bench = Bench(count=2, interval=Fraction(0), timeout=30 * MS)
    bench.send_due(0)
    bench.session.expire(BEGIN + 30 * MS)
    assert [p.index for p in bench.send_due(30 * MS)] == [1]


def test_closed_loop_ends_with_its_duration() -> None:
    bench = Bench(count=None, interval=Fraction(0), duration=10 * MS)
    bench.send_due(0)
    bench.answer(0, 10 * MS)
    assert bench.send_due(10 * MS) == []
    assert bench.session.finished


def test_kernel_stamps_are_the_rtt_where_they_are_possible() -> None:
    bench = Bench(count=1)
    (probe,) = bench.send_due(0)
    probe.tx_timestamp = 5_000_000_000
    bench.answer(0, 100_000, rx_timestamp=5_000_040_000)
    assert bench.events == [ReplyReceived(0, 0, 0, 0, 40_000, 100_000, 64, kernel=True)]


@pytest.mark.parametrize(
    ("tx_timestamp", "rx_timestamp"),
    [
        (None, 40_000),  # the sending stamp has not come
        (40_000, None),  # the reply has none
        (40_000, 40_000),  # no time at all: a clock that was stepped
        (40_001, 40_000),  # before it left: a clock that was stepped back
        (0, 100_001),  # more than the program's own, which encloses it: stepped on
    ],
)
def test_an_impossible_or_missing_stamp_leaves_the_programs_own_clock(
    tx_timestamp: int | None, rx_timestamp: int | None
) -> None:
    bench = Bench(count=1)
    (probe,) = bench.send_due(0)
    probe.tx_timestamp = tx_timestamp
    bench.answer(0, 100_000, rx_timestamp=rx_timestamp)
    assert bench.events == [ReplyReceived(0, 0, 0, 0, 100_000, 100_000, 64, kernel=False)]


def test_a_lost_connection_loses_what_it_owed_and_the_schedule_goes_on() -> None:
    bench = Bench(count=3)
    bench.send_due(10 * MS)
    bench.session.disconnected(BEGIN + 11 * MS, CLOSED)
    assert bench.summary.lost == 2
    assert [p.index for p in bench.send_due(20 * MS)] == [2]


def test_what_is_due_while_nothing_can_be_reached_is_lost() -> None:
    bench = Bench(count=5)
    bench.session.disconnected(BEGIN, CLOSED)
    bench.session.unreachable(BEGIN + 30 * MS, REFUSED)
    assert (bench.summary.sent, bench.summary.lost) == (4, 4)


def test_an_error_that_the_network_reports_is_the_reason_of_the_timeouts_that_follow() -> None:
    bench = Bench(count=3, timeout=25 * MS)
    why = Loss(LossReason.ICMP_UNREACHABLE, "ICMP host unreachable from 192.0.2.1")
    bench.send_due(10 * MS)
    bench.session.error_reported(why, BEGIN + 11 * MS)
    bench.answer(1, 12 * MS)
    bench.send_due(20 * MS)
    bench.session.expire(BEGIN + 60 * MS)
    assert [(e.seq, e.reason, e.detail) for e in bench.events if isinstance(e, ProbeLost)] == [
        (0, *why),
        (2, LossReason.TIMEOUT, ""),
    ]


def test_what_was_due_while_the_process_was_stopped_is_not_sent_in_a_burst() -> None:
    bench = Bench(count=10)
    bench.send_due(10 * MS)
    bench.session.suspended(BEGIN + 20 * MS, BEGIN + 55 * MS)
    assert [p.index for p in bench.send_due(55 * MS)] == []
    assert [(p.index, p.scheduled - BEGIN) for p in bench.send_due(200 * MS)] == [
        (index, (index + 4) * 10 * MS) for index in range(2, 6)
    ]
    summary = bench.summary
    assert (summary.sent, summary.not_sent, summary.suspended) == (6, 4, 35 * MS)
    assert not bench.session.sending


def test_closed_loop_does_not_make_a_refusal_a_flood() -> None:
    bench = Bench(count=100, interval=Fraction(0))
    bench.session.unreachable(BEGIN, REFUSED)
    assert bench.summary.lost == 1
    assert bench.deadline == 200 * MS


def test_sends_paused_past_the_end_of_the_run_end_with_it() -> None:
    bench = Bench(count=None, duration=25 * MS)
    bench.session.pause()
    assert bench.deadline == 25 * MS
    assert bench.send_due(25 * MS) == []
    assert bench.session.finished


def test_a_pause_that_owes_nothing_any_more_is_a_stall() -> None:
    bench = Bench(count=3, timeout=5 * MS)
    bench.send_due(0)
    bench.session.pause()
    assert not bench.session.stalled
    bench.session.expire(BEGIN + 5 * MS)
    assert bench.session.stalled
    bench.session.disconnected(BEGIN + 5 * MS, CLOSED)
    assert not bench.session.stalled


def test_a_run_cut_short_tells_what_was_in_flight() -> None:
    bench = Bench(count=10)
    bench.send_due(20 * MS)
    bench.answer(0, 21 * MS)
    bench.session.stop()
    assert bench.session.finished
    summary = bench.summary
    assert (summary.sent, summary.received, summary.lost, summary.pending) == (3, 1, 0, 2)


def test_sizes_are_taken_in_turn() -> None:
    bench = Bench(count=5, sizes=(64, 128))
    assert [p.size for p in bench.send_due(SECOND)] == [64, 128, 64, 128, 64]


def test_a_loop_in_which_nothing_is_ever_late_keeps_nothing_of_what_is_settled() -> None:
    bench = Bench(count=None, interval=Fraction(0), window=4)
    bench.send_due(0)
    for n in range(1000):
        bench.answer(n, n * 1000)
        bench.send_due(n * 1000)
        assert len(bench.session._order) <= 5


def test_memory_does_not_grow_with_the_number_of_probes() -> None:
    bench = Bench(count=None, interval=Fraction(1000))
    for n in range(settled.MOST * 2):
        (probe,) = bench.send_due(n * 1000)
        bench.answer(probe.index, n * 1000 + 500)
        bench.session.expire(BEGIN + n * 1000 + 600)
        bench.session.events()
    assert len(bench.session._order) <= 1
    assert len(bench.session.outstanding) == 0
    bench.answer(0, SECOND)
    assert [event.came for event in bench.events if isinstance(event, StrayReceived)] == [bench.summary.stray_bytes]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9_999_999)), max_size=120), st.integers(1, 5))
def test_every_probe_is_settled_once_whatever_comes_back(replies: list[tuple[int, int]], window: int) -> None:
    bench = Bench(count=30, window=window, timeout=20 * MS, interval=Fraction(3 * MS))
    now = 0
    for index, wait in replies:
        now += wait
        bench.session.expire(BEGIN + now)
        bench.send_due(now)
        bench.answer(index, now)
    while not bench.session.finished:
        deadline = bench.deadline
        assert deadline is not None
        now = max(now, deadline)
        bench.session.expire(BEGIN + now)
        bench.send_due(now)
    ends = [e.seq for e in bench.events if isinstance(e, ReplyReceived | ProbeLost)]
    assert sorted(ends) == list(range(30))
    summary = bench.summary
    assert summary.sent == summary.received + summary.lost == 30


@pytest.mark.parametrize("kernel", [False, True])
def test_what_the_far_end_kept_it_for_is_not_the_networks(kernel: bool) -> None:
    bench = Bench(count=1, timeout=5 * MS)
    (probe,) = bench.send_due(0)
    probe.tx_timestamp = 7 * SECOND if kernel else None
    bench.answer(0, 4 * MS, rx_timestamp=7 * SECOND + 3 * MS if kernel else None, kept=2 * MS)
    assert bench.summary.rtt.max == (1 * MS if kernel else 2 * MS)
    assert bench.summary.response.max == 4 * MS


def test_a_reply_that_was_kept_beyond_the_timeout_is_late_all_the_same() -> None:
    bench = Bench(count=1, timeout=5 * MS)
    bench.send_due(0)
    bench.answer(0, 6 * MS, kept=4 * MS)
    assert (bench.summary.lost, bench.summary.late) == (1, 1)
