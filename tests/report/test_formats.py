import csv
import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO

import pytest

from netecho.measure.events import Event, OneWayDelays
from netecho.measure.loss_reason import LossReason
from netecho.measure.result import Start
from netecho.report.document.reporter import Reporter
from netecho.report.document.schema import complaint
from netecho.report.formats.csv_rows import COLUMNS, CsvReporter
from netecho.report.formats.json_document import JsonReporter
from netecho.report.formats.ndjson import NdjsonReporter
from netecho.report.output import Output
from tests.report.runs import START, TROUBLED, calm, lost, reply, run

SEVERAL = START._replace(settings={**START.settings, "connections": 2})


def printed(reporter: Callable[[Output], Reporter], events: list[Event], start: Start = START) -> str:
    """What a format writes to standard output over a whole run."""
    stdout = StringIO()
    made = reporter(Output(stdout, StringIO(), environ={}))
    made.started(start)
    for event in events:
        made.tell(event)
    made.finished(run(events, start=start))
    return stdout.getvalue()


def ndjson(output: Output) -> NdjsonReporter:
    return NdjsonReporter(output.write_line, output.write)


def test_json_is_the_document() -> None:
    assert json.loads(printed(JsonReporter, TROUBLED)) == run(TROUBLED)


def test_json_has_lists_of_numbers_on_one_line() -> None:
    start = START._replace(label="[\n  1,\n  2\n]")
    text = printed(JsonReporter, [reply(0, 100_000)], start)
    assert "      [0.1, 0.100001, 1]\n" in text
    assert json.loads(text) == run([reply(0, 100_000)], start=start)


def test_json_survives_any_locale() -> None:
    assert printed(JsonReporter, calm(), START._replace(label="Büro")).isascii()


def test_ndjson_is_an_event_a_line() -> None:
    lines = [json.loads(line) for line in printed(ndjson, TROUBLED).splitlines()]
    assert [line["event"] for line in lines] == [
        *("start", "stray", "reply", "reply", "reply", "corrupt", "duplicate", "lost", "late", "reply", "summary")
    ]
    assert lines[0]["target"]["url"] == "udp://localhost:7007"
    assert lines[-1] == {"event": "summary", **run(TROUBLED)}


def test_each_ndjson_line_leaves_at_once() -> None:
    written: list[str] = []
    reporter = NdjsonReporter(written.append, written.append)
    reporter.started(START)
    assert len(written) == 1
    reporter.tell(reply(0, 100_000))
    assert len(written) == 2
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in written)


def test_ndjson_says_how_many_events_were_left_out() -> None:
    written: list[str] = []

    def write_line(text: str) -> bool:
        written.append(text)
        return '"seq": 1' not in text

    reporter = NdjsonReporter(write_line, written.append)
    reporter.started(START)
    for seq in range(3):
        reporter.tell(reply(seq, 100_000))
    reporter.finished(run(calm()))
    summary = json.loads(written[-1])
    assert summary == {"event": "summary", **run(calm()), "events_left_out": 1}
    assert complaint(summary, "event") is None


def test_ndjson_names_the_connection_where_there_are_several() -> None:
    one = [json.loads(line) for line in printed(ndjson, [lost(0)]).splitlines()]
    two = [json.loads(line) for line in printed(ndjson, [lost(0)], SEVERAL).splitlines()]
    assert "connection" not in one[1]
    assert two[1]["connection"] == 0


def test_quiet_ndjson_is_the_summary_alone() -> None:
    written: list[str] = []
    reporter = NdjsonReporter(written.append, written.append, summary_only=True)
    reporter.started(START)
    reporter.tell(reply(0, 100_000))
    reporter.finished(run([reply(0, 100_000)]))
    assert [json.loads(line)["event"] for line in written] == ["summary"]


def test_csv_is_a_row_per_probe() -> None:
    assert printed(CsvReporter, TROUBLED).splitlines() == [
        ",".join(COLUMNS),
        "0,0.0,0.05,0.123456,0.203456,64,reply,,,2026-11-23T05:40:00.123456Z,,,",
        "2,400.0,0.05,0.13,0.21,64,reply,,,2026-11-23T05:40:00.523456Z,,,",
        "1,200.0,0.05,290.0,290.08,64,reply,,,2026-11-23T05:40:00.323456Z,,,",
        "3,600.0,0.05,0.14,0.22,64,corrupt,,,2026-11-23T05:40:00.723456Z,,,",
        "4,800.0,0.05,,,64,lost,timeout,,2026-11-23T05:40:00.923456Z,,,",
        "5,1000.0,0.05,0.15,5.2,64,reply,,,2026-11-23T05:40:01.123456Z,,,",
    ]


def test_csv_names_the_connection_where_there_are_several() -> None:
    rows = list(csv.DictReader(StringIO(printed(CsvReporter, [lost(0)], SEVERAL))))
    assert rows == [
        {"seq": "0", "scheduled_ms": "0.0", "lag_ms": "0.05", "rtt_ms": "", "response_ms": ""}
        | {"size": "64", "outcome": "lost", "reason": "timeout", "detail": ""}
        | {"time": "2026-11-23T05:40:00.123456Z", "connection": "0"}
        | {"forward_ms": "", "backward_ms": "", "processing_ms": ""}
    ]


def test_the_one_way_delays_of_stamp_are_in_every_row() -> None:
    known = reply(0, 100_000)._replace(delays=OneWayDelays(-3_000_000, 3_100_000, 17_000))
    unknown = reply(1, 100_000)._replace(delays=OneWayDelays(processing=9_000))
    rows = list(csv.DictReader(StringIO(printed(CsvReporter, [known, unknown]))))
    parts = ("forward_ms", "backward_ms", "processing_ms")
    assert [tuple(row[part] for part in parts) for row in rows] == [("-3.0", "3.1", "0.017"), ("", "", "0.009")]
    lines = [json.loads(line) for line in printed(ndjson, [known, unknown, reply(2, 1)]).splitlines()][1:]
    assert [tuple(line[part] for part in parts) for line in lines[:2]] == [(-3.0, 3.1, 0.017), (None, None, 0.009)]
    assert "forward_ms" not in lines[2]


def test_csv_of_a_tiny_time_is_no_power_of_ten() -> None:
    row = printed(CsvReporter, [reply(0, 1, lag=0, slow=0)]).splitlines()[1]
    assert row.startswith("0,0.0,0.0,0.000001,0.000001,64,reply,")


def test_csv_of_a_loss_quotes_what_has_to_be() -> None:
    refused = lost(0)._replace(reason=LossReason.REFUSED, detail='ICMP, "port" unreachable\n')
    (row,) = csv.DictReader(StringIO(printed(CsvReporter, [refused])))
    assert (row["reason"], row["detail"]) == ("refused", 'ICMP, "port" unreachable\\n')


@pytest.mark.parametrize(
    "module",
    ["formats.json_document", "formats.ndjson", "formats.csv_rows", "output", "document.schema", "formats.text"],
)
def test_machine_formats_do_not_pay_for_rich(module: str) -> None:
    code = f"import sys, netecho.report.{module}; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
