"""A block of lines at the bottom of a terminal, and what else is written to it meanwhile."""

import fcntl
import os
import struct
import termios
from io import StringIO

from netecho.report.output import Output
from tests.report.screen import Terminal

XTERM = {"TERM": "xterm"}


def shared() -> tuple[Terminal, Output]:
    """Both streams on one terminal, as they mostly are."""
    terminal = Terminal()
    return terminal, Output(terminal, terminal, environ=XTERM)


def test_a_block_is_drawn_over_the_last_one() -> None:
    terminal, output = shared()
    output.write("$ netecho\n")
    output.show_block(["one", "two", "three"])
    output.show_block(["1", "2"])
    assert terminal.screen == ["$ netecho", "1", "2"]
    output.show_block(["longer", "lines", "again"])
    assert terminal.screen == ["$ netecho", "longer", "lines", "again"]


def test_no_block_leaves_the_screen_as_it_was() -> None:
    terminal, output = shared()
    output.write("$ netecho\n")
    output.show_block(["one", "two"])
    output.show_block([])
    assert terminal.screen == ["$ netecho"]
    assert terminal.at_rest
    before = terminal.getvalue()
    output.show_block([])
    assert terminal.getvalue() == before


def test_results_and_messages_appear_above_it() -> None:
    terminal, output = shared()
    output.show_block(["one", "two"])
    output.write("a result\n")
    output.say("a message")
    assert terminal.screen == ["a result", "a message", "one", "two"]
    output.show_block([])
    assert terminal.screen == ["a result", "a message"]


def test_results_that_go_to_a_file_do_not_disturb_it() -> None:
    terminal, results = Terminal(), StringIO()
    output = Output(results, terminal, environ=XTERM)
    output.show_block(["one"])
    before = terminal.getvalue()
    output.write("a result\n")
    assert terminal.getvalue() == before


def test_style_is_not_text() -> None:
    terminal, output = shared()
    output.write("$\n")
    for _ in range(3):
        output.show_block(["\x1b[1m" + "x" * 80 + "\x1b[0m"])
    assert terminal.screen == ["$", "x" * 80]


def test_nothing_where_nothing_can_move() -> None:
    terminal = Terminal()
    Output(terminal, terminal, environ={"TERM": "dumb"}).show_block(["one"])
    assert terminal.getvalue() == ""
    pipe = StringIO()
    Output(pipe, pipe, environ=XTERM).show_block(["one"])
    assert pipe.getvalue() == ""


def size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def frame(leader: int) -> bytes:
    """What was written up to the end of a frame: a terminal hands it over in pieces of its own choice."""
    shown = b""
    while not shown.endswith(b"\x1b[?7h"):
        shown += os.read(leader, 1000)
    return shown


def test_a_terminal_made_narrower_has_broken_the_lines() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 20)
    with os.fdopen(follower, "w") as stream:
        output = Output(StringIO(), stream, environ=XTERM)
        output.show_block(["x" * 59, "y" * 20])
        frame(leader)
        size(follower, 30, 20)
        output.show_block(["z"])
        # Three rows stand there now: up two, to the first.
        assert frame(leader).startswith(b"\x1b[2A\r")
    os.close(leader)


def test_a_low_terminal_shows_the_end_of_it() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 3)
    with os.fdopen(follower, "w") as stream:
        Output(StringIO(), stream, environ=XTERM).show_block(["one", "two", "three", "four"])
        shown = frame(leader)
    os.close(leader)
    assert b"two" not in shown
    assert shown.index(b"three") < shown.index(b"four")


def test_a_terminal_that_takes_nothing_is_not_waited_for() -> None:
    leader, follower = os.openpty()
    size(follower, 60, 20)
    with os.fdopen(follower, "w") as stream:
        output = Output(StringIO(), stream, environ=XTERM)
        termios.tcflow(follower, termios.TCOOFF)  # Ctrl-S
        output.show_block(["one"])
        termios.tcflow(follower, termios.TCOON)
        output.show_block(["two"])
        shown = frame(leader)
    os.close(leader)
    assert b"one" not in shown
    assert b"two" in shown
