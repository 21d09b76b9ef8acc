import json
import math

import jsonschema
import pytest
from hypothesis import given, strategies as st

from netecho.measure.events import Event
from netecho.measure.facts import TransportFacts
from netecho.measure.facts.tcp import TcpFacts
from netecho.measure.loss_reason import DROPPED_HERE, Loss, LossReason
from netecho.measure.recorder import Recorder
from netecho.measure.result import Result
from netecho.measure.settled import SettledProbes
from netecho.report.document import schema
from netecho.report.document.decode import summary_of
from netecho.report.document.event_rows import row
from netecho.report.document.model import document, head
from netecho.report.document.values import TimeOfDay, milliseconds, timestamp
from tests.report.runs import CLOCK, START, STARTED, TROUBLED, calm, lost, reply, result, run

SCHEMA = json.loads(schema.text())
VALID = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [(0, 0.0), (1, 0.000001), (123_456, 0.123456), (2_003_100_000, 2003.1), (100_000.4, 0.1), (None, None)],
)
def test_nanoseconds_become_milliseconds(nanoseconds: float | None, expected: float | None) -> None:
    assert milliseconds(nanoseconds) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(value: float) -> None:
    assert milliseconds(value) is None


@given(st.integers(0, 10**15))
def test_milliseconds_keep_every_nanosecond(nanoseconds: int) -> None:
    printed = json.loads(json.dumps(milliseconds(nanoseconds)))
    assert round(printed * 1_000_000) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (STARTED, "2026-11-23T05:40:00.123456Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (999_999_999, "1970-01-01T00:00:00.999999Z"),
    ],
)
def test_time_stamps_are_utc_to_the_microsecond(nanoseconds: int, expected: str) -> None:
    assert timestamp(nanoseconds) == expected


def test_a_whole_run() -> None:
    got = run([reply(0, 100_000), reply(1, 100_000)])
    same = {f"{p}_ms": 0.1 for p in ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max")}
    assert got == {
        "schema": "netecho/probe/1",
        "version": "0.1.0",
        "id": "0197c0ffee",
        "label": None,
        "started": "2026-11-23T05:40:00.123456Z",
        "duration_ms": 2003.1,
        "interrupted": False,
        "target": {
            "url": "udp://localhost:7007",
            "transport": "udp",
            "host": "localhost",
            "address": "127.0.0.1",
            "port": 7007,
        },
        "local": {"address": "127.0.0.1", "port": 40000},
        "settings": dict(START.settings),
        "setup": {"resolve_ms": 0.31, "connect_ms": 0.12, "tls_ms": None},
        "probes": {
            "sent": 2,
            "received": 2,
            "lost": 0,
            "loss_percent": 0.0,
            "late": 0,
            "duplicate": 0,
            "reordered": 0,
            "corrupt": 0,
            "pending": 0,
            "stray": 0,
            "stray_bytes": 0,
            "waits": 0,
            "dropped_here": 0,
            "not_sent": 0,
        },
        "loss_by_reason": {},
        "losses": [],
        "outages": [],
        "unavailable_ms": 0.0,
        "gone_ms": 0.0,
        "suspended_ms": 0.0,
        "rtt": {"stamps": "kernel", "count": 2, **same, "stddev_ms": 0.0, "kernel": 2, "user": 0},
        "response": {"count": 2, **dict.fromkeys(same, 0.18), "stddev_ms": 0.0},
        "lag": {"count": 2, **dict.fromkeys(same, 0.05), "stddev_ms": 0.0},
        "variation": {"ipdv_mean_abs_ms": 0.0, "pdv_p99_ms": 0.0, "jitter_rfc3550_ms": 0.0},
        "histogram": {"rtt": [[0.1, 0.100001, 2]], "response": [[0.18, 0.180001, 2]]},
        "timeline": {
            "worst": {"scheduled_ms": 0.0, "rtt_ms": 0.1},
            "periods": [
                [0.0, 199.22944, 1, 0, 0.1, 0.1, 0.1],
                [199.22944, 200.278016, 1, 0, 0.1, 0.1, 0.1],
            ],
        },
        "verdict": {"exit_code": 0, "failed": []},
    }


def test_keys_are_in_the_order_of_the_contract() -> None:
    assert list(run(calm())) == [
        *("schema", "version", "id", "label", "started", "duration_ms", "interrupted", "target", "local", "settings"),
        *("setup", "probes", "loss_by_reason", "losses", "outages", "unavailable_ms", "gone_ms", "suspended_ms"),
        *("rtt", "response", "lag", "variation", "histogram", "timeline", "verdict"),
    ]


def test_losses_have_their_reasons_and_outages_their_times() -> None:
    recorder = Recorder()
    tracker = recorder.outage_tracker(settled := SettledProbes())
    for index, reason in enumerate([LossReason.TIMEOUT, LossReason.RESET]):
        recorder.sent(0)
        recorder.lost(64, Loss(reason, "from 192.0.2.1" if index else ""), scheduled=index * 100_000)
        settled.sent(index, index * 100_000)
        settled.lost(index)
        tracker.lost(index, index * 100_000, 250_000, Loss(reason))
    recorder.sent(0)
    recorder.lost(64, DROPPED_HERE)
    recorder.not_sent(7, 1_500_000)
    got = document(Result(start=START, duration=1, interrupted=False, summary=recorder.summary()))
    VALID.validate(got)
    assert (got["probes"]["dropped_here"], got["probes"]["not_sent"], got["suspended_ms"]) == (1, 7, 1.5)
    assert got["loss_by_reason"] == {"timeout": 1, "reset": 1}
    assert got["losses"] == [
        {"reason": "timeout", "detail": None, "lost": 1, "first_ms": 0.0, "last_ms": 0.0},
        {"reason": "reset", "detail": "from 192.0.2.1", "lost": 1, "first_ms": 0.1, "last_ms": 0.1},
    ]
    assert got["outages"] == [{"start_ms": 0.0, "end_ms": 0.25, "lost": 2, "reason": "reset", "recovered": False}]
    assert got["unavailable_ms"] == 0.25
    assert summary_of(got) == recorder.summary()


def test_a_run_without_a_reply_has_nulls() -> None:
    got = run([lost(0), lost(1)])
    assert got["probes"]["loss_percent"] == 100.0
    assert got["rtt"]["stamps"] is None
    assert [got["rtt"][key] for key in got["rtt"] if key.endswith("_ms")] == [None] * 9
    assert set(got["variation"].values()) == {None}


def test_a_run_without_a_probe_has_no_loss() -> None:
    assert run([])["probes"]["loss_percent"] is None


def test_loss_is_of_those_whose_fate_is_known() -> None:
    probes = run([reply(0, 100_000), lost(1)], pending=3)["probes"]
    assert (probes["sent"], probes["pending"], probes["loss_percent"]) == (5, 3, 50.0)


def test_sections_that_only_some_transports_have() -> None:
    got = document(result(calm())._replace(facts=TransportFacts(tcp=TcpFacts(smoothed_rtt=50_000, retransmits=2))))
    assert (got["tcp"]["srtt_ms"], got["tcp"]["retransmits"], got["tcp"]["pmtu_bytes"]) == (0.05, 2, None)
    assert not {"udp", "tls", "stamp"} & got.keys()
    VALID.validate(got)


def test_a_sweep_has_its_sizes() -> None:
    recorder = Recorder(by_size=True)
    flow = recorder.flow()
    recorder.sent(0)
    recorder.sent(0)
    recorder.replied(flow, 0, 100_000, True, 100_000, 64)
    recorder.lost(1400)
    got = document(Result(start=START, duration=1, interrupted=False, summary=recorder.summary()))
    assert [(size["size"], size["sent"], size["loss_percent"]) for size in got["sizes"]] == [
        (64, 1, 0.0),
        (1400, 1, 100.0),
    ]
    assert got["sizes"][0]["rtt"]["p50_ms"] == 0.1
    assert got["sizes"][1]["rtt"]["p50_ms"] is None
    VALID.validate(got)


def test_several_connections_have_their_flows() -> None:
    recorder = Recorder(connections=2)
    good, bad = recorder.flow(0), recorder.flow(1)
    good.local = ("192.0.2.1", 40_000)
    recorder.sent(0)
    recorder.sent(0)
    recorder.replied(good, 0, 100_000, True, 100_000, 64)
    recorder.lost(64, flow=bad)
    summary = recorder.summary()
    got = document(Result(start=START, duration=1, interrupted=False, summary=summary))
    assert [(flow["connection"], flow["local"], flow["sent"], flow["loss_percent"]) for flow in got["flows"]] == [
        (0, {"address": "192.0.2.1", "port": 40_000}, 1, 0.0),
        (1, {"address": None, "port": None}, 1, 100.0),
    ]
    assert (got["flows"][0]["rtt"]["p99_ms"], got["flows"][1]["rtt"]["p99_ms"]) == (0.1, None)
    VALID.validate(got)
    assert summary_of(got).by_flow == summary.by_flow


def test_criteria_that_failed_are_the_verdict() -> None:
    assert run(calm(), failed=("rtt.p99>20ms",))["verdict"] == {"exit_code": 1, "failed": ["rtt.p99>20ms"]}


@pytest.mark.parametrize("events", [calm(), TROUBLED, [], [lost(0)]])
def test_the_schema_fits_every_kind_of_run(events: list[Event]) -> None:
    VALID.validate(run(events, pending=1, interrupted=True, failed=("loss>1%",)))
    VALID.validate({"event": "summary", **run(events)})
    VALID.validate({"event": "start", **head(START)})
    for event in events:
        VALID.validate(row(event, CLOCK))
        VALID.validate(row(event, CLOCK, several=True))


WRONG = [
    {},
    {"event": "reply"},
    {"event": "hello"},
    {**row(reply(0, 1), CLOCK), "rtt_ms": None},
    {**run([]), "started": "yesterday"},
    {**run([]), "probes": {"sent": 1}},
    {"event": "summary", **head(START)},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_schema_fits_nothing_else(wrong: dict[str, object]) -> None:
    assert not VALID.is_valid(wrong)


@given(st.lists(st.integers(0, 10**12)))
def test_the_time_of_day_is_the_timestamp_of_the_sum(scheduled: list[int]) -> None:
    clock = TimeOfDay(STARTED)
    assert [clock.at(each) for each in scheduled] == [timestamp(STARTED + each) for each in scheduled]
