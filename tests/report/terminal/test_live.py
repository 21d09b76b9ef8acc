from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

import pytest

from netecho.measure.events import Event
from netecho.measure.recorder import Recorder
from netecho.report.output import Output
from netecho.report.terminal.live import LiveView, wanted
from tests.report.runs import MS, START, calm, fed, lost, reply, run
from tests.report.screen import Terminal

SECOND = 1000 * MS
XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Watched:
    """A view of a run, its terminal and its clock."""

    def __init__(self, *, brief: bool = False, settings: Mapping[str, object] | None = None) -> None:
        self.terminal = Terminal()
        self.recorder = Recorder()
        self.view = LiveView(
            Output(self.terminal, self.terminal, environ=XTERM),
            self.recorder,
            "udp://localhost:7007",
            brief=brief,
            clock=lambda: 0,
        )
        self.start = replace(START, settings={**START.settings, **(settings or {})})

    def tell(self, *events: Event) -> None:
        fed(self.recorder, events)
        for event in events:
            self.view.tell(event)

    def frame(self, now: int, width: int = 79) -> list[str]:
        return self.view.frame(now, width)


def test_before_the_connection_stands() -> None:
    watched = Watched()
    watched.view.draw(0)
    assert watched.terminal.screen == ["udp://localhost:7007: connecting"]


def test_a_run_in_progress() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm(4), lost(4))
    watched.view.draw(SECOND)
    assert watched.terminal.screen == [
        "udp://localhost:7007 (127.0.0.1): 64 bytes every 200 ms",
        "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━─────────────────────────────  1.00 s, 1.00 s left",
        "5 sent, 4 received, 1 lost (20%)",
        "▁▃▂▁x",
        "rtt       min   0.100  p50   0.107  p90   0.149  p99   0.149  max   0.149 ms",
        "response  min   0.180  p50   0.187  p90   0.229  p99   0.229  max   0.229 ms",
    ]


def test_it_goes_with_the_end_of_the_run() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm())
    watched.view.draw(SECOND)
    watched.view.finished(run(calm()))
    assert watched.terminal.screen == [""]
    assert watched.terminal.at_rest


def test_a_brief_one_is_a_line() -> None:
    watched = Watched(brief=True)
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    assert watched.frame(SECOND) == ["4 sent, 4 received, 0 lost  1.20 s left  ▁▃▂▁"]


@pytest.mark.parametrize("width", [20, 40, 59, 79, 100])
@pytest.mark.parametrize("brief", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, brief: bool) -> None:
    watched = Watched(brief=brief, settings={"count": 10**9})
    watched.view.started(watched.start)
    for events in ([], calm(100), [reply(100, 10**13)]):
        watched.tell(*events)
        assert all(len(line) <= width for line in watched.frame(SECOND, width))


def test_a_narrow_one_has_fewer_percentiles() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    assert watched.frame(SECOND, 63)[4] == "rtt       p50   0.107  p90   0.149  p99   0.149  max   0.149 ms"
    assert watched.frame(SECOND, 50)[4] == "rtt       p50   0.107  p99   0.149  max   0.149 ms"


@pytest.mark.parametrize(
    ("settings", "now", "words"),
    [
        ({"count": 10}, SECOND, "1.00 s, 1.20 s left"),
        ({"count": 4}, SECOND, "1.00 s, the last replies"),
        ({"count": None, "duration_ms": 60_000.0}, 15 * SECOND, "15.0 s, 45.0 s left"),
        ({"count": 10, "duration_ms": 1500.0}, SECOND, "1.00 s, 0.50 s left"),
        ({"count": None, "duration_ms": 1000.0}, 2 * SECOND, "2.00 s, the last replies"),
        ({"count": None}, 90 * SECOND, "1 min 30 s, Ctrl-C ends it"),
        ({"count": 8, "interval_ms": 0.0}, 2 * SECOND, "2.00 s, 2.00 s left"),  # as fast as it went so far
        ({"count": 4, "connections": 2}, SECOND, "1.00 s, 0.40 s left"),
    ],
)
def test_the_time_that_is_left(settings: dict[str, object], now: int, words: str) -> None:
    watched = Watched(settings=settings)
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    assert watched.frame(now)[1].endswith(words)


def test_slow_runs_have_a_column_for_each_reply() -> None:
    watched = Watched(settings={"interval_ms": 50.0})
    watched.view.started(watched.start)
    watched.tell(reply(0, MS), lost(1), reply(2, 4 * MS), reply(3, 2 * MS))
    watched.view.draw(SECOND)
    assert watched.frame(SECOND)[3] == "▁x█▅"


def test_fast_runs_have_a_column_for_each_frame() -> None:
    watched = Watched(settings={"interval_ms": 1.0})
    watched.view.started(watched.start)
    for events in ([reply(0, MS), reply(1, MS)], [reply(2, 8 * MS), reply(3, MS)], [], [lost(4), reply(5, MS)]):
        watched.tell(*events)
        watched.view.draw(SECOND)
    assert watched.frame(SECOND)[3] == "▁█x"


def test_ascii_where_there_are_no_blocks() -> None:
    output = Output(StringIO(), StringIO(), environ={})
    output.glyphs = False
    view = LiveView(output, Recorder(), "self", clock=lambda: 0)
    view.started(START)
    for event in (reply(0, MS), lost(1), reply(2, 4 * MS)):
        view.tell(event)
    assert all(line.isascii() for line in view.frame(SECOND, 79))
    assert view.frame(SECOND, 79)[3] == "_x@"


@pytest.mark.parametrize(
    ("terminal", "form", "asked", "quiet", "live"),
    [
        (True, "text", None, 0, True),
        (True, "json", None, 0, False),
        (True, "json", True, 0, True),
        (True, "text", False, 0, False),
        (True, "text", None, 1, False),
        (False, "text", None, 0, False),
        (False, "text", True, 0, False),
    ],
)
def test_where_there_is_a_view(terminal: bool, form: str, asked: bool | None, quiet: int, live: bool) -> None:
    stderr = Terminal() if terminal else StringIO()
    assert wanted(Output(StringIO(), stderr, quiet=quiet, environ=XTERM), form, asked) is live
