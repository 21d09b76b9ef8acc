"""Writing to a descriptor without waiting for its reader.

What a reader (a pipe's, a terminal that was stopped with Ctrl-S) does not take is kept here and written when there is
room: by `drain`, which never waits, or by `flush`, which waits until all is written. Lines past a bound are left out
and counted, so that memory is bounded too.

A terminal says that it has room as soon as it has any, and a write of more than that waits. Its device is therefore
opened once more, without blocking: setting the flag on the descriptor that we were given would set it for the shell
too, which shares it. A pipe that has room takes at least `PIPE_BUF` bytes (POSIX); a file takes everything.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND = 1 << 20
"""Bytes kept for a reader that is slow."""
_CHUNK = select.PIPE_BUF


class Writer:
    """One stream. Raises OSError as `os.write` does."""

    def __init__(self, stream: TextIO, bound: int | None = BOUND) -> None:
        self._stream = stream
        self._bound = bound
        self._encoding = stream.encoding or "utf-8"
        self._waiting = bytearray()
        self._descriptor = descriptor_of(stream)
        self._always_takes = self._descriptor is None or _is_file(self._descriptor)
        self._own: int | None = None
        self.left_out = 0
        """Lines that were offered and found no place."""

    @property
    def is_behind(self) -> bool:
        """Whether the reader has not taken everything yet."""
        return bool(self._waiting)

    def offer(self, text: str) -> bool:
        """Write a line as soon as there is room; return False, and count it, where too much waits already."""
        if self._waiting:
            self.drain()
            if self._bound is not None and len(self._waiting) >= self._bound:
                self.left_out += 1
                return False
        self.add(text)
        return True

    def add(self, text: str) -> None:
        """Write as soon as there is room, and keep it until then whatever else waits."""
        self._keep(text)
        self.drain()

    def write(self, text: str) -> None:
        """Write, after everything that waits, and return when the system has it all."""
        self._keep(text)
        self.flush()

    def drain(self) -> None:
        """Write what waits, as far as the reader takes it now."""
        descriptor = self._descriptor
        if descriptor is None or self._always_takes:
            self.flush()
            return
        own = self._own_descriptor(descriptor)
        with suppress(BlockingIOError):
            while self._waiting and (own is not None or has_room(descriptor)):
                del self._waiting[: os.write(descriptor if own is None else own, self._waiting[:_CHUNK])]

    def flush(self) -> None:
        """Write what waits, however long that takes."""
        if self._descriptor is None:
            text, self._waiting = self._waiting.decode(self._encoding), bytearray()
            self._stream.write(text)
            self._stream.flush()
            return
        while self._waiting:
            # The descriptor we were given waits by itself, unless whoever shares it has set it otherwise.
            try:
                del self._waiting[: os.write(self._descriptor, self._waiting)]
            except BlockingIOError:
                has_room(self._descriptor, None)

    def forget(self) -> None:
        """Leave what waits unwritten, and all that is to come: nobody reads it."""
        self._waiting.clear()

    def _keep(self, text: str) -> None:
        self._waiting += text.encode(self._encoding, "backslashreplace")

    def _own_descriptor(self, descriptor: int) -> int | None:
        if self._own is None and os.isatty(descriptor):
            # Fails where a terminal was handed over by another user (su): then a chunk may have to wait, as before.
            with suppress(OSError):
                self._own = os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        return self._own

    def __del__(self) -> None:
        """Close what was opened here."""
        if self._own is not None:
            os.close(self._own)


class WriterFile:
    """A writer as a file, for Rich: what is written between two flushes is offered as a whole."""

    def __init__(self, offer: Callable[[str], object], encoding: str) -> None:
        self.encoding = encoding
        self._offer = offer
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        """Take a part."""
        self._parts.append(text)
        return len(text)

    def flush(self) -> None:
        """Offer what was written since the last flush."""
        if self._parts:
            text, self._parts = "".join(self._parts), []
            self._offer(text)


def has_room(descriptor: int, wait: float | None = 0.0) -> bool:
    """Tell whether a chunk would be taken now, or within `wait` seconds (None: however long).

    Raises BrokenPipeError where it is a pipe that nobody reads any more.
    """
    poller = select.poll()
    poller.register(descriptor, select.POLLOUT)
    for _, event in poller.poll(None if wait is None else wait * 1000):
        if event & select.POLLERR:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return True
    return False


def descriptor_of(stream: TextIO) -> int | None:
    """Return a stream's descriptor; None where there is none behind it (a test's)."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_file(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    # /dev/full and /dev/null among them: character devices that are no terminal.
    return stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(descriptor))
