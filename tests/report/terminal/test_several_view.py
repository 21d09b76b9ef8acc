import pytest

from netecho.measure.events import Event
from netecho.measure.recorder import Recorder
from netecho.report.output import Output
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.several_view import SeveralView, WatchedTarget
from tests.report.runs import MS, START, calm, fed, lost, reply
from tests.report.screen import Terminal

SECOND = 1000 * MS
XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Watched:
    """A view of several runs, its terminal and its clock."""

    def __init__(self, *, glyphs: bool = True) -> None:
        self.terminal = Terminal()
        output = Output(self.terminal, self.terminal, environ=XTERM)
        output.glyphs = glyphs
        self.now = 0
        self.view = SeveralView(output, clock=lambda: self.now)

    def target(self, url: str) -> WatchedTarget:
        return self.view.target(url, Recorder())

    def run(self, url: str, *events: Event, **settings: object) -> None:
        target = self.target(url)
        target.started(START._replace(settings={**START.settings, **settings}))
        fed(target.recorder, events)

    def frame(self, now: int = SECOND, width: int = 79, height: int = 24) -> list[str]:
        return rendered(self.view.frame(now, width, height), width=width, color=False).splitlines()


def test_a_row_for_each_target() -> None:
    watched = Watched()
    watched.run("tcp://a:7007", *calm(4))
    watched.run("udp://b:7007", *calm(3), lost(3))
    watched.target("tcp://c:7007")
    watched.target("tcp://d:7007").unreached()
    assert watched.frame() == [
        "━━━━━━━━━━━━━━━━━━━━━━━                                     1.00 s, 1.20 s left",
        "rtt, ms       sent         lost    p50    p99    max  over time",
        "tcp://a:7007     4           0%  0.107  0.149  0.149  ▁▃▂▁",
        "udp://b:7007     4          25%  0.128  0.149  0.149  ▁▃▂x",
        "tcp://c:7007     0   connecting      -      -      -",
        "tcp://d:7007     0  not reached      -      -      -",
    ]


def test_before_any_connection_stands_and_after_none_did() -> None:
    watched = Watched()
    target = watched.target("tcp://a:7007")
    assert watched.frame()[0] == "connecting"
    target.unreached()
    assert watched.frame()[0] == ""


def test_the_progress_is_that_of_the_run_that_has_most_before_it() -> None:
    watched = Watched()
    watched.run("tcp://a:7007", *calm(9), count=10)
    watched.run("tcp://b:7007", *calm(2), count=10)
    assert watched.frame()[0].endswith("1.00 s, 1.60 s left")


def test_where_all_measure_connecting_the_table_says_so() -> None:
    watched = Watched()
    watched.run("tcp://a:7007", *calm(4), connect_only=True)
    assert watched.frame()[1].startswith("connect, ms ")
    watched.run("udp://b:7007", *calm(4))
    assert watched.frame()[1].startswith("rtt, ms ")


@pytest.mark.parametrize("width", [40, 59, 79, 119, 199])
@pytest.mark.parametrize("height", [4, 10, 60])
def test_it_fits_the_terminal(width: int, height: int) -> None:
    watched = Watched(glyphs=False)
    for number in range(20):
        watched.run(f"tcp://host{number}:7007", *calm(100), reply(100, 10**13), lost(101), count=10**9)
    shown = watched.frame(width=width, height=height)
    assert all(len(line) <= width and line.isascii() for line in shown)
    assert len(shown) == min(height, 22)
    if height < 22:
        assert shown[-1] == f"and {20 - (height - 3)} more targets"


def test_it_stands_below_what_is_written_and_goes() -> None:
    watched = Watched()
    watched.run("tcp://a:7007", *calm(4))
    watched.terminal.write("above\n")
    watched.view.draw()
    assert [line.split()[0] for line in watched.terminal.screen[2:]] == ["rtt,", "tcp://a:7007"]
    watched.view.close()
    assert watched.terminal.screen == ["above"]
    assert watched.terminal.at_rest
