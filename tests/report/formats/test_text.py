import time
from collections.abc import Iterator
from io import StringIO

import pytest

from netecho.measure.events import Event, StrayReceived
from netecho.measure.loss_reason import LossReason
from netecho.report.formats.event_line import event_line
from netecho.report.formats.text import TextReporter, lines_wanted
from netecho.report.output import Output
from tests.report.runs import START, STARTED, TROUBLED, calm, lost, reply, run


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are local."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def printed(events: list[Event], *, lines: bool = True, quiet: int = 0) -> str:
    stdout = StringIO()
    reporter = TextReporter(Output(stdout, StringIO(), quiet=quiet, environ={}), lines=lines)
    reporter.started(START)
    for event in events:
        reporter.tell(event)
    reporter.finished(run(events))
    return stdout.getvalue()


def test_each_event_has_its_line() -> None:
    assert [event_line(event, STARTED) for event in TROUBLED] == [
        r'unasked: 20 bytes "220 hello \x1b[31mred\r\n"',
        "seq 0  64 bytes    0.123 ms",
        "seq 2  64 bytes    0.130 ms",
        "seq 1  64 bytes  290.000 ms",
        "seq 3  64 bytes    0.140 ms  corrupt from byte 17 on, at 05:40:00.723",
        "seq 3  duplicate",
        "seq 4  lost at 05:40:00.923: timeout",
        "seq 4  late, after 2.5 s",
        "seq 5  64 bytes    0.150 ms  (response 5.2 ms)",
    ]


def test_a_loss_says_why_and_what_else_is_known() -> None:
    refused = lost(3)._replace(reason=LossReason.ICMP_UNREACHABLE, detail="from 10.0.0.1\x1b[2J")
    assert event_line(refused, STARTED) == (r"seq 3  lost at 05:40:00.723: ICMP unreachable, from 10.0.0.1\x1b[2J")


def test_parallel_connections_are_told_apart() -> None:
    assert event_line(reply(0, 123_456)._replace(connection=3), 0, several=True) == "#3 seq 0  64 bytes    0.123 ms"


def test_a_long_stray_is_cut_to_a_line() -> None:
    assert event_line(StrayReceived(0, b"", 32), 0) == "unasked: 32 bytes"
    assert event_line(StrayReceived(0, b"half", 64), 0) == 'unasked: 64 bytes "half"...'
    assert event_line(StrayReceived(0, b"\x1b" * 70_000), 0) == 'unasked: 70000 bytes "' + r"\x1b" * 15 + '"...'


def test_lines_first_and_the_summary_last() -> None:
    lines = printed(calm(3)).splitlines()
    assert lines[0] == "udp://localhost:7007 (127.0.0.1): 64 bytes every 200 ms"
    assert lines[1:4] == [event_line(event, STARTED) for event in calm(3)]
    assert lines[4] == ""
    assert lines[5].startswith("udp://localhost:7007")


def test_sequence_numbers_line_up() -> None:
    stdout = StringIO()
    reporter = TextReporter(Output(stdout, StringIO(), environ={}), lines=True)
    reporter.started(START._replace(settings={**START.settings, "count": 1000}))
    reporter.tell(reply(7, 123_456))
    assert stdout.getvalue().splitlines()[1] == "seq   7  64 bytes    0.123 ms"


@pytest.mark.parametrize(("quiet", "lines"), [(1, True), (0, False)])
def test_the_summary_alone(quiet: int, lines: bool) -> None:
    assert printed(calm(), quiet=quiet, lines=lines).startswith("udp://localhost:7007  127.0.0.1:40000 -> ")


def test_nothing_at_all() -> None:
    assert printed(calm(), quiet=2) == ""


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdout", "count", "wanted"),
    [
        (StringIO(), 0, True),
        (StringIO(), 10**6, True),
        (Screen(), 20, True),
        (Screen(), 21, False),
        (Screen(), None, False),
    ],
)
def test_a_terminal_gets_lines_where_they_are_few(stdout: StringIO, count: int | None, wanted: bool) -> None:
    assert lines_wanted(Output(stdout, StringIO(), environ={}), count) is wanted
