"""How far a diagnosis is, on a terminal; and nothing anywhere else."""

from __future__ import annotations

from io import StringIO

from netecho.report.output import Output
from netecho.report.terminal.steps import Steps
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm"}


def test_the_step_that_is_played_is_shown_and_gone_at_the_end() -> None:
    terminal = Terminal()
    with Steps(Output(StringIO(), terminal, environ=XTERM)) as steps:
        steps.begin(1, 4, "which transports answer")
        assert terminal.screen[0] == "which transports answer"
        steps.begin(3, 4, "TCP")
        words, bar = terminal.screen
        assert words == "TCP"
        assert bar.endswith("3 of 4, Ctrl-C ends it with what is known")
    assert terminal.screen == [""]
    assert terminal.at_rest


def test_what_is_longer_than_the_terminal_is_cut() -> None:
    terminal = Terminal()
    with Steps(Output(StringIO(), terminal, environ=XTERM | {"COLUMNS": "30"})) as steps:
        steps.begin(1, 4, "x" * 300)
        assert len(terminal.screen) == 2


def test_a_terminal_that_cannot_move_is_shown_nothing() -> None:
    terminal = Terminal()
    with Steps(Output(StringIO(), terminal, environ={"TERM": "dumb"})) as steps:
        steps.begin(1, 4, "TCP")
    assert terminal.getvalue() == ""


def test_nor_is_what_is_no_terminal_nor_who_asked_for_quiet() -> None:
    file, terminal = StringIO(), Terminal()
    for output in (Output(StringIO(), file, environ=XTERM), Output(StringIO(), terminal, quiet=1, environ=XTERM)):
        with Steps(output) as steps:
            steps.begin(1, 4, "TCP")
    assert file.getvalue() == terminal.getvalue() == ""
