"""The terminal as the rest of netecho sees it, and the one place that writes.

Results go to standard output, everything else to standard error. What the streams are (terminals or not, how
wide, whether colour and motion are welcome) is asked here once; nobody else reads the environment for it.
Nothing heavy is imported: the machine formats must not pay for Rich.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from netecho.errors import OutputClosed, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_WIDTH = 80
"""Of what is no terminal and has no COLUMNS."""

_STYLE = r"\x1b\[[0-9;]*m"

GLYPHS = "▁▂▃▄▅▆▇█▏▎▍▌▋▊▉─━"
"""What the pictures are drawn with, where the stream's encoding has it."""


class Output:
    """Both streams of one command: what they are, and the writing to them.

    `quiet` is how often -q was given: 1 leaves the summary alone, 2 nothing at all.
    """

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        *,
        quiet: int = 0,
        color: bool = True,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        # A process started with a stream closed has None there.
        self._stdout = sys.stdout if stdout is None else stdout
        self._stderr = sys.stderr if stderr is None else stderr
        for stream in (self._stdout, self._stderr):
            _never_refuse_a_character(stream)
        self.quiet = quiet
        self._environ = environ
        dumb = environ.get("TERM", "dumb") in ("dumb", "unknown", "")
        welcome = color and not dumb and not environ.get("NO_COLOR")
        self.stdout_is_terminal = _is_terminal(self._stdout)
        self.stderr_is_terminal = _is_terminal(self._stderr)
        self.stdout_color = welcome and self.stdout_is_terminal
        self.stderr_color = welcome and self.stderr_is_terminal
        self.stderr_moves = self.stderr_is_terminal and not dumb
        """Whether the cursor of standard error can be sent about: what a live view needs."""
        self._block: list[str] = []
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
        """Write results, and have them leave at once.

        Raises OutputClosed when nobody reads them any more, OutputError when they cannot be written.
        """
        if self.quiet > 1:
            return
        stream = self._stdout
        if stream is None:
            raise OutputError("the results could not be written: standard output is closed")
        block = self._lift_block() if self.stdout_is_terminal else []
        try:
            stream.write(text)
            stream.flush()
        except (BrokenPipeError, ConnectionResetError) as error:
            _abandon(stream)
            raise OutputClosed("standard output was closed by its reader") from error
        except OSError as error:
            _abandon(stream)
            raise OutputError(
                f"the results could not be written to standard output: {error.strerror or error}",
                "standard output must be a file, pipe or terminal with room for them",
            ) from error
        except BaseException:
            _abandon(stream)  # a second Ctrl-C cut off a write that nobody reads: its rest must not hold up the exit
            raise
        if block:
            self.show_block(block)

    def has_room(self, wait: float = 0.0) -> bool:
        """Whether a line written now would be taken at once, or within `wait` seconds; files take all.

        Raises OutputClosed when standard output is a pipe that nobody reads any more.
        """
        if self._stdout is None or self.quiet > 1:
            return True
        poller = select.poll()
        try:
            poller.register(self._stdout.fileno(), select.POLLOUT)
        except (OSError, ValueError):  # no descriptor behind it: a test's
            return True
        for _, event in poller.poll(wait * 1000):
            if event & select.POLLERR:
                _abandon(self._stdout)
                raise OutputClosed("standard output was closed by its reader")
            return True
        return False

    def say(self, text: str) -> None:
        """Write a line for the person at the terminal to standard error, unless they asked for silence."""
        if self.quiet < 2:
            block = self._lift_block()
            self._tell(text + "\n")
            if block:
                self.show_block(block)

    def show_block(self, lines: list[str]) -> None:
        """Keep `lines` at the bottom of standard error's terminal, in place of those shown before; none clears them.

        What else is written to the terminal appears above. A terminal that takes nothing right now (Ctrl-S, a slow
        line) is left as it is: nobody waits for it.
        """
        if not self.stderr_moves or not (lines or self._block) or (lines and not _takes_more(self._stderr)):
            return
        columns, height = self.stderr_size
        lines = lines[-max(1, height - 1) :]
        ends = "\x1b[K\r\n".join(lines)
        # Without wrapping each line is one row, whatever a terminal thinks of the width of a character.
        self._tell(f"{self._to_top_of_block(columns)}\x1b[?7l{ends}\x1b[J\x1b[?7h")
        self._block = lines

    def _lift_block(self) -> list[str]:
        """Take the block off the screen, for something else to be written; return it."""
        block = self._block
        self.show_block([])
        return block

    def _to_top_of_block(self, columns: int) -> str:
        import re  # late: `--version` has nothing to do with blocks

        # A terminal that was made narrower has broken the lines anew.
        rows = sum(max(1, -(-len(re.sub(_STYLE, "", line)) // columns)) for line in self._block)
        return f"\x1b[{rows - 1}A\r" if rows > 1 else "\r"

    def _tell(self, text: str) -> None:
        """Write to standard error as it is; that nobody reads there is no reason to stop."""
        if self._stderr is None:
            return
        try:
            self._stderr.write(text)
            self._stderr.flush()
        except OSError:
            _abandon(self._stderr)
            self._stderr = None

    def _size(self, stream: TextIO | None) -> tuple[int, int]:
        if _is_terminal(stream):
            with suppress(OSError, ValueError):
                assert stream is not None  # noqa: S101 - for the type checker: None is no terminal
                columns, lines = os.get_terminal_size(stream.fileno())
                if columns > 0:  # a serial line, or a terminal that was never told, says 0
                    return columns, lines or 24
        columns_set = self._environ.get("COLUMNS", "")
        return int(columns_set) if columns_set.isdecimal() and int(columns_set) else DEFAULT_WIDTH, 24


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _takes_more(stream: TextIO | None) -> bool:
    """Tell whether a terminal would take a write without making us wait."""
    if stream is None:
        return False
    poller = select.poll()
    try:
        poller.register(stream.fileno(), select.POLLOUT)
    except (OSError, ValueError):  # no descriptor behind it: a test's
        return True
    return bool(poller.poll(0))


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
