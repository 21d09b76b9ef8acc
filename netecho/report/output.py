"""The terminal as the rest of netecho sees it, and the one place that writes.

Results go to standard output, everything else to standard error. What the streams are (terminals or not, how
wide, whether colour and motion are welcome) is asked here once; nobody else reads the environment for it.
Nothing heavy is imported: the machine formats must not pay for Rich.

During a run nothing is waited for: lines of events are offered (`write_line`), and left out where their reader is too
far behind. What has to be written is (`write`, `say`), and may wait.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TextIO

from netecho.errors import OutputClosed, OutputError
from netecho.report.writer import Writer, descriptor_of, has_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEFAULT_WIDTH = 80
"""Of what is no terminal and has no COLUMNS."""

LARGEST = (2000, 600)
"""Columns and rows that are believed of a terminal, more than any screen has: programs that drive others over one may
say tens of thousands, and a frame of such a size takes minutes."""

GLYPHS = "▁▂▃▄▅▆▇█▏▎▍▌▋▊▉─━"
"""What the pictures are drawn with, where the stream's encoding has it."""


class Overlay(Protocol):
    """What covers a part of standard error's terminal, and makes room when something else is written there."""

    def hide(self) -> None:
        """Leave the screen as it was."""

    def show_again(self) -> None:
        """Cover it again, with what was shown last."""


class Output:
    """Both streams of one command: what they are, and the writing to them.

    `quiet` is how often -q was given: 1 leaves the summary alone, 2 nothing at all. One that is not `patient` never
    waits for the reader of a line.
    """

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        *,
        quiet: int = 0,
        color: bool = True,
        patient: bool = True,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        # A process started with a stream closed has None there.
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        for stream in (self._stdout, self._stderr):
            _never_refuse_a_character(stream)
        self.quiet = quiet
        self._patient = patient
        self._environ = environ
        dumb = environ.get("TERM", "dumb") in ("dumb", "unknown", "")
        forced = environ.get("FORCE_COLOR", "") not in ("", "0")  # force-color.org
        allowed = color and not environ.get("NO_COLOR")  # no-color.org: when present and not empty
        self.stdout_is_terminal = _is_terminal(self._stdout)
        self.stderr_is_terminal = _is_terminal(self._stderr)
        self.stdout_color = allowed and (forced or (self.stdout_is_terminal and not dumb))
        self.stderr_color = allowed and (forced or (self.stderr_is_terminal and not dumb))
        self.stderr_moves = self.stderr_is_terminal and not dumb
        """Whether the cursor of standard error can be moved: what a live view needs."""
        self.stderr_is_dumb = self.stderr_is_terminal and dumb
        self.stdout_is_pipe = _is_pipe(self._stdout)
        self.same_terminal = _are_one_terminal(self._stdout, self._stderr)
        """Whether both streams are one terminal, on which one must make room for the other."""
        self._out = None if self._stdout is None else Writer(self._stdout)
        if self.same_terminal:
            self._err = self._out  # so that what is kept for it stays in its order
        else:
            self._err = None if self._stderr is None else Writer(self._stderr)
        self._overlay: Overlay | None = None
        self._respects_foreground = False
        self.glyphs = all(_can_show(stream) for stream in (self._stdout, self._stderr))
        """Whether block characters may be used; ASCII else."""

    @property
    def width(self) -> int:
        """Columns of standard output, asked anew each time: terminals are resized."""
        return self._size(self._stdout)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of standard output, asked anew each time."""
        return self._size(self._stdout)

    @property
    def stderr_size(self) -> tuple[int, int]:
        """Columns and lines of standard error, asked anew each time."""
        return self._size(self._stderr)

    def write(self, text: str) -> None:
        """Write results, and return when the system has them.

        Raises OutputClosed when nobody reads them any more, OutputError when they cannot be written.
        """
        if self.quiet > 1:
            return
        with self._results() as writer, self._room_on_terminal():
            writer.write(text)

    def write_line(self, text: str) -> bool:
        """Write a line of a run. While that is measured, later or not at all where its reader is behind.

        Returns False where it was left out. Raises as `write` does.
        """
        if self.quiet > 1:
            return True
        with self._results() as writer, self._room_on_terminal():
            if self._patient:
                writer.write(text)
                return True
            return writer.offer(text)

    def drain(self) -> None:
        """Write what readers were too slow for, as far as they take it now. Raises as `write` does."""
        if self._out is not None and self._out.is_behind:
            with self._results() as writer:
                writer.drain()
        if self._err is not None and self._err.is_behind:
            self._on_stderr(self._err.drain)

    def finish(self) -> int:
        """Write what readers were too slow for, however long it takes; return how many lines were left out."""
        if self._err is not None:
            self._on_stderr(self._err.flush)
        if self._out is None:
            return 0
        with self._results() as writer:
            writer.flush()
        return self._out.left_out

    def has_room(self, wait: float = 0.0) -> bool:
        """Whether a line written now would be taken at once, or within `wait` seconds; files take all.

        Raises OutputClosed when standard output is a pipe that nobody reads any more.
        """
        if self._stdout is None or self.quiet > 1:
            return True
        descriptor = descriptor_of(self._stdout)
        if descriptor is None:
            return True
        with self._results() as writer:
            writer.drain()
            return not writer.is_behind and has_room(descriptor, wait)

    def say(self, text: str) -> None:
        """Write a line for the person at the terminal to standard error, unless they asked for silence."""
        self._say(text, wait=True)

    def mention(self, text: str) -> None:
        """Write such a line during a run, without waiting."""
        self._say(text, wait=False)

    def cover(self, overlay: Overlay | None) -> None:
        """Have `overlay` make room when something is written to the terminal; None: there is none any more."""
        self._overlay = overlay

    @contextmanager
    def uncovered(self) -> Iterator[None]:
        """Have the terminal as it is without the overlay, for a while."""
        with self._room_on_terminal(always=True):
            yield

    @property
    def can_draw(self) -> bool:
        """Whether standard error's terminal takes a frame now; after Ctrl-S it takes nothing."""
        if self._err is None or not self.stderr_moves:
            return False
        if self._err.is_behind:
            self._on_stderr(self._err.drain)
        descriptor = None if self._stderr is None else descriptor_of(self._stderr)
        if descriptor is None:
            return not self._err.is_behind
        if self._respects_foreground and not _is_in_foreground(descriptor):
            return False
        return not self._err.is_behind and has_room(descriptor)

    def respect_foreground(self) -> None:
        """Draw only in the foreground from now on: a shell that stopped this process may go on with it by `bg`.

        Not from the start: `timeout` runs what it is given in the background, on a terminal that nobody else uses.
        """
        self._respects_foreground = True

    def draw(self, text: str) -> None:
        """Write to standard error's terminal what moves its cursor, without waiting."""
        if self._err is not None:
            self._on_stderr(partial(self._err.add, text))

    def _say(self, text: str, *, wait: bool) -> None:
        if self.quiet > 1 or self._err is None:
            return
        write = self._err.write if wait else self._err.add
        with self._room_on_terminal(always=True):
            self._on_stderr(lambda: write(text + "\n"))

    @contextmanager
    def _results(self) -> Iterator[Writer]:
        """Turn what goes wrong with standard output into our errors."""
        if self._out is None or self._stdout is None:
            raise OutputError("the results could not be written: standard output is closed")
        try:
            yield self._out
        except (BrokenPipeError, ConnectionResetError) as error:
            self._abandon_results()
            raise OutputClosed("standard output was closed by its reader") from error
        except OSError as error:
            self._abandon_results()
            raise OutputError(
                f"the results could not be written to standard output: {error.strerror or error}",
                "standard output must be a file, pipe or terminal with room for them",
            ) from error

    def _abandon_results(self) -> None:
        assert self._out is not None  # noqa: S101 - for the type checker
        assert self._stdout is not None  # noqa: S101
        self._out.forget()
        _abandon(self._stdout)

    def _on_stderr(self, write: Callable[[], object]) -> None:
        """Write to standard error; that nobody reads there is no reason to stop."""
        try:
            write()
        except OSError:
            if self._stderr is not None:
                _abandon(self._stderr)
            if self._err is not self._out:
                self._err = None

    @contextmanager
    def _room_on_terminal(self, *, always: bool = False) -> Iterator[None]:
        """Take the overlay off the terminal while something else is written there."""
        overlay = self._overlay if always or self.same_terminal else None
        if overlay is None:
            yield
            return
        overlay.hide()
        yield
        overlay.show_again()

    def _size(self, stream: TextIO | None) -> tuple[int, int]:
        if _is_terminal(stream):
            with suppress(OSError, ValueError):
                assert stream is not None  # noqa: S101 - for the type checker: None is no terminal
                columns, lines = os.get_terminal_size(stream.fileno())
                if columns > 0:  # a serial line, or a terminal whose size was never set, says 0
                    return min(columns, LARGEST[0]), min(lines or 24, LARGEST[1])
        columns_set = self._environ.get("COLUMNS", "")
        return int(columns_set) if columns_set.isdecimal() and int(columns_set) else DEFAULT_WIDTH, 24


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _is_in_foreground(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # not the terminal that controls this process: nobody else is given it
        return True


def _is_pipe(stream: TextIO | None) -> bool:
    descriptor = None if stream is None else descriptor_of(stream)
    return descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def _are_one_terminal(first: TextIO | None, second: TextIO | None) -> bool:
    if first is None or second is None or not (_is_terminal(first) and _is_terminal(second)):
        return False
    one, other = descriptor_of(first), descriptor_of(second)
    if one is None or other is None:
        return first is second
    return os.fstat(one).st_rdev == os.fstat(other).st_rdev


def _can_show(stream: TextIO | None) -> bool:
    if stream is None:
        return True
    try:
        GLYPHS.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _never_refuse_a_character(stream: TextIO | None) -> None:
    """Make sure a host name that the locale cannot write does not end the run."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _abandon(stream: TextIO) -> None:
    """Point a stream that failed at nothing: else the interpreter flushes it once more at exit, and complains."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
