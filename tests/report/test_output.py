import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

import pytest

from netecho.errors import OutputClosed, OutputError
from netecho.report.output import LARGEST, Output

XTERM = {"TERM": "xterm-256color"}


class Screen(StringIO):
    """A terminal, as far as it can be asked."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A real one, 60 columns by 20 lines."""
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        yield stream
    os.close(leader)


def test_results_and_messages_have_a_stream_each() -> None:
    stdout, stderr = StringIO(), StringIO()
    output = Output(stdout, stderr, environ={})
    output.write("result\n")
    output.say("message")
    assert (stdout.getvalue(), stderr.getvalue()) == ("result\n", "message\n")


def test_asked_twice_to_be_quiet_it_says_nothing() -> None:
    stdout, stderr = StringIO(), StringIO()
    output = Output(stdout, stderr, quiet=2, environ={})
    output.write("result\n")
    output.say("message")
    assert (stdout.getvalue(), stderr.getvalue()) == ("", "")


@pytest.mark.parametrize(
    ("environ", "asked", "color"),
    [
        (XTERM, True, True),
        (XTERM, False, False),
        (XTERM | {"NO_COLOR": "1"}, True, False),
        (XTERM | {"NO_COLOR": ""}, True, True),  # no-color.org: when present and not empty
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
        # force-color.org, but for what was asked for by name.
        ({"FORCE_COLOR": "1"}, True, True),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_colour_on_terminals_that_have_it_and_where_it_is_forced(
    environ: dict[str, str], asked: bool, color: bool
) -> None:
    output = Output(Screen(), Screen(), color=asked, environ=environ)
    assert output.stdout_color is color
    assert output.stderr_color is color


def test_no_colour_and_no_motion_where_there_is_no_terminal() -> None:
    output = Output(StringIO(), StringIO(), environ=XTERM)
    assert not output.stdout_color
    assert not output.stderr_color
    assert not output.stderr_moves


def test_colour_that_is_forced_goes_into_a_pipe_but_nothing_moves() -> None:
    output = Output(StringIO(), StringIO(), environ={"FORCE_COLOR": "1"})
    assert output.stdout_color
    assert not output.stderr_moves


@pytest.mark.parametrize(("environ", "moves"), [(XTERM | {"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)])
def test_a_view_may_move_without_colour_but_not_on_a_dumb_terminal(environ: dict[str, str], moves: bool) -> None:
    assert Output(Screen(), Screen(), environ=environ).stderr_moves is moves


def test_the_size_of_a_terminal_is_asked_anew_each_time(terminal: TextIO) -> None:
    output = Output(terminal, terminal, environ={"COLUMNS": "70"})
    assert (output.width, output.stderr_size) == (60, (60, 20))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
    assert (output.width, output.stderr_size) == (132, (132, 50))


def test_a_terminal_that_claims_to_be_endless_is_not_believed(terminal: TextIO) -> None:
    """Programs that drive others over a terminal say so, lest lines be broken; a frame would take all the time."""
    output = Output(terminal, terminal, environ={})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 65_535, 65_535, 0, 0))
    assert output.stderr_size == LARGEST


@pytest.mark.parametrize(("environ", "width"), [({}, 80), ({"COLUMNS": "120"}, 120), ({"COLUMNS": "wide"}, 80)])
def test_what_is_no_terminal_is_80_columns_unless_told(environ: dict[str, str], width: int) -> None:
    assert Output(StringIO(), StringIO(), environ=environ).width == width


@pytest.mark.parametrize(("encoding", "glyphs"), [("utf-8", True), ("ascii", False), ("latin-1", False)])
def test_pictures_are_drawn_with_what_the_encoding_has(encoding: str, glyphs: bool) -> None:
    stream = TextIOWrapper(BytesIO(), encoding=encoding)
    with stream:
        assert Output(stream, stream, environ={}).glyphs is glyphs


def test_a_character_that_the_locale_lacks_does_not_end_the_run() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="ascii") as stream, os.fdopen(reading, "rb") as reader:
        Output(stream, StringIO(), environ={}).write("bücher.example\n")
        assert reader.readline() == b"b\\xfccher.example\n"


def test_a_reader_that_has_gone_is_told_from_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(OutputClosed):
        Output(stream, StringIO(), environ={}).write("result\n")


def test_a_full_disk_is_said_with_its_reason() -> None:
    with Path("/dev/full").open("w") as full, pytest.raises(OutputError, match="No space left on device") as caught:
        Output(full, StringIO(), environ={}).write("result\n")
    assert not isinstance(caught.value, OutputClosed)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_failed_is_not_complained_about_at_exit(stream: str) -> None:
    code = (
        "from netecho.report.output import Output\n"
        "from netecho.errors import OutputError\n"
        "output = Output()\n"
        "try:\n    output.write('result'); output.say('message')\n"
        "except OutputError:\n    pass\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        stdout=writing if stream == "stdout" else subprocess.PIPE,
        stderr=writing if stream == "stderr" else subprocess.PIPE,
    )
    os.close(writing)
    assert done.returncode == 0
    assert not (done.stderr if stream == "stdout" else b"")


def test_nobody_at_standard_error_is_no_reason_to_stop() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        output = Output(StringIO(), stream, environ={})
        output.say("message")
        output.say("another")


@pytest.mark.parametrize("closing", [">&-", "2>&-"])
def test_started_with_a_stream_closed(closing: str) -> None:
    code = "from netecho.report.output import Output; o = Output(); o.say('m'); o.write('r')"
    done = subprocess.run(
        f'"{sys.executable}" -c "{code}" {closing}', shell=True, check=False, capture_output=True, text=True
    )
    if closing == "2>&-":
        assert (done.returncode, done.stdout) == (0, "r")
    else:
        assert "OutputError: the results could not be written: standard output is closed" in done.stderr
