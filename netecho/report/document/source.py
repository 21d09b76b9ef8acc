"""The bytes of a saved run: of a file or of standard input (`-`), compressed by gzip or as they are."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Progress = Callable[[int, int], None]
    """Learns how far reading is: the position and the size, in bytes."""

STANDARD_INPUT = "-"
_MAGIC = b"\x1f\x8b"  # RFC 1952
_HINT = "a run that was saved with netecho probe --save FILE"
_STEP = 1 << 20
"""Bytes from one report of the progress to the next, at least."""


@contextmanager
def opened(path: str, progress: Progress | None = None) -> Iterator[BinaryIO]:
    """Open a saved run for reading. Raises UsageError for what cannot be read, also while it is read."""
    name = "standard input" if path == STANDARD_INPUT else repr(path)
    try:
        with _raw(path) as raw:
            watched: io.BufferedReader = raw if progress is None else io.BufferedReader(_Watched(raw, progress), _STEP)
            if watched.peek(2)[:2] == _MAGIC:
                yield cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=watched)))
            else:
                yield watched
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{name} cannot be read: its compression is damaged ({error})", _HINT) from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}", _HINT) from error


def _raw(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path != STANDARD_INPUT:
        return Path(path).open("rb")
    if sys.stdin is None:
        raise UsageError("standard input cannot be read: it is closed", _HINT)
    return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))


class _Watched(io.RawIOBase):
    """Reads another, and says how far it is."""

    def __init__(self, inner: io.BufferedReader, progress: Progress) -> None:
        self._inner = inner
        self._progress = progress
        found = os.fstat(inner.fileno())
        self._size = found.st_size if stat.S_ISREG(found.st_mode) else 0
        self._position = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read into a buffer."""
        number = self._inner.readinto(cast("bytearray", buffer))
        self._position += number
        self._progress(self._position, self._size)
        return number
