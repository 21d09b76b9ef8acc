import json

import pytest
from hypothesis import given, strategies as st

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
from netecho.report.document.event_rows import LONGEST, STRAY_SHOWN, event, row
from tests.report.runs import CLOCK, TROUBLED, lost, reply

number = st.integers(0, 2**40)
time = st.integers(0, 10**15)
delay = st.none() | st.integers(-(10**15), 10**15)
delays = st.none() | st.builds(OneWayDelays, delay, delay, delay)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(ReplyReceived, number, number, time, time, time, time, number, st.booleans(), delays),
    st.builds(EchoCorrupted, number, number, time, time, time, time, number, st.booleans(), number, delays),
    st.builds(ProbeLost, number, number, time, time, number, st.sampled_from(LossReason), st.text()),
    st.builds(ReplyLate, number, number, time),
    st.builds(ReplyDuplicated, number, number),
    st.builds(
        StrayReceived, number, st.binary(max_size=STRAY_SHOWN), st.none() | st.integers(STRAY_SHOWN + 1, 1 << 40)
    ),
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            TROUBLED[1],
            {
                "event": "reply",
                "seq": 0,
                "scheduled_ms": 0.0,
                "time": "2026-11-23T05:40:00.123456Z",
                "lag_ms": 0.05,
                "rtt_ms": 0.123456,
            }
            | {"response_ms": 0.203456, "size": 64, "stamps": "kernel"},
        ),
        (
            TROUBLED[4],
            {
                "event": "corrupt",
                "seq": 3,
                "scheduled_ms": 600.0,
                "time": "2026-11-23T05:40:00.723456Z",
                "lag_ms": 0.05,
                "rtt_ms": 0.14,
            }
            | {"response_ms": 0.22, "size": 64, "stamps": "kernel", "offset": 17},
        ),
        (TROUBLED[5], {"event": "duplicate", "seq": 3}),
        (
            TROUBLED[6],
            {
                "event": "lost",
                "seq": 4,
                "scheduled_ms": 800.0,
                "time": "2026-11-23T05:40:00.923456Z",
                "lag_ms": 0.05,
                "size": 64,
            }
            | {"reason": "timeout"},
        ),
        (
            ProbeLost(0, 4, 800_000_000, 50_000, 64, LossReason.TOO_LARGE, "path MTU 1400"),
            {
                "event": "lost",
                "seq": 4,
                "scheduled_ms": 800.0,
                "time": "2026-11-23T05:40:00.923456Z",
                "lag_ms": 0.05,
                "size": 64,
            }
            | {"reason": "too_large", "detail": "path MTU 1400"},
        ),
        (TROUBLED[7], {"event": "late", "seq": 4, "rtt_ms": 2500.0}),
        (TROUBLED[0], {"event": "stray", "size": 20, "text": r"220 hello \x1b[31mred\r\n"}),
    ],
)
def test_an_event_as_a_row(event: Event, expected: dict[str, object]) -> None:
    assert row(event, CLOCK) == expected
    assert row(event, CLOCK, several=True) == {"event": expected["event"], "connection": 0} | expected


@given(events)
def test_an_event_comes_back_to_the_nanosecond(told: Event) -> None:
    assert event(json.loads(json.dumps(row(told, CLOCK, several=True)))) == told


def test_a_long_stray_is_cut() -> None:
    cut = row(StrayReceived(0, b"x" * 70_000), CLOCK)
    assert cut == {"event": "stray", "size": 70_000, "text": "x" * 256}
    assert event(cut) == StrayReceived(0, b"x" * 256, 70_000)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "it has no event"),
        ({"event": ["reply"]}, "it has no event"),
        ({"event": "bye"}, "'bye' is not an event of a run"),
        ({"event": "duplicate"}, "its seq is not a count"),
        ({"event": "duplicate", "seq": -1}, "its seq is not a count"),
        ({"event": "duplicate", "seq": True}, "its seq is not a count"),
        ({"event": "duplicate", "seq": 1.5}, "its seq is not a count"),
        ({"event": "duplicate", "seq": 0, "connection": "a"}, "its connection is not a count"),
        ({**row(reply(0, 1), CLOCK), "rtt_ms": None}, "its rtt_ms is not a time"),
        ({**row(reply(0, 1), CLOCK), "rtt_ms": "1"}, "its rtt_ms is not a time"),
        ({**row(reply(0, 1), CLOCK), "lag_ms": float("nan")}, "its lag_ms is not a time"),
        ({**row(reply(0, 1), CLOCK), "lag_ms": float("inf")}, "its lag_ms is not a time"),
        ({**row(lost(0), CLOCK), "scheduled_ms": LONGEST}, "its scheduled_ms is not a time"),
        ({**row(lost(0), CLOCK), "scheduled_ms": 10**4000}, "its scheduled_ms is not a time"),
        ({"event": "stray", "size": 1, "text": 7}, "its text is not a string"),
        ({"event": "stray", "size": 1, "text": r"\q"}, "no escape that netecho writes"),
    ],
)
def test_what_is_no_row_is_refused(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        event(wrong)
