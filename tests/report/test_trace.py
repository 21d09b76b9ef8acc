"""A trace in every format: the schema holds, the table fits, and nobody on the path writes to the terminal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from netecho.report.document import schema
from netecho.report.document.trace import document
from netecho.report.formats.trace_rows import COLUMNS, CsvTrace, NdjsonTrace
from netecho.report.output import Output
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.trace import trace
from netecho.target import Target
from netecho.trace.flow import Due
from netecho.trace.plan import Plan
from netecho.trace.quote import IcmpError, Quote, parse_icmp
from netecho.trace.run import Head, Traced
from netecho.trace.session import Answer
from tests.trace.played import PATH, TARGET, WALL, played, session
from tests.trace.played_back import BACK, HERE, Back
from tests.trace.quotes import labelled

SCHEMA = jsonschema.Draft202012Validator(json.loads(schema.text()))
HEAD = Head(
    id="one",
    target=Target("udp", "server.example.net", 7007),
    address=TARGET,
    local="192.0.2.1",
    ports=(40_000, 40_001),
    started=WALL,
    raw=True,
    settings={"dscp": 46},
)
OTHER = "10.8.8.8"


def traced(names: dict[str, str] | None = None, **network: Any) -> Traced:
    known = network.pop("plan", Plan(rounds=5, flows=2, dscp=46))
    return Traced(head=HEAD, trace=played(known, **network), names=names or {}, duration=1_500_000_000)


EVERY = {
    "fine": traced(),
    "two ways": traced(path=lambda due: PATH if due.flow else (PATH[0], OTHER, *PATH[2:])),
    "nothing": traced(lost=lambda _: True),
    "lossy": traced(lost=lambda due: due.round == 2, tos=0),
    "changed": traced(path=lambda due: PATH if due.round < 3 else (PATH[0], OTHER, *PATH[2:])),
    "tcp": replace(traced(), retransmits=0),
    "back": replace(traced(), reverse=Back(Plan(rounds=2, flows=2)).play()),
    "no way back": replace(traced(), reverse=Back(controlled=False).play()),
    "silent": traced(path=lambda _: ("", PATH[1], TARGET)),
}


def page(run: Traced, width: int = 80) -> str:
    return rendered(trace(document(run), width), width=width, color=False)


@pytest.mark.parametrize("name", EVERY)
def test_a_document_is_as_the_schema_says(name: str) -> None:
    shaped = document(EVERY[name], 1)
    SCHEMA.validate(json.loads(json.dumps(shaped, allow_nan=False)))
    assert [hop["ttl"] for hop in shaped["hops"]] == list(range(1, len(shaped["hops"]) + 1))


def test_the_schema_looks_into_a_trace() -> None:
    shaped = document(EVERY["fine"])
    shaped["hops"][0]["asked"] = -1
    assert not SCHEMA.is_valid(shaped)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_page_is_no_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(map(len, page(EVERY[name], width).splitlines())) <= width


def test_a_hop_has_a_row_for_each_address_and_its_name() -> None:
    shown = page(
        traced({PATH[0]: "gw.example.net"}, path=lambda due: PATH if due.flow else (PATH[0], OTHER, *PATH[2:]))
    )
    assert f"1  gw.example.net ({PATH[0]})" in shown
    assert OTHER in shown
    assert "hop 2 differs from flow to flow" in shown


def test_the_way_back_is_a_second_table_and_both_are_compared() -> None:
    shown = page(EVERY["back"])
    there, _, back = shown.partition("The way back: 4 hops")
    assert PATH[0] in there
    rows = [line.split()[:2] for line in back.splitlines() if line.startswith("  ") and line[2].isdigit()]
    assert rows == [[str(n), address] for n, address in enumerate((*BACK[:3], HERE), 1)]
    assert "the way back is the way there" in back
    shown = page(EVERY["no way back"])
    assert "The way back" not in shown
    assert "the far end does not trace the way back" in shown


def test_columns_make_room_for_an_address() -> None:
    longest = "2001:db8:1111:2222:3333:4444:5555:6666"
    assert longest in page(traced(path=lambda _: (longest, TARGET)), 60)


def test_what_a_hop_saw_stands_beside_it_where_it_is_not_what_was_sent() -> None:
    assert "DSCP 0" in page(EVERY["lossy"])
    assert "DSCP" not in page(traced(tos=46 << 2))


def test_what_a_router_says_of_labels_and_sizes_is_shown_where_it_is() -> None:
    """By crafted packets: RFC 4950 behind a quote of 128 bytes, and RFC 1191's MTU."""
    made = session()
    (due,) = made.due(0)
    payload = made.payload(due, WALL)
    made.sent(due, payload, 0)
    error = parse_icmp(labelled(payload))
    assert error is not None
    made.quoted(0, PATH[0], error, 1000, None)
    (due,) = made.due(made.next_deadline() or 0)
    payload = made.payload(due, WALL)
    made.sent(due, payload, 0)
    too_large = IcmpError(family=4, type=3, code=4, quote=Quote(payload=payload), mtu=1400)
    made.quoted(0, PATH[1], too_large, 1000, None)
    shaped = document(replace(traced(), trace=made.result()))
    SCHEMA.validate(shaped)
    assert shaped["hops"][0]["mpls"] == [
        {"label": 0x12345, "traffic_class": 0, "bottom": False, "ttl": 0x1F},
        {"label": 0xA, "traffic_class": 0, "bottom": True, "ttl": 1},
    ]
    shown = page(replace(traced(), trace=made.result()), 120)
    assert "MPLS 74565/10" in shown
    assert "packet too large, MTU 1400" in shown
    assert f"hop 2 ({PATH[1]}) passes on at most 1400 bytes" in shown


def test_a_name_cannot_write_to_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07[bold red]x[/]\u202e"
    for width in (60, 200):
        shown = page(traced(dict.fromkeys(PATH, evil)), width)
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "\u202e" not in shown
    assert "[bold red]" in shown


def test_the_time_of_a_change_is_told() -> None:
    assert "10.8.8.8 answers in the place of 10.0.2.2 (" in " ".join(page(EVERY["changed"]).split())


ANSWERS = (
    Answer(Due(0, 7, 3, 2), PATH[1], "router", 1_234_567, True),
    Answer(Due(1, 8, 3, 4), None, backward=True),
    Answer(Due(0, 9, 3, 3), "10.9.9.9", "refused", 1_000, False, "host, unreachable"),
)


def lines(kind: type[NdjsonTrace | CsvTrace]) -> str:
    out = io.StringIO()
    observer = kind(Output(out, io.StringIO()))
    observer.started(HEAD)
    for answer in ANSWERS:
        observer.answered(answer)
    observer.finished(document(EVERY["fine"]))
    return out.getvalue()


def test_ndjson_has_a_line_for_each_packet_between_a_start_and_a_summary() -> None:
    events = [json.loads(line) for line in lines(NdjsonTrace).splitlines()]
    for event in events:
        SCHEMA.validate(event)
    assert [event["event"] for event in events] == ["start", "answer", "no_answer", "answer", "summary"]
    assert (events[1]["address"], events[1]["rtt_ms"], events[1]["stamps"]) == (PATH[1], 1.234567, "kernel")


def test_csv_has_a_row_for_each_packet() -> None:
    header, *rows = csv.reader(io.StringIO(lines(CsvTrace)))
    assert header == list(COLUMNS)
    assert rows == [
        ["3", "0", "2", PATH[1], "router", "1.234567", "kernel", "", "forward"],
        ["3", "1", "4", "", "", "", "", "", "backward"],
        ["3", "0", "3", "10.9.9.9", "refused", "0.001", "user", "host, unreachable", "forward"],
    ]
