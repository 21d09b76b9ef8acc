"""The live table of a monitor: who stands first, and what there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.report.output import Output
from netecho.report.terminal.monitor_view import MonitorView
from netecho.report.terminal.paper import rendered
from netecho.units import SECOND
from tests.report.monitored import EVERY, UP, watched
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Bench:
    def __init__(self) -> None:
        self.now = 0
        self.targets = list(EVERY)
        self.terminal = Terminal()
        output = Output(self.terminal, self.terminal, environ=XTERM)
        self.view = MonitorView(output, lambda: self.targets, clock=lambda: self.now)

    def frame(self, width: int = 120, height: int = 24) -> list[str]:
        return rendered(self.view.frame(90 * SECOND, width, height), width=width, color=False).splitlines()


def test_the_worst_stands_first() -> None:
    title, header, *rows = Bench().frame()
    assert title == "4 targets, 1 min 30 s  1 unreachable  1 down  1 degraded  1 up"
    assert " ".join(header.split()) == "rtt, ms state loss p50 p99 loss/h p50/h p99/h reason last hour"
    assert [row.split()[:3] for row in rows] == [
        ["syd", "unreachable", "100%"],
        ["nyc", "down", "100%"],
        ["lon", "degraded", "25.5%"],
        ["fra", "up", "0%"],
    ]


def test_of_those_that_answer_the_lossy_and_then_the_slow_stand_first() -> None:
    bench = Bench()
    slow, lossy = watched("slow", ".", rtt=20_000_000)[0], watched("lossy", "." * 19 + "x")[0]
    bench.targets = [UP[0], slow, lossy]
    assert [row.split()[0] for row in bench.frame()[2:]] == ["lossy", "slow", "fra"]


def test_minutes_without_an_answer_are_marked() -> None:
    rows = {row.split()[0]: row.split()[-1] for row in Bench().frame()[2:]}
    assert (rows["syd"], rows["nyc"]) == ("xxx", "xxx")
    assert set(rows["fra"]) <= set("▁▂▃▄▅▆▇█")


@given(st.integers(60, 200), st.integers(4, 40))
def test_a_frame_fits_the_screen(width: int, height: int) -> None:
    bench = Bench()
    bench.targets = [*EVERY * 5, watched("x" * 150 + ".example:7007", ".", seconds=5)[0]]
    frame = bench.frame(width, height)
    assert len(frame) <= height
    assert all(len(line) <= width for line in frame)
    assert {"state", "loss"} <= set(frame[1].split())


def test_where_there_are_more_targets_than_rows_the_rest_is_counted() -> None:
    bench = Bench()
    bench.targets = EVERY * 10
    frame = bench.frame(height=10)
    assert frame[-1] == "and 33 more targets, none of them worse"


def test_why_a_target_is_not_up_is_said_where_there_is_room() -> None:
    bench = Bench()
    assert ["refused" in row for row in bench.frame()[2:]] == [True, False, False, False]
    assert "loss>10%" in bench.frame()[4]
    assert "reason" not in bench.frame(width=70)[1]
    bench.targets = [UP[0]]
    assert "reason" not in bench.frame()[1]


def test_a_name_cannot_take_over_the_terminal() -> None:
    bench = Bench()
    bench.targets = [watched("\x1b[2Jevil\u202e", ".", seconds=5)[0]]
    assert all(line.isprintable() for line in bench.frame())


@pytest.mark.parametrize("targets", [[], EVERY])
def test_it_draws_once_a_second(targets: list[object]) -> None:
    bench = Bench()
    bench.targets = targets  # type: ignore[assignment]
    bench.view.draw()
    bench.now = SECOND // 2
    drawn = len(bench.terminal.getvalue())
    bench.view.draw()
    assert len(bench.terminal.getvalue()) == drawn
    bench.now = 2 * SECOND
    bench.view.draw()
    assert len(bench.terminal.getvalue()) > drawn
    bench.view.close()
