"""Writing without waiting: what a slow reader gets, and what it does not."""

from __future__ import annotations

import os
import termios
from io import StringIO
from typing import TYPE_CHECKING, TextIO

import pytest

from netecho.report.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Pipe:
    """A pipe whose reader is the test."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w")

    def read(self) -> str:
        os.set_blocking(self.reader, False)
        found = b""
        try:
            while data := os.read(self.reader, 1 << 20):
                found += data
        except BlockingIOError:
            pass
        return found.decode()

    def close(self) -> None:
        os.close(self.reader)
        self.stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def offered(writer: Writer, lines: int) -> list[str]:
    """Offer so many lines; return those that found a place."""
    return [line for number in range(lines) if writer.offer(line := f"line {number}\n")]


def test_a_reader_that_sleeps_is_not_waited_for_and_gets_all_that_was_kept(pipe: Pipe) -> None:
    writer = Writer(pipe.stream)
    kept = offered(writer, 20_000)  # more than a pipe holds
    assert writer.is_behind
    shown = ""
    while writer.is_behind:
        shown += pipe.read()
        writer.drain()
    assert shown + pipe.read() == "".join(kept)
    assert len(kept) == 20_000
    assert writer.left_out == 0


def test_past_the_bound_whole_lines_are_left_out_and_counted(pipe: Pipe) -> None:
    writer = Writer(pipe.stream, bound=1000)
    kept = offered(writer, 20_000)
    assert writer.left_out == 20_000 - len(kept) > 0
    shown = ""
    while writer.is_behind:
        shown += pipe.read()
        writer.drain()
    shown += pipe.read()
    assert shown == "".join(kept)
    assert writer.offer("there is room again\n")
    assert pipe.read() == "there is room again\n"


def test_what_was_added_is_never_left_out(pipe: Pipe) -> None:
    writer = Writer(pipe.stream, bound=None)
    for _ in range(1000):
        writer.add("." * 1000)
    shown = ""
    while writer.is_behind:
        shown += pipe.read()
        writer.drain()
    assert len(shown + pipe.read()) == 1_000_000


def test_a_reader_that_is_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream, pytest.raises(BrokenPipeError):
        Writer(stream).offer("line\n")


def test_a_file_takes_everything_at_once(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w", encoding="utf-8") as stream:
        writer = Writer(stream)
        assert writer.offer("x" * 5_000_000)
        assert not writer.is_behind
    assert (tmp_path / "file").stat().st_size == 5_000_000


def test_a_stream_without_a_descriptor() -> None:
    stream = StringIO()
    assert Writer(stream).offer("line\n")
    assert stream.getvalue() == "line\n"


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        yield leader, stream
    os.close(leader)


def test_a_terminal_that_was_stopped_is_not_waited_for(terminal: tuple[int, TextIO]) -> None:
    leader, stream = terminal
    writer = Writer(stream)
    termios.tcflow(stream.fileno(), termios.TCOOFF)  # Ctrl-S
    assert writer.offer("line\n")
    assert writer.is_behind
    termios.tcflow(stream.fileno(), termios.TCOON)
    writer.drain()
    assert os.read(leader, 100) == b"line\r\n"


def test_a_terminal_whose_reader_is_slow_is_not_waited_for(terminal: tuple[int, TextIO]) -> None:
    leader, stream = terminal
    writer = Writer(stream)
    for _ in range(1000):
        writer.offer("x" * 999 + "\n")
    assert writer.is_behind
    shown = 0
    while shown < 1000 * 1001:  # the terminal makes two characters of the end of a line
        shown += len(os.read(leader, 65536))
        writer.drain()
    assert not writer.is_behind
    assert os.get_blocking(stream.fileno())  # the shell shares it


def test_a_character_that_the_encoding_lacks(pipe: Pipe) -> None:
    with os.fdopen(os.dup(pipe.stream.fileno()), "w", encoding="ascii") as stream:
        Writer(stream).write("b\xfccher\n")
    assert pipe.read() == "b\\xfccher\n"
