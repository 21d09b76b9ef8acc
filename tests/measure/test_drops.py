"""How many of the probes without a reply have one that this machine dropped: no more than the system counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from netecho.measure.drops import Drops
from netecho.measure.events import ProbeLost, ReplyReceived
from netecho.measure.loss_reason import Loss, LossReason
from tests.measure.test_session import BEGIN, MS, Bench

if TYPE_CHECKING:
    from netecho.measure.session import Session


def taken(drops: Drops, *sent_at: int) -> list[bool]:
    return [drops.takes(at) for at in sent_at]


def test_each_drop_is_taken_for_one_probe() -> None:
    drops = Drops()
    drops.noticed(2, 100)
    assert taken(drops, 10, 20, 30) == [True, True, False]


def test_what_was_noticed_before_a_probe_left_was_not_its_reply() -> None:
    drops = Drops()
    drops.noticed(5, 100)
    drops.noticed(1, 200)
    assert taken(drops, 101, 102) == [True, False]


def test_a_drop_is_not_loss() -> None:
    bench = Bench(count=4, timeout=20 * MS)
    bench.send_due(30 * MS)
    bench.answer(1, 31 * MS)
    bench.session.dropped_here(2, BEGIN + 40 * MS)
    bench.session.expire(BEGIN + 60 * MS)
    assert [(each.seq, each.reason) for each in bench.events if isinstance(each, ProbeLost)] == [
        (0, LossReason.DROPPED_HERE),
        (2, LossReason.DROPPED_HERE),
        (3, LossReason.TIMEOUT),
    ]
    summary = bench.summary
    assert (summary.sent, summary.received, summary.lost, summary.dropped_here) == (4, 1, 1, 2)
    assert summary.loss_by_reason == {LossReason.TIMEOUT: 1}
    assert summary.loss_percent == 50
    assert sum(period.lost for period in summary.timeline) == 1


def test_a_target_whose_replies_are_dropped_here_is_not_gone() -> None:
    bench = Bench(count=5, timeout=20 * MS)
    bench.send_due(40 * MS)
    bench.session.dropped_here(5, BEGIN + 50 * MS)
    bench.session.expire(BEGIN + 90 * MS)
    assert bench.summary.outages == ()
    assert bench.summary.loss_percent is None


def test_a_reply_that_came_too_late_was_not_dropped() -> None:
    bench = Bench(count=2, timeout=20 * MS)
    bench.send_due(10 * MS)
    bench.session.dropped_here(1, BEGIN + 20 * MS)
    bench.answer(0, 40 * MS)
    bench.session.expire(BEGIN + 40 * MS)
    summary = bench.summary
    assert (summary.late, summary.lost, summary.dropped_here) == (1, 1, 1)


def test_a_warm_up_probe_takes_its_drop_and_is_not_counted() -> None:
    bench = Bench(count=1, warmup=1, timeout=20 * MS)
    bench.send_due(10 * MS)
    bench.session.dropped_here(1, BEGIN + 12 * MS)
    bench.session.expire(BEGIN + 40 * MS)
    summary = bench.summary
    assert (summary.sent, summary.lost, summary.dropped_here) == (1, 1, 0)


HAPPENS = st.sampled_from(["send", "answer", "answer again", "drop", "refused", "fail", "wait", "disconnect", "expire"])


def happen(bench: Bench, action: str, amount: int, now: int) -> None:
    session, at = bench.session, BEGIN + now
    match action:
        case "send":
            bench.send_due(now)
        case "answer" if session.outstanding:
            bench.answer(min(session.outstanding), now)
        case "answer again":
            bench.answer(amount, now)
        case "drop":
            session.dropped_here(amount, at)
        case "refused":
            session.error_reported(Loss(LossReason.REFUSED), at)
        case "fail" if (probe := session.due(at)) is not None:
            session.failed(probe, at, Loss(LossReason.LOCAL_DROP))
        case "disconnect":
            session.disconnected(at, Loss(LossReason.CLOSED))
        case "expire":
            session.expire(at)


def finish(session: Session, now: int, bench: Bench) -> None:
    while not session.finished:
        now = max(now, bench.deadline or 0)
        session.expire(BEGIN + now)
        bench.send_due(now)


@given(st.lists(st.tuples(HAPPENS, st.integers(1, 7)), max_size=80), st.integers(0, 3), st.booleans())
def test_the_sums_are_exact_in_every_order(actions: list[tuple[str, int]], warmup: int, cut: bool) -> None:
    bench = Bench(count=30, warmup=warmup, timeout=20 * MS)
    now = 0
    for action, amount in actions:
        happen(bench, action, amount, now)
        now += amount * MS if action == "wait" else 0
    if cut:
        bench.session.stop()
    else:
        finish(bench.session, now, bench)
    summary = bench.summary
    assert summary.sent == summary.received + summary.lost + summary.dropped_here + summary.pending
    assert summary.dropped_here <= sum(amount for action, amount in actions if action == "drop")
    assert sum(summary.loss_by_reason.values()) == summary.lost
    rows = [each for each in bench.events if isinstance(each, ReplyReceived | ProbeLost)]
    assert len(rows) == summary.sent - summary.pending
    here = [each for each in rows if isinstance(each, ProbeLost) and each.reason is LossReason.DROPPED_HERE]
    assert len(here) == summary.dropped_here
