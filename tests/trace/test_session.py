"""A trace as it goes on: what an answer belongs to, and what is not believed."""

from __future__ import annotations

from netecho.trace.findings import findings
from netecho.trace.hop import MOST_ADDRESSES
from netecho.trace.plan import Plan
from netecho.trace.quote import IcmpError, Quote, parse_icmp
from netecho.trace.session import MOST_CHANGES, Answer, Session
from netecho.units import MICROSECOND, MILLISECOND, SECOND
from tests.trace.played import PATH, TARGET, WALL, expired, played, session


def first(made: Session) -> bytes:
    """Send the first packet, and return what it carries."""
    (due,) = made.due(0)
    payload = made.payload(due, WALL)
    made.sent(due, payload, 0).tx_timestamp = WALL
    return payload


def test_a_path_is_the_routers_and_the_target_in_order() -> None:
    trace = played(Plan(rounds=3))
    assert [hop.addresses for hop in trace.hops] == [(each,) for each in PATH]
    assert [hop.kind for hop in trace.hops] == ["router", "router", "router", "target"]
    assert [(hop.asked, hop.answered) for hop in trace.hops] == [(3, 3)] * 4
    assert trace.reached
    assert trace.flows[0].path == PATH
    assert (trace.rounds, trace.foreign, trace.late, trace.short) == (3, 0, 0, 0)


def test_rounds_are_an_interval_apart_from_when_all_flows_are_open() -> None:
    made = session(Plan(rounds=2, flows=2, max_hops=1))
    made.begin(700 * MILLISECOND)
    sent = []
    while (now := made.next_deadline()) is not None:
        made.settle(now)
        for due in made.due(now):
            made.sent(due, b"", now)
            sent.append((now // MILLISECOND, due.flow))
    assert sent == [(700, 0), (720, 1), (1700, 0), (1720, 1)]


def test_a_round_trip_is_the_kernels() -> None:
    made = session()
    payload = first(made)
    made.quoted(0, PATH[0], expired(payload), 900 * MICROSECOND, WALL + 300 * MICROSECOND)
    trace = made.result()
    assert trace.hops[0].rtt.max == 300 * MICROSECOND
    assert trace.stamps == "kernel"


def test_kernel_timestamps_that_cannot_be_are_not_believed() -> None:
    for wrong in (WALL - 1, WALL + SECOND):
        made = session()
        payload = first(made)
        made.quoted(0, PATH[0], expired(payload), 900 * MICROSECOND, wrong)
        assert made.result().hops[0].rtt.max == 900 * MICROSECOND
        assert made.result().stamps == "user"


def test_what_is_not_answered_in_time_is_lost_and_not_before() -> None:
    made = session()
    first(made)
    assert made.result().hops == ()
    told: list[Answer] = []
    made.listener = told.append
    made.settle(2 * SECOND - 1)
    assert told == []
    made.settle(2 * SECOND)
    assert [answer.address for answer in told] == [None]


def test_an_error_that_quotes_what_was_never_sent_is_counted_apart() -> None:
    made = session()
    payload = first(made)
    for forged in (b"x" * 64, payload[:20] + b"x" * 44):
        made.quoted(0, "203.0.113.66", expired(forged), 1, None)
    trace = made.result()
    assert (trace.foreign, trace.hops) == (2, ())


def test_an_answer_that_comes_twice_or_late_is_counted_once() -> None:
    made = session()
    payload = first(made)
    made.quoted(0, PATH[0], expired(payload), 1, None)
    made.quoted(0, PATH[0], expired(payload), 2, None)
    trace = made.result()
    assert (trace.late, trace.hops[0].answered) == (1, 1)


def test_a_quote_of_8_bytes_is_known_by_its_checksum_where_that_is_seen() -> None:
    made = session()
    payload = first(made)
    flow = made._flows[0].addresses
    assert flow is not None
    checksum = next(each for each in range(1 << 16) if flow.is_own(each, payload))
    made.quoted(0, PATH[0], expired(b""), 1, None)
    assert (made.result().short, made.result().hops) == (1, ())
    made.quoted(0, PATH[0], expired(b"", checksum=checksum), 1, None)
    assert made.result().hops[0].addresses == (PATH[0],)


def test_a_quote_of_8_bytes_that_is_padded_is_no_forgery() -> None:
    made = session()
    first(made)
    made.quoted(0, PATH[0], expired(bytes(100)), 1, None)
    assert (made.result().short, made.result().foreign) == (1, 0)


def test_a_flow_is_found_by_its_port_and_behind_a_nat_by_its_payload() -> None:
    made = session(Plan(rounds=1, flows=2))
    payloads = [made.payload(due, WALL) for due in made.due(SECOND) if made.sent(due, made.payload(due, WALL), 0)]
    quote = {"protocol": 17, "destination": TARGET, "payload": payloads[-1]}
    assert made.flow_of(Quote(**quote, ports=(40_001, 7007))) == 1  # type: ignore[arg-type]
    assert made.flow_of(Quote(**quote, source="203.0.113.5", ports=(1_024, 7007))) == 1  # type: ignore[arg-type]
    assert made.flow_of(Quote(**quote, ports=(40_001, 7008))) is None  # type: ignore[arg-type]
    assert made.flow_of(Quote(protocol=17, destination=TARGET, payload=b"z" * 64, ports=(9, 7007))) is None


def test_a_source_or_checksum_that_changed_is_a_nat() -> None:
    for quoted, translated in (
        ({"source": "192.0.2.1", "ports": (40_000, 7007)}, False),
        ({"source": "203.0.113.5", "ports": (40_000, 7007)}, True),
        ({"source": "192.0.2.1", "ports": (1_024, 7007)}, True),
        ({"source": "192.0.2.1", "ports": (40_000, 7007), "checksum": 7}, True),
    ):
        made = session()
        payload = first(made)
        made.quoted(0, PATH[0], expired(payload, **quoted), 1, None)
        assert made.result().hops[0].translated is translated


def test_a_refusal_is_the_end_of_the_path() -> None:
    made = session()
    payload = first(made)
    refusal = IcmpError(family=4, type=3, code=13, quote=Quote(payload=payload))
    made.quoted(0, PATH[0], refusal, 1, None)
    trace = made.result()
    assert (trace.hops[0].kind, trace.hops[0].meaning, trace.reached) == (
        "refused",
        "administratively prohibited",
        False,
    )


def test_port_unreachable_is_the_targets_answer_if_it_comes_from_the_target() -> None:
    for source, kind in ((TARGET, "target"), (PATH[1], "refused")):
        made = session()
        payload = first(made)
        made.quoted(0, source, IcmpError(family=4, type=3, code=3, quote=Quote(payload=payload)), 1, None)
        assert made.result().hops[0].kind == kind


def test_a_path_that_changes_is_kept_with_the_time() -> None:
    trace = played(Plan(rounds=4), path=lambda due: PATH if due.round < 2 else (PATH[0], "10.9.9.9", *PATH[2:]))
    (change,) = trace.changes
    assert (change.ttl, change.before, change.after) == (2, PATH[1], "10.9.9.9")
    assert change.at == WALL + 2 * SECOND + 100 * MICROSECOND


def test_however_many_answer_what_is_kept_is_bounded() -> None:
    trace = played(
        Plan(rounds=500, interval=10 * MILLISECOND),
        path=lambda due: (f"10.1.{due.round >> 8}.{due.round & 255}", TARGET),
    )
    assert len(trace.hops[0].addresses) == MOST_ADDRESSES
    assert len(trace.changes) == MOST_CHANGES
    assert trace.hops[0].answered == 500


def test_flows_are_told_apart_and_hops_are_of_all() -> None:
    trace = played(
        Plan(rounds=2, flows=2),
        path=lambda due: PATH if due.flow else (PATH[0], "10.8.8.8", *PATH[2:]),
        lost=lambda due: bool(due.flow) and due.ttl == 4 and due.round == 1,
    )
    assert [flow.path[1] for flow in trace.flows] == ["10.8.8.8", PATH[1]]
    assert set(trace.hops[1].addresses) == {"10.8.8.8", PATH[1]}
    assert [(step.lost, step.asked) for step in trace.target_steps] == [(0, 2), (1, 2)]
    assert trace.rtt.count == 3


def test_what_linux_quotes_is_understood() -> None:
    from tests.trace.quotes import FIRST

    error = parse_icmp(FIRST)
    assert error is not None
    made = session()
    payload = first(made)
    data = FIRST[:36] + payload
    error = parse_icmp(data)
    assert error is not None
    made.quoted(0, "10.0.1.2", error, 1, None)
    assert made.result().hops[0].tos == 46 << 2


def test_what_may_still_be_found_is_not_missed() -> None:
    made = session(Plan(rounds=1, max_hops=1))
    payload = first(made)
    assert made.result().searching
    assert findings(made.result()) == ()
    made.quoted(0, PATH[0], expired(payload), 1, None)
    made.due(SECOND)
    assert not made.result().searching
    assert {each.code for each in findings(made.result())} == {"not-reached"}


def segment(ident: int | None) -> IcmpError:
    quote = Quote(protocol=6, ports=(40_000, 7007), ident=ident, destination=TARGET)
    return IcmpError(family=4, type=11, code=0, quote=quote)


def sent_segment(made: Session, number: int) -> None:
    """Send the next segment of TCP, of which the connection has sent so many with it."""
    (due,) = made.due(made.next_deadline() or 0)
    made.sent(due, b"", 0).segment = number


def test_of_tcp_one_segment_is_outstanding_at_a_time_and_an_error_is_about_that() -> None:
    made = session(Plan(rounds=1, one_at_a_time=True))
    sent_segment(made, 5)
    assert made.due(10**12) == []
    assert made.flow_of(segment(1).quote) == 0
    made.quoted(0, PATH[0], segment(1_005), 1, None)
    sent_segment(made, 6)
    made.acknowledged(0, TARGET, 2, None)
    trace = made.result()
    assert (trace.flows[0].path, trace.hops[1].kind) == ((PATH[0], TARGET), "target")


def test_of_tcp_an_error_about_an_earlier_segment_is_late() -> None:
    made = session(Plan(rounds=1, one_at_a_time=True))
    sent_segment(made, 5)
    made.quoted(0, PATH[0], segment(1_005), 1, None)
    sent_segment(made, 6)
    made.settle(10 * SECOND)
    sent_segment(made, 7)
    made.quoted(0, PATH[1], segment(1_006), 2, None)
    assert (made.result().late, len(made.result().hops)) == (1, 1)
    made.quoted(0, PATH[2], segment(1_007), 3, None)
    assert made.result().flows[0].path == (PATH[0], None, PATH[2])


def test_a_connection_that_the_target_ends_is_the_end_of_its_flow() -> None:
    made = session(Plan(rounds=0, one_at_a_time=True))
    sent_segment(made, 5)
    made.ended(0)
    assert made.next_deadline() is None
    assert made.result().flows[0].ended
    assert {each.code for each in findings(made.result())} >= {"connection-ended"}


def test_stopping_gives_up_what_is_outstanding_without_calling_it_lost() -> None:
    made = session(Plan(rounds=0))
    payload = first(made)
    made.quoted(0, PATH[0], expired(payload), 1, None)
    for due in made.due(SECOND):
        made.sent(due, made.payload(due, WALL), SECOND)
    made.stop()
    assert made.next_deadline() is None
    assert [(hop.asked, hop.answered) for hop in made.result().hops] == [(1, 1)]
