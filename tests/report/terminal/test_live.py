import os
from collections.abc import Mapping
from io import StringIO

import pytest

from netecho.measure.events import Event
from netecho.measure.recorder import Recorder
from netecho.report.formats.text import view_wanted
from netecho.report.output import Output
from netecho.report.terminal.live import LiveView
from netecho.report.terminal.paper import rendered
from tests.report.runs import MS, START, calm, fed, lost, reply, run
from tests.report.screen import Terminal

SECOND = 1000 * MS
XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Watched:
    """A view of a run, its terminal and its clock."""

    def __init__(
        self, *, brief: bool = False, glyphs: bool = True, settings: Mapping[str, object] | None = None
    ) -> None:
        self.terminal = Terminal()
        self.recorder = Recorder()
        output = Output(self.terminal, self.terminal, environ=XTERM)
        output.glyphs = glyphs
        self.now = 0
        self.view = LiveView(output, self.recorder, "udp://localhost:7007", brief=brief, clock=lambda: self.now)
        self.start = START._replace(settings={**START.settings, **(settings or {})})

    def tell(self, *events: Event) -> None:
        fed(self.recorder, events)

    def frame(self, now: int = SECOND, width: int = 79, height: int = 24) -> list[str]:
        shown = rendered(self.view.frame(now, width, height), width=width, color=False)
        return shown.splitlines()


def test_before_the_connection_stands() -> None:
    watched = Watched()
    watched.view.draw()
    assert watched.terminal.screen == ["udp://localhost:7007: connecting"]


def test_a_run_in_progress() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm(4), lost(4))
    watched.now = SECOND
    watched.view.draw()
    assert watched.terminal.screen == [
        "udp://localhost:7007 (127.0.0.1): 64 bytes every 200 ms",
        "resolve 0.310 ms, connect 0.120 ms",
        "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━                               1.00 s, 1.00 s left",
        "5 sent, 4 received, 1 lost (20%)",
        "",
        "0.15 ┤┄┄┄┄▇▇▇▇┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ p99 0.149",
        "0.14 ┤    ████",
        "     │    ████",
        "0.13 ┤    ████",
        "     │    ████████",
        "0.12 ┤    ████████",
        "     │    ████████",
        "0.11 ┤┄┄┄┄████████▁▁▁▁┄┄┄┄┄┄┄ p50 0.107",
        "     │    ████████████",
        "0.10 ┤▇▇▇▇████████████",
        "0.09 ┤████████████████",
        "  ms  ┬───────────────────",
        "      05:40:00",
        "lost                  \u00d7\u00d7\u00d7\u00d7",
        "",
        "ms          min    p50    p90    p99    max",
        "rtt       0.100  0.107  0.149  0.149  0.149",
        "response  0.180  0.187  0.229  0.229  0.229",
        "lag       0.050  0.050  0.050  0.050  0.050",
    ]


def test_it_goes_with_the_end_of_the_run() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm())
    watched.view.draw()
    watched.view.finished(run(calm()))
    assert watched.terminal.screen == [""]
    assert watched.terminal.at_rest


def test_a_brief_one_is_a_line() -> None:
    watched = Watched(brief=True)
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    assert watched.frame() == ["4 sent, 4 received, 0 lost  1.20 s left  ▁▃▂▁"]


@pytest.mark.parametrize("width", [20, 39, 59, 79, 119, 199])
@pytest.mark.parametrize("height", [6, 10, 24, 60])
@pytest.mark.parametrize("brief", [False, True])
@pytest.mark.parametrize("glyphs", [False, True])
def test_it_fits_the_terminal(width: int, height: int, brief: bool, glyphs: bool) -> None:
    watched = Watched(brief=brief, glyphs=glyphs, settings={"count": 10**9})
    watched.view.started(watched.start)
    for events in ([], calm(100), [reply(100, 10**13)], [lost(101)]):
        watched.tell(*events)
        shown = watched.frame(width=width, height=height)
        assert all(len(line) <= width for line in shown)
        assert len(shown) <= height
        if not glyphs:
            assert all(line.isascii() for line in shown)


def test_more_room_is_a_higher_chart() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm(100))
    assert [len(watched.frame(height=height)) for height in (10, 24, 60)] == [10, 24, 60]


def test_a_narrow_one_has_fewer_percentiles() -> None:
    watched = Watched()
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    assert watched.frame(width=50)[-3:-1] == [
        "rtt       0.100  0.107  0.149  0.149  0.149",
        "response  0.180  0.187  0.229  0.229  0.229",
    ]
    assert watched.frame(width=30)[-3:-1] == [
        "rtt       0.107  0.149  0.149",
        "response  0.187  0.229  0.229",
    ]


def test_where_nothing_is_sent_it_is_the_connecting_that_is_measured() -> None:
    watched = Watched(settings={"connect_only": True})
    watched.view.started(watched.start)
    watched.tell(*calm(4))
    shown = watched.frame()
    assert any(line.startswith("connect ") for line in shown)
    assert not any(line.startswith("rtt") or "64 bytes" in line for line in shown)


@pytest.mark.parametrize(
    ("settings", "pause"),
    [
        ({"interval_ms": 200.0}, 0.3),  # at 0.5 s, between the sends at 0.4 and at 0.6
        ({"interval_ms": 100.0}, 0.25),
        ({"interval_ms": 100.0, "connections": 2}, 0.275),
        ({"interval_ms": 10.0}, None),
        ({"interval_ms": 0.0}, None),
        ({"interval_ms": 200.0, "schedule": "poisson"}, None),
    ],
)
def test_a_frame_is_drawn_in_the_middle_between_two_sends_where_it_has_room(
    settings: dict[str, object], pause: float | None
) -> None:
    watched = Watched(settings=settings)
    assert watched.view.pause(0.25, 0.005) == 0.25  # nothing is sent yet
    watched.view.started(watched.start)
    watched.now = 200 * MS
    assert watched.view.pause(0.25, 0.005) == (pause if pause is None else pytest.approx(pause))


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
    assert watched.frame(now)[2].endswith(words)


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
    assert view_wanted(Output(StringIO(), stderr, quiet=quiet, environ=XTERM), form, asked) is live


def test_no_view_where_a_pipe_may_lead_to_the_same_terminal() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe, os.fdopen(reader):
        output = Output(pipe, Terminal(), environ=XTERM)
        assert not view_wanted(output, "text", None)
        assert view_wanted(output, "text", True)
