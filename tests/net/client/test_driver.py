"""A flow sends what is due, gives up what is overdue, and outlives its link; on a clock that the test turns."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock

from netecho.measure.events import Event, ProbeLost, ReplyDuplicated, ReplyReceived
from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.driver import SessionDriver
from netecho.net.reactor.timer import Timer
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe

CLOSED = Loss(LossReason.CLOSED)


class FakeLink:
    """Sends nowhere; answers when told to."""

    stays_open = False

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sent: list[int] = []
        self.waiting: list[int] = []
        self.closed = False

    def send(self, probe: Probe) -> None:
        self.sent.append(probe.index)
        self.bench.session.sent(probe, self.bench.now())

    def poll(self) -> None:
        waiting, self.waiting = self.waiting, []
        for index in waiting:
            self.bench.session.answered(index, self.bench.now())

    def settle(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, *, follows: bool = True, **settings: Any) -> None:
        settings.setdefault("interval", Fraction(10 * MILLISECOND))
        self.clock = Clock()
        self.events: list[Event] = []
        self.recorder = Recorder()
        self.session = Session(Plan(**settings), self.recorder, follows=follows)
        self.dials = self.readings = 0
        """How often a link was asked for, and the clock read."""
        self.stops_at = (0, "before")
        """The reading just before or after which the process is stopped, for 250 ms."""
        self.driver = SessionDriver(
            Timer(self.clock, clock=self.now), self.session, report=self.events.append, redial=self.redial
        )
        self.link = FakeLink(self)

    def redial(self, driver: SessionDriver) -> None:
        assert driver is self.driver
        self.dials += 1

    def now(self) -> int:
        self.readings += 1
        stopped_at, just = self.stops_at
        if self.readings == stopped_at and just == "before":
            self.stop()
        now = round(self.clock.seconds() * 1e6) * 1000
        if self.readings == stopped_at and just == "after":
            self.stop()
        return now

    def stop(self) -> None:
        self.clock.rightNow += 0.250
        self.driver.continued()

    def start(self) -> None:
        self.driver.start(self.link, self.now())

    def advance(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.clock.advance(0.001)

    @property
    def over(self) -> bool:
        return bool(self.driver.done.called)


def test_probes_leave_on_time_and_the_run_ends_with_the_last_reply() -> None:
    bench = Bench(count=3)
    bench.start()
    assert bench.link.sent == [0]
    bench.advance(20)
    assert bench.link.sent == [0, 1, 2]
    for index in range(3):
        assert not bench.over
        bench.session.answered(index, bench.now())
        bench.driver.pump()
    assert bench.over


def test_what_is_not_answered_is_lost_when_its_time_is_over() -> None:
    bench = Bench(count=1, timeout=50 * MILLISECOND)
    bench.start()
    bench.advance(49)
    assert bench.events == []
    bench.advance(1)
    assert [type(event) for event in bench.events] == [ProbeLost]
    assert bench.over


def test_a_reply_that_lies_in_the_socket_is_read_before_its_probe_is_given_up() -> None:
    bench = Bench(count=1, timeout=50 * MILLISECOND)
    bench.start()
    bench.link.waiting = [0]
    bench.advance(50)
    assert [type(event) for event in bench.events] == [ReplyReceived]


def test_a_long_backlog_is_sent_in_pieces_that_let_replies_in_between() -> None:
    bench = Bench(count=100, interval=Fraction(1000))
    bench.start()
    bench.clock.rightNow += 1
    bench.driver.pump()
    assert 1 < len(bench.link.sent) < 100
    bench.clock.advance(0)
    assert bench.link.sent == list(range(100))


def test_a_lost_link_loses_what_it_owed_and_another_is_got_when_a_probe_is_due() -> None:
    bench = Bench(count=3)
    bench.start()
    bench.driver.lost(bench.link, CLOSED)
    assert bench.link.closed
    assert [type(event) for event in bench.events] == [ProbeLost]
    bench.advance(9)
    assert bench.dials == 0
    bench.advance(1)
    assert bench.dials == 1
    bench.advance(1)
    another = FakeLink(bench)
    bench.driver.connected(another)
    assert another.sent == [1]
    assert bench.dials == 1


def test_no_link_to_be_had_is_a_lost_probe_and_the_next_one_tries_again() -> None:
    bench = Bench(count=3)
    bench.start()
    bench.driver.lost(bench.link, CLOSED)
    bench.advance(10)
    bench.driver.unreachable(CLOSED)
    assert bench.recorder.summary().lost == 2
    assert not bench.over
    bench.advance(10)
    assert bench.dials == 2
    bench.driver.unreachable(CLOSED)
    assert bench.over


def test_the_end_of_an_old_link_does_not_touch_the_new_one() -> None:
    bench = Bench(count=3)
    bench.start()
    bench.driver.lost(bench.link, CLOSED)
    bench.advance(10)
    another = FakeLink(bench)
    bench.driver.connected(another)
    bench.driver.lost(bench.link, CLOSED)
    assert bench.driver.link is another
    assert not another.closed


def test_a_link_that_comes_after_the_end_is_closed() -> None:
    bench = Bench(count=1)
    bench.start()
    bench.driver.stop()
    late = FakeLink(bench)
    bench.driver.connected(late)
    assert late.closed
    assert late.sent == []


def test_a_stalled_connection_is_replaced() -> None:
    bench = Bench(count=3, timeout=5 * MILLISECOND)
    bench.start()
    bench.session.pause()
    bench.advance(10)
    assert bench.link.closed
    assert bench.driver.link is None
    assert bench.dials == 1


def test_a_process_that_was_stopped_says_how_many_probes_it_did_not_send() -> None:
    bench = Bench(count=1000)
    bench.start()
    bench.advance(100)
    before = len(bench.link.sent)
    bench.clock.advance(3)
    assert len(bench.link.sent) == before + 1, "the one that is due now, none of the 300 before"
    bench.advance(105)
    assert len(bench.link.sent) == before + 11
    summary = bench.recorder.summary()
    assert summary.sent + summary.not_sent == 321
    assert 2900 * MILLISECOND < summary.suspended < 3100 * MILLISECOND


def test_a_stop_by_a_signal_is_no_lateness_however_short_it_was() -> None:
    bench = Bench(count=100)
    bench.start()
    bench.advance(25)
    bench.clock.rightNow += 0.052  # stopped at 25 ms, while nothing runs, and continued at 77 ms
    bench.driver.continued()
    bench.advance(15)
    summary = bench.recorder.summary()
    # Those of 30 to 70 ms are left out.
    assert bench.link.sent == [0, 1, 2, 3, 4]
    assert summary.not_sent == 5
    assert summary.lag.max is not None
    assert summary.lag.max <= MILLISECOND
    assert 47 * MILLISECOND <= summary.suspended <= 48 * MILLISECOND
    bench.advance(1000)
    summary = bench.recorder.summary()
    assert (summary.sent, summary.not_sent) == (95, 5)


@pytest.mark.parametrize("interval", [0, Fraction(10 * MILLISECOND)])
@pytest.mark.parametrize("stop", [0.052, 5.0], ids=["below the timeout", "beyond it"])
def test_what_lay_here_while_the_process_was_stopped_is_neither_a_loss_nor_a_round_trip(
    interval: Fraction, stop: float
) -> None:
    bench = Bench(count=100, interval=interval, timeout=2 * SECOND)
    bench.start()
    bench.advance(1)
    bench.link.waiting = [0]
    bench.clock.rightNow += stop
    bench.driver.continued()
    bench.driver.poll()
    bench.driver.pump()
    summary = bench.recorder.summary()
    assert (summary.lost, summary.late, summary.dropped_here) == (0, 0, 1)
    assert summary.rtt.max is None
    assert [event.detail for event in bench.events if isinstance(event, ProbeLost)] == ["this process was stopped"]
    if not interval:
        assert summary.suspended == round((stop + 0.001) * 1e9)


def test_a_kernel_timestamp_tells_how_long_a_reply_took_that_lay_here() -> None:
    bench = Bench(count=1, interval=0)
    bench.start()
    bench.session.outstanding[0].tx_timestamp = 1_000
    bench.clock.rightNow += 3
    bench.driver.continued()
    bench.session.answered(0, bench.now(), 4_000)
    summary = bench.recorder.summary()
    assert (summary.received, summary.rtt.max, summary.suspended) == (1, 3_000, 3 * SECOND)


def test_a_kernel_timestamp_of_replies_that_were_merged_may_be_that_of_a_later_one() -> None:
    bench = Bench(count=3, interval=0, window=2)
    bench.session.replies_are_merged()
    bench.start()
    for probe in bench.session.outstanding.values():
        probe.tx_timestamp = 1_000
    bench.clock.rightNow += 3
    bench.driver.continued()
    bench.session.answered(0, bench.now(), 4_000)
    bench.clock.rightNow += 0.001
    bench.session.answered(1, bench.now(), 3 * SECOND + 500_000)
    summary = bench.recorder.summary()
    assert (summary.received, summary.rtt.max, summary.lost, summary.dropped_here) == (1, 3_000, 0, 1)


def test_the_same_time_without_a_stop_is_lateness() -> None:
    bench = Bench(count=100)
    bench.start()
    bench.advance(25)
    bench.clock.rightNow += 0.055
    bench.advance(15)
    summary = bench.recorder.summary()
    assert len(bench.link.sent) == 10
    assert (summary.not_sent, summary.suspended) == (0, 0)
    assert summary.lag.max is not None
    assert summary.lag.max >= 50 * MILLISECOND


def test_a_stop_in_which_nothing_was_due_leaves_nothing_out() -> None:
    bench = Bench(count=3)
    bench.start()
    bench.advance(1)
    bench.clock.rightNow += 0.005
    bench.driver.continued()
    bench.advance(30)
    summary = bench.recorder.summary()
    assert (bench.link.sent, summary.not_sent, summary.suspended) == ([0, 1, 2], 0, 0)


def test_a_stop_amid_a_send_leaves_out_what_became_due_since() -> None:
    bench = Bench(count=20)

    class Stopped(FakeLink):
        def send(self, probe: Probe) -> None:
            super().send(probe)
            if probe.index == 1:
                bench.clock.rightNow += 0.085
                bench.driver.continued()

    bench.link = Stopped(bench)
    bench.start()
    bench.advance(12)
    assert bench.link.sent == [0, 1]
    bench.advance(300)
    summary = bench.recorder.summary()
    assert (summary.sent, summary.not_sent) == (12, 8)
    assert summary.lag.max is not None
    assert summary.lag.max <= MILLISECOND


@pytest.mark.parametrize("interval", [0, Fraction(10 * MILLISECOND)])
@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("just", ["before", "after"])
def test_a_stop_at_any_reading_of_the_clock_leaves_out_what_was_due(
    just: str, answered: bool, interval: Fraction
) -> None:
    for stopped_at in itertools.count(2 if just == "before" else 1):  # the first is when the run begins
        bench = Bench(count=200, interval=interval, timeout=2 * SECOND)
        bench.stops_at = (stopped_at, just)
        bench.start()
        for _ in range(50):
            bench.clock.advance(0.001)
            if answered and bench.session.outstanding:
                now = bench.now()
                bench.session.answered(min(bench.session.outstanding), now)
                bench.driver.replied(now)
        if bench.readings < stopped_at:
            break
        bench.advance(600)
        summary = bench.recorder.summary()
        assert summary.sent + summary.not_sent <= 200
        if interval:
            assert summary.not_sent in (24, 25), f"stopped just {just} reading {stopped_at}"
            # One may have been on its way to the system.
            assert summary.lag.p95 is not None
            assert summary.lag.p95 <= MILLISECOND
            assert 230 * MILLISECOND < summary.suspended <= 250 * MILLISECOND
    assert stopped_at > 5


def test_a_run_that_begins_after_many_others_is_late_and_not_suspended() -> None:
    bench = Bench(count=400)
    bench.clock.rightNow += 1.5
    bench.driver.start(bench.link, 0)
    bench.advance(10)
    summary = bench.recorder.summary()
    assert (len(bench.link.sent), summary.not_sent, summary.suspended) == (151, 0, 0)


def test_a_connection_that_takes_long_to_make_is_no_suspension() -> None:
    bench = Bench(count=400)
    bench.start()
    bench.driver.lost(bench.link, CLOSED)
    bench.advance(3000)
    assert bench.dials == 1
    another = FakeLink(bench)
    bench.driver.connected(another)
    bench.advance(1)
    summary = bench.recorder.summary()
    assert len(another.sent) == 300
    assert (summary.not_sent, summary.suspended) == (0, 0)


def test_a_peer_that_takes_no_more_bytes_is_no_suspension() -> None:
    bench = Bench(count=400, timeout=1500 * MILLISECOND)
    bench.start()
    bench.advance(1)
    bench.session.pause()
    bench.advance(1600)
    assert bench.dials == 1
    another = FakeLink(bench)
    bench.driver.connected(another)
    bench.advance(1)
    summary = bench.recorder.summary()
    assert (summary.not_sent, summary.suspended) == (0, 0)
    assert len(another.sent) > 100


def test_what_comes_again_soon_after_the_last_reply_is_counted_and_reported() -> None:
    bench = Bench(count=1)
    bench.link.stays_open = True
    bench.start()
    bench.advance(4)
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.driver.settled_at == bench.now()
    bench.advance(7)
    assert not bench.over
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert [type(event) for event in bench.events] == [ReplyReceived, ReplyDuplicated]
    bench.advance(1)
    assert bench.over, "twice the round trip"


@pytest.mark.parametrize(
    ("rtt", "timeout", "wait"),
    [(1, 50, 3), (2, 50, 4), (20, 50, 40), (40, 50, 50), (1, 2, 2)],
)
def test_it_is_waited_for_as_long_as_the_path_is(rtt: int, timeout: int, wait: int) -> None:
    bench = Bench(count=1, timeout=timeout * MILLISECOND)
    bench.link.stays_open = True
    bench.start()
    bench.advance(rtt)
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    bench.advance(wait - 1)
    assert not bench.over
    bench.advance(1)
    assert bench.over


def test_it_is_not_waited_for_where_the_run_was_ended_or_the_link_is_gone() -> None:
    for end in (lambda bench: bench.driver.stop(), lambda bench: bench.driver.lost(bench.link, CLOSED)):
        bench = Bench(count=1)
        bench.link.stays_open = True
        bench.start()
        bench.advance(1)
        bench.session.answered(0, bench.now())
        bench.driver.replied(bench.now())
        end(bench)
        assert bench.over


def test_a_closed_loop_ends_as_soon() -> None:
    bench = Bench(count=1, interval=Fraction(0))
    bench.link.stays_open = True
    bench.start()
    bench.advance(1)
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    bench.advance(2)
    assert not bench.over
    bench.advance(1)
    assert bench.over


def test_what_comes_while_other_connections_are_not_done_is_reported_too() -> None:
    bench = Bench(count=1)
    bench.start()
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.over
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert [type(event) for event in bench.events] == [ReplyReceived, ReplyDuplicated]


def test_a_duplicate_behind_the_last_reply_is_counted() -> None:
    bench = Bench(count=1)
    bench.start()
    bench.link.waiting = [0]
    bench.session.answered(0, bench.now())
    bench.driver.pump()
    assert bench.over
    assert bench.recorder.summary().duplicate == 1


def test_stopping_leaves_what_is_in_flight_neither_received_nor_lost() -> None:
    bench = Bench(count=10)
    bench.start()
    bench.driver.stop()
    assert bench.over
    summary = bench.recorder.summary()
    assert (summary.sent, summary.lost, summary.pending) == (1, 0, 1)
    assert bench.clock.getDelayedCalls() == []


def test_a_timer_that_goes_off_early_does_no_harm() -> None:
    bench = Bench(count=2, timeout=SECOND, interval=Fraction(0))
    bench.start()
    bench.advance(3)
    bench.session.answered(0, bench.now())
    bench.driver.pump()
    assert bench.link.sent == [0, 1]
    bench.advance(1000)
    assert not bench.over
    bench.advance(3)
    assert bench.over


def test_a_reply_that_makes_room_has_what_was_held_back_sent_at_once() -> None:
    bench = Bench(count=3, window=1, follows=False)
    bench.start()
    bench.advance(15)
    assert bench.link.sent == [0]
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.link.sent == [0, 1]


def test_the_last_reply_ends_a_run_that_nobody_follows() -> None:
    bench = Bench(count=1, follows=False)
    bench.start()
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.over


def test_what_is_out_of_the_ordinary_is_reported_with_the_reply_though_nobody_follows() -> None:
    bench = Bench(count=3, follows=False)
    bench.start()
    bench.advance(1)
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.events == []
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert [type(event) for event in bench.events] == [ReplyDuplicated]


def test_the_last_reply_on_a_connection_that_takes_no_bytes_shows_that_it_has_stalled() -> None:
    bench = Bench(count=3, follows=False)
    bench.start()
    bench.session.pause()
    bench.advance(1)
    bench.session.answered(0, bench.now())
    bench.driver.replied(bench.now())
    assert bench.link.closed
