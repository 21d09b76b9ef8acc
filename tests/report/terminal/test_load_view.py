"""A run of load as it goes, on a terminal."""

from __future__ import annotations

from io import StringIO

from netecho.load.progress import LoadProgress
from netecho.load.run import Reading, Sample
from netecho.report.output import Output
from netecho.report.terminal.load_view import LoadView, words
from netecho.units import MILLISECOND, SECOND
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm", "LANG": "C.UTF-8"}


class Run:
    """A run that is watched, at a time that is set."""

    def __init__(self, columns: int = 80) -> None:
        self.now = 0
        self.samples: list[Sample] = []
        self.progress = LoadProgress()
        self.progress.samples = self.samples
        self.terminal = Terminal()
        output = Output(StringIO(), self.terminal, environ=XTERM | {"COLUMNS": str(columns)})
        self.view = LoadView(output, self.progress, "nq://far", lambda: self.now)

    def probes(self, seconds: int, milliseconds: int) -> None:
        for _ in range(seconds * 10):
            self.samples.append(Sample(self.now, 0, milliseconds * MILLISECOND))
            self.now += SECOND // 10

    def screen(self) -> list[str]:
        self.view.draw()
        return self.terminal.screen


def played(run: Run) -> None:
    run.progress.plan({"idle": 3 * SECOND, "upload": 8 * SECOND})
    run.progress.begin("idle", run.now)
    run.probes(3, 2)
    run.progress.end()
    run.progress.begin("upload", run.now)
    run.probes(4, 480)
    for at in (6 * SECOND, 7 * SECOND):
        run.progress.arrived("upload", Reading(at, 1_195_000 * at // SECOND, 4))


def test_before_it_begins() -> None:
    screen = Run().screen()
    assert screen[0] == "nq://far: looking for what answers"


def test_a_row_for_each_phase_a_bar_and_the_round_trips_over_time() -> None:
    run = Run()
    played(run)
    title, bar, head, idle, upload, over_time = run.screen()
    assert title == "nq://far: 2 of 2, upload"
    assert bar.endswith("4.00 s left, Ctrl-C ends it with what is known")
    assert head.split() == ["download", "upload", "rtt", "p50", "p99", "lost"]
    assert idle.split() == ["idle", "2.000", "2.000", "0"]
    assert upload.split() == ["upload", "9.56", "Mbit/s", "480.000", "480.000", "0"]
    assert over_time == "rtt over time ▁▁▁▁▁▁████████"
    run.view.close()
    assert run.terminal.screen == [""]
    assert run.terminal.at_rest


def test_between_two_phases() -> None:
    run = Run()
    played(run)
    run.progress.end()
    assert run.screen()[0] == "nq://far: 2 of 2, the queues empty"


def test_it_fits_a_narrow_terminal() -> None:
    run = Run(columns=30)
    played(run)
    assert all(len(line) < 30 for line in run.screen())


def test_who_asks_is_told_in_a_line() -> None:
    run = Run()
    assert words(run.progress) == "netecho: 0 phases so far"
    played(run)
    assert words(run.progress) == "netecho: upload: upload 9.56 Mbit/s, rtt p50 480.000 ms, 0 lost"
