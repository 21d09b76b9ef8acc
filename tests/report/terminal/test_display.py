"""A display on a terminal, and what else is written there meanwhile."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from io import StringIO

import pytest
from rich.console import Group
from rich.text import Text

from netecho.report.output import Output
from netecho.report.terminal.display import Display
from netecho.report.terminal.time_chart import Row
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm"}


def shared(*, whole_screen: bool = False) -> tuple[Terminal, Output, Display]:
    """Both streams on one terminal, as they mostly are."""
    terminal = Terminal()
    output = Output(terminal, terminal, environ=XTERM)
    return terminal, output, Display(output, whole_screen=whole_screen)


def lines(*texts: str) -> Text:
    return Text("\n".join(texts))


def test_a_frame_is_drawn_over_the_last_one() -> None:
    terminal, output, display = shared()
    output.write("$ netecho\n")
    display.show(lines("one", "two", "three"))
    display.show(lines("1", "2"))
    assert terminal.screen == ["$ netecho", "1", "2"]
    display.show(lines("longer", "lines", "again"))
    assert terminal.screen == ["$ netecho", "longer", "lines", "again"]


def test_a_frame_has_the_whole_screen_to_itself() -> None:
    terminal, _, display = shared(whole_screen=True)
    display.show(lines("one", "two and more", "three"))
    terminal.write("somebody else")
    display.show(Group(lines("1"), Row(("tw", ""), ("o", "bold"))))
    assert terminal.screen == ["1", "two"]


@pytest.mark.parametrize("whole_screen", [False, True])
def test_it_leaves_the_screen_as_it_was(whole_screen: bool) -> None:
    terminal, output, display = shared(whole_screen=whole_screen)
    output.write("$ netecho\n")
    display.show(lines("one", "two"))
    assert not terminal.at_rest
    display.close()
    assert terminal.screen == ["$ netecho"]
    assert terminal.at_rest
    before = terminal.getvalue()
    display.close()
    assert terminal.getvalue() == before


def test_results_and_messages_appear_above_it() -> None:
    terminal, output, display = shared()
    display.show(lines("one", "two"))
    output.write("a result\n")
    output.write_line("a line\n")
    output.say("a message")
    assert terminal.screen == ["a result", "a line", "a message", "one", "two"]
    display.close()
    assert terminal.screen == ["a result", "a line", "a message"]


def test_messages_wait_below_a_whole_screen_until_it_is_left() -> None:
    terminal, output, display = shared(whole_screen=True)
    display.show(lines("one", "two"))
    output.say("a message")
    assert terminal.screen[:2] == ["one", "two"]
    display.close()
    assert terminal.screen == ["a message"]


def test_results_that_go_to_a_file_do_not_disturb_it() -> None:
    terminal, results = Terminal(), StringIO()
    output = Output(results, terminal, environ=XTERM)
    Display(output).show(lines("one"))
    before = terminal.getvalue()
    output.write("a result\n")
    assert terminal.getvalue() == before


def test_the_screen_is_free_for_as_long_as_it_is_asked_for() -> None:
    terminal, output, display = shared(whole_screen=True)
    output.write("$ netecho\n")
    display.show(lines("one"))
    with output.uncovered():
        assert terminal.at_rest
        assert terminal.screen == ["$ netecho"]
    assert terminal.screen == ["one"]


def test_nothing_where_nothing_can_move() -> None:
    terminal = Terminal()
    Display(Output(terminal, terminal, environ={"TERM": "dumb"})).show(lines("one"))
    assert terminal.getvalue() == ""
    pipe = StringIO()
    Display(Output(pipe, pipe, environ=XTERM)).show(lines("one"))
    assert pipe.getvalue() == ""


def size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def until(leader: int, last: bytes) -> bytes:
    """What was written, up to `last`: a terminal hands it over in pieces of its own choice."""
    shown = b""
    while last not in shown:
        shown += os.read(leader, 1000)
    return shown


def test_a_terminal_made_narrower_has_broken_the_lines() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 20)
    with os.fdopen(follower, "w") as stream:
        display = Display(Output(StringIO(), stream, environ=XTERM))
        display.show(lines("x" * 59, "y" * 20))
        until(leader, b"yyy")
        size(follower, 30, 20)
        display.show(lines("z"))
        # Three rows stand there now: erased from the last to the first.
        assert until(leader, b"z").count(b"\x1b[1A\x1b[2K") == 2
    os.close(leader)


def test_a_low_terminal_shows_the_end_of_it() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 3)
    with os.fdopen(follower, "w") as stream:
        Display(Output(StringIO(), stream, environ=XTERM)).show(lines("one", "two", "three", "four"))
        shown = until(leader, b"four")
    os.close(leader)
    assert b"two" not in shown
    assert b"three" in shown


def test_a_terminal_that_takes_nothing_is_not_waited_for() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 20)
    with os.fdopen(follower, "w") as stream:
        display = Display(Output(StringIO(), stream, environ=XTERM))
        termios.tcflow(follower, termios.TCOOFF)  # Ctrl-S
        display.show(lines("one"))
        termios.tcflow(follower, termios.TCOON)
        display.show(lines("two"))
        shown = until(leader, b"two")
    os.close(leader)
    assert b"one" not in shown
