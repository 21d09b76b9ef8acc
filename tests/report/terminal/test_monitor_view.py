"""The live table of a monitor: who stands first, and what there is room for."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.report.output import Output
from netecho.report.terminal.monitor_view import MonitorView
from netecho.report.terminal.paper import rendered
from netecho.units import SECOND
from tests.report.monitored import DEGRADED, EVERY, UP, watched
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm", "NO_COLOR": "1"}


class Bench:
    def __init__(self, *, keys: bool = False) -> None:
        self.now = 0
        self.ends = 0
        self.targets = list(EVERY)
        self.terminal = Terminal()
        output = Output(self.terminal, self.terminal, environ=XTERM)
        ended = self.end if keys else None
        self.view = MonitorView(output, lambda: self.targets, lambda: self.now, lambda: 0, ended=ended)

    def end(self) -> None:
        self.ends += 1

    def names(self, *typed: str) -> list[str]:
        """Press keys, and return the names in the table."""
        self.view.pressed("".join(typed).encode())
        return [row.removeprefix("> ").split()[0] for row in self.frame()[2:-1]]

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


def test_keys_order_the_table() -> None:
    bench = Bench(keys=True)
    assert bench.names() == ["syd", "nyc", "lon", "fra"]
    assert bench.names("s") == ["nyc", "syd", "lon", "fra"]  # by loss
    assert bench.names("s") == ["fra", "lon", "nyc", "syd"]  # by delay
    assert bench.names("s") == ["fra", "lon", "nyc", "syd"]  # by name
    assert "by name" in bench.frame()[-1]


def test_keys_choose_what_is_in_it() -> None:
    bench = Bench(keys=True)
    assert bench.names("/", "UNREACH") == ["syd"]
    assert bench.frame()[-1].startswith("/UNREACH_")
    assert bench.names("\x7f" * 20, "site=ams\r") == ["syd", "nyc", "lon", "fra"]
    assert "filter: site=ams" in bench.frame()[-1]
    bench.view.pressed(b"/zzz")
    assert "no target has that" in bench.frame()[1]
    assert bench.names("\x1b") == ["syd", "nyc", "lon", "fra"]


def test_the_selected_one_is_marked_and_stays_in_sight() -> None:
    bench = Bench(keys=True)
    bench.targets = [watched(f"t{n:02d}", ".", seconds=5)[0] for n in range(50)]
    assert bench.frame(height=12)[-2] == "1 to 8 of 50 targets"
    bench.view.pressed(b"s" * 3 + b"\x1b[6~" * 3)
    frame = bench.frame(height=12)
    assert next(row for row in frame if row.startswith(">")).split()[1] == "t20"
    assert frame[-2] == "17 to 24 of 50 targets"


def test_a_pause_lets_the_table_stand_still_until_a_key_goes_on() -> None:
    bench = Bench(keys=True)
    bench.view.pressed(b"p")
    written = len(bench.terminal.getvalue())
    bench.now = 5 * SECOND
    bench.view.draw()
    assert len(bench.terminal.getvalue()) == written
    assert "p go on" in bench.frame()[-1]
    bench.view.pressed(b"p")
    bench.now = 10 * SECOND
    bench.view.draw()
    assert len(bench.terminal.getvalue()) > written
    bench.view.close()


def test_one_that_is_opened_shows_its_course_figures_and_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    bench = Bench(keys=True)
    bench.targets[1], change = watched("lon", "...x")
    bench.view.changed(bench.targets[1], change)
    bench.targets[1].recorder.phases.record("resolve", 3_000_000)
    bench.view.pressed(b"jjj\r")
    frame = bench.frame(height=30)
    whole = "\n".join(frame)
    assert frame[0].startswith("lon  degraded for ")
    assert "udp://echo.example:7007  192.0.2.1  group core  site=ams" in frame[1]
    assert "50 timeout" in frame[2]
    assert "rtt, hour" in whole
    assert "resolve 3.000 ms in the mean of 1 time, half <= 3.3 ms" in whole
    assert "1970-01-01 00:00:00 degraded: loss>10%" in frame[-2]
    assert "┤" in whole
    assert frame[-1].startswith("q quit  ↑↓ next  Esc back")
    bench.targets.pop(1)  # as a reload may
    assert bench.frame()[0].startswith("3 targets")


def test_q_asks_for_the_end() -> None:
    bench = Bench(keys=True)
    bench.view.pressed(b"q")
    assert bench.ends == 1


@pytest.mark.parametrize("typed", ["", "j", "jjj", "\r", "/x", "/a\r"])
@pytest.mark.parametrize("size", [(60, 4), (60, 12), (80, 24), (200, 60)])
def test_a_frame_with_keys_fits_the_screen(size: tuple[int, int], typed: str) -> None:
    bench = Bench(keys=True)
    bench.targets = [*EVERY, *(watched(f"{n}" + "x" * 90, ".", seconds=5)[0] for n in range(50))]
    bench.view.changed(*DEGRADED)
    bench.view.pressed(typed.encode())
    frame = bench.frame(*size)
    assert len(frame) <= max(size[1], 8)
    assert all(len(line) <= size[0] for line in frame)


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
