"""What makes a trace fail."""

from __future__ import annotations

import pytest

from netecho.errors import UsageError
from netecho.trace.plan import Plan
from netecho.trace.quote import IcmpError, Quote
from netecho.trace.verdict import criteria, judge
from netecho.units import MILLISECOND
from tests.trace.played import played, session

REACHED = played(Plan(rounds=10), lost=lambda due: due.ttl == 4 and due.round == 3)
SILENT = played(Plan(rounds=1), lost=lambda due: due.ttl >= 3)


def failed(text: str) -> list[str]:
    return [str(each) for each in judge(criteria(text), REACHED)]


def test_loss_to_the_end_as_a_share_and_as_a_count() -> None:
    assert failed("loss>10%,loss>1") == []
    assert failed("loss>9%,loss>0") == ["loss>9%: 10%", "loss>0: 1"]


def test_round_trips_to_the_end() -> None:
    assert failed("rtt.p99>1ms") == []
    assert failed("rtt.p50>50us,received<10") == ["rtt.p50>50us: 0.1 ms", "received<10: 9"]


def test_a_target_that_does_not_answer_fails_unasked_and_every_criterion_with_it() -> None:
    assert [str(each) for each in judge(criteria("rtt.p50>1s,loss>50%"), SILENT)] == [
        "received<1: 0",
        "rtt.p50>1s: no value",
        "loss>50%: no value",
    ]


def test_who_refuses_is_not_the_target() -> None:
    made = session(Plan(rounds=1, max_hops=1))
    (due,) = made.due(0)
    payload = made.payload(due, 0)
    made.sent(due, payload, 0)
    made.quoted(0, "10.0.1.2", IcmpError(family=4, type=3, code=13, quote=Quote(payload=payload)), 1, None)
    assert [str(each) for each in judge(criteria("loss>99%"), made.result())] == ["received<1: 0", "loss>99%: no value"]


def test_what_a_trace_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="'jitter' is not a figure of a trace"):
        criteria("loss>1%,jitter>1ms")


def test_a_slow_trace_fails() -> None:
    slow = played(Plan(rounds=3), rtt=lambda _: 30 * MILLISECOND)
    assert [str(each) for each in judge(criteria("rtt.max>20ms"), slow)] == ["rtt.max>20ms: 30 ms"]
