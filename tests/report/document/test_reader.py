import gzip
import json
from contextlib import nullcontext, suppress
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from netecho.errors import UsageError
from netecho.measure.events import Event
from netecho.measure.loss_reason import STOPPED
from netecho.measure.result import Start
from netecho.report.document.model import Document
from netecho.report.document.reader import LONGEST_LINE, replay
from netecho.report.formats.json_document import pretty
from netecho.report.formats.ndjson import NdjsonReporter, line
from tests.report.runs import START, TROUBLED, calm, lost, reply, run


class Listening:
    """A reporter that keeps what it is told."""

    follows = True

    def __init__(self) -> None:
        self.starts: list[Start] = []
        self.events: list[Event] = []
        self.documents: list[Document] = []

    def started(self, start: Start) -> None:
        self.starts.append(start)

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def finished(self, document: Document) -> None:
        self.documents.append(document)


def saved(events: list[Event], start: Start = START, **more: Any) -> list[str]:
    """The lines that a run is saved as."""
    lines: list[str] = []
    reporter = NdjsonReporter(lines.append, lines.append)
    reporter.started(start)
    for event in events:
        reporter.tell(event)
    reporter.finished(run(events, start=start, **more))
    return lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.ndjson"


@pytest.mark.parametrize("events", [calm(), TROUBLED, [lost(0)], []])
def test_a_run_is_told_again_as_it_was(file: Path, events: list[Event]) -> None:
    file.write_text("".join(saved(events, failed=("loss>1%",), pending=2, waits=3)))
    listening = Listening()
    got = replay(str(file), listening)
    assert got.remark is None
    assert got.events == len(events)
    assert got.document == run(events, failed=("loss>1%",), pending=2, waits=3)
    assert listening.events == events
    assert listening.documents == [got.document]
    # The document has the time of day to the microsecond.
    assert listening.starts == [START._replace(started=START.started // 1000 * 1000)]


def test_the_summary_alone_is_enough(file: Path) -> None:
    file.write_text(saved(TROUBLED)[-1])
    listening = Listening()
    assert replay(str(file), listening).document == run(TROUBLED)
    assert (len(listening.starts), listening.events) == (1, [])


@pytest.mark.parametrize("text", [pretty(run(TROUBLED)), json.dumps(run(TROUBLED)), line(run(TROUBLED))])
def test_so_is_the_json_document(file: Path, text: str) -> None:
    file.write_text(text)
    assert replay(str(file)).document == run(TROUBLED)


@pytest.mark.parametrize("end", ["", '{"event": "summary", "sche', '{"event": "rep'])
def test_a_run_that_was_killed_is_read_up_to_where_it_ends(file: Path, end: str) -> None:
    file.write_text("".join(saved(TROUBLED)[:-1]) + end)
    listening = Listening()
    got = replay(str(file), listening)
    assert got.remark == f"{str(file)!r} breaks off after 6 probes: the run was cut off, the figures are of those"
    assert listening.events == TROUBLED
    whole = run(TROUBLED)
    for section in ("probes", "rtt", "response", "lag", "variation", "histogram"):
        assert got.document[section] == whole[section]
    assert got.document["interrupted"] is True
    assert got.document["duration_ms"] == 1005.2
    assert got.document["started"] == whole["started"]
    assert got.document["verdict"] == {
        "exit_code": 1,
        "failed": ["corrupt>0: 1 (the echo differs from what was sent)"],
    }


def test_what_the_killed_run_was_to_be_held_to(file: Path) -> None:
    start = START._replace(settings={**START.settings, "fail_if": ["rtt.p99>100us", "loss>50%"]})
    file.write_text("".join(saved(calm(), start)[:-1]))
    failed = replay(str(file)).document["verdict"]["failed"]
    assert [each.partition(":")[0] for each in failed] == ["rtt.p99>100us"]


def test_parallel_connections_are_put_together_again(file: Path) -> None:
    start = START._replace(settings={**START.settings, "connections": 2})
    events: list[Event] = [
        reply(0, 100_000),
        reply(1, 110_000)._replace(connection=1),
        reply(0, 140_000)._replace(connection=1),
        reply(1, 100_000),
    ]
    file.write_text("".join(saved(events, start)[:-1]))
    document = replay(str(file)).document
    assert document["probes"]["reordered"] == 1
    assert document["variation"]["ipdv_mean_abs_ms"] == 0.015
    assert [(flow["connection"], flow["received"], flow["rtt"]["max_ms"]) for flow in document["flows"]] == [
        (0, 2, 0.1),
        (1, 2, 0.14),
    ]


def test_an_outage_ends_with_an_answer_of_which_the_time_is_not_known(file: Path) -> None:
    """As it did while the run went on: a stop of the process hid how long it took, not that it came."""
    stopped = lost(4)._replace(reason=STOPPED.reason, detail=STOPPED.detail)
    events: list[Event] = [reply(0, 100_000), lost(1), lost(2), lost(3), stopped, lost(5), reply(6, 100_000)]
    file.write_text("".join(saved(events)[:-1]))
    document = replay(str(file)).document
    assert [(each["start_ms"], each["end_ms"], each["lost"]) for each in document["outages"]] == [(200.05, 800.05, 3)]
    assert document["probes"]["lost"] == 4


def test_a_sweep_has_its_sizes_again(file: Path) -> None:
    start = START._replace(settings={**START.settings, "size": "64..128:64"})
    events: list[Event] = [reply(0, 100_000), reply(1, 200_000)._replace(size=128)]
    file.write_text("".join(saved(events, start)[:-1]))
    assert [(each["size"], each["rtt"]["p50_ms"]) for each in replay(str(file)).document["sizes"]] == [
        (64, 0.1),
        (128, 0.2),
    ]


FIRST = saved([])[0]
SUMMARY = saved([])[1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ": it is empty"),
        ("\n\n", ", line 2: it is empty"),
        ("seq,rtt\n0,1\n", ", line 1: it is not JSON"),
        ("{" + "\n{" * 50, ", line 1: it is not JSON"),
        ("[]\n", ", line 1: it is not a JSON object"),
        ("[" * 100_000, ", line 1: it is not JSON"),
        ('{"event": "reply"}\n', ", line 1: a run begins with its start event"),
        ('{"a": 1}\n', ", line 1: a run begins with its start event"),
        ('{"event": "start"}\n', ", line 1: head has no 'schema'"),
        (FIRST.replace("probe/1", "probe/2"), ", line 1: head.schema is not 'netecho/probe/1'"),
        (FIRST.replace("2026-11-23", "2026-13-32"), ", line 1: month must be in 1..12"),
        (FIRST.replace("2026-11-23", "9999-11-23"), ", line 1: no run began in the year 9999"),
        (FIRST + "what?\n", ", line 2: it is not JSON"),
        (FIRST + "\n\nwhat?\n" + SUMMARY, ", line 4: it is not JSON"),
        (FIRST + '{"event": "bye"}\n', ", line 2: 'bye' is not an event of a run"),
        (FIRST + '{"event": "reply", "seq": NaN}\n', ", line 2: it is not JSON"),
        (FIRST + line({"event": "duplicate", "seq": -1}), ", line 2: its seq is not a count"),
        (FIRST + json.dumps({"event": "reply", "connection": 7}), ", line 2: its seq is not a count"),
        (
            FIRST + saved([reply(0, 1)])[1].replace('"seq"', '"connection": 1, "seq"'),
            ", line 2: the run had no connection 1",
        ),
        (FIRST + SUMMARY.replace('"sent": 0', '"sent": "0"'), ", line 2: document.probes.sent is not integer"),
        (FIRST + SUMMARY + FIRST, ", line 3: something follows the end of it: one run, one file"),
        (f'{{"a": {"[" * 500}{"]" * 500}}}\n', ", line 1: it is nested too deeply"),
        (FIRST + "x" * LONGEST_LINE, ", line 2: it is too long"),
        ("\x00" * 2 * LONGEST_LINE, ", line 1: it is too long"),
    ],
)
def test_other_files_are_refused_with_the_line(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        replay(str(file), Listening())
    assert caught.value.sentence == f"{str(file)!r}{why}"
    assert caught.value.hint == "a run that was saved with netecho probe --save FILE"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        replay(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        replay(str(tmp_path / "none"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text().map(str.encode), st.booleans())
def test_any_bytes_are_a_run_or_a_usage_error(file: Path, data: bytes, after_start: bool) -> None:
    file.write_bytes(FIRST.encode() + data if after_start else data)
    with suppress(UsageError):
        replay(str(file), Listening())


def test_what_is_compressed_is_read_as_what_it_holds(file: Path) -> None:
    lines = [FIRST, *saved(calm(3))[1:]]
    file.write_bytes(gzip.compress("".join(lines).encode()))
    assert replay(str(file)).document["probes"]["received"] == 3
    damaged = file.read_bytes()[:-30]
    file.write_bytes(damaged)
    with pytest.raises(UsageError, match="its compression is damaged"):
        replay(str(file))


@pytest.mark.parametrize("compressed", [False, True])
def test_standard_input_is_read_as_a_file(monkeypatch: pytest.MonkeyPatch, compressed: bool) -> None:
    text = "".join([FIRST, *saved(calm(3))[1:]]).encode()
    stdin = TextIOWrapper(BufferedReader(BytesIO(gzip.compress(text) if compressed else text)))
    monkeypatch.setattr("sys.stdin", stdin)
    assert replay("-").events == 3
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input cannot be read: it is closed"):
        replay("-")


def test_how_far_reading_is_is_told_to_the_end(file: Path) -> None:
    text = "".join([FIRST, *saved(calm(3))[1:]])
    file.write_text(text)
    seen: list[tuple[int, int]] = []
    replay(str(file), None, nullcontext(lambda position, size: seen.append((position, size))))
    assert seen[-1] == (len(text), len(text))
