"""Files that the command line names: whether they can be read or written, before anything is begun."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.errors import OutputError, UsageError
from netecho.report.writer import Writer

if TYPE_CHECKING:
    from netecho.report.output import Output

_LONGEST_KEY = 4096


def check_readable(path: str, called: str) -> None:
    """See that a file can be read; its contents are judged where they are used. Raises UsageError."""
    read(path, called, 0)


def read(path: str, called: str, most: int) -> bytes:
    """Return the first `most` bytes of a file. Raises UsageError that names the option it is `called` by."""
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise UsageError(
            f"{called} {path!r} cannot be read: {error.strerror}", "check the path and its permissions"
        ) from None


def stamp_key(path: str, called: str) -> bytes:
    """Return the key of STAMP's authenticated mode that a file holds. Raises UsageError."""
    from netecho.stamp.auth import parse_key

    try:
        return parse_key(read(path, called, _LONGEST_KEY))
    except ValueError as error:
        hint = "the key as it stands, or hex: and its octets in hexadecimal digits"
        raise UsageError(f"{called} {path!r} is not a key file: {error}", hint) from None


def token(path: str, called: str) -> str:
    """Return the bearer token that a file holds: its only line. Raises UsageError."""
    found = read(path, called, _LONGEST_KEY).strip()
    if not re.fullmatch(rb"[\x21-\x7e]{16,}", found):
        raise UsageError(
            f"{called} {path!r} holds no token of 16 printable characters or more", "openssl rand -hex 32 > token"
        )
    return found.decode()


def warn_of_shared_keys(output: Output, *paths: str | None) -> None:
    """Say on standard error which of these files hold a secret that every user of this machine can read."""
    for path in paths:
        try:
            found = None if path is None else Path(path).stat()
        except OSError:
            continue  # who reads it says so
        if found is not None and stat.S_ISREG(found.st_mode) and found.st_mode & stat.S_IROTH:
            output.say(f"netecho: warning: every user can read the key in {path}: chmod o= {path}")


def check_writable(path: str, called: str) -> None:
    """See that a file can be written, as far as can be told without making it. Raises UsageError."""
    file = Path(path)
    hint = "check the path and its permissions"
    if path == "-":
        reason, hint = "it is a file or nothing", "for standard output: --format ndjson"
    elif file.is_dir():
        reason = "Is a directory"
    elif not file.parent.is_dir():
        reason = f"there is no directory {str(file.parent)!r}"
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        reason = "Permission denied"
    else:
        return
    raise UsageError(f"{called} {path!r} cannot be written: {reason}", hint)


def numbered(path: str, number: int) -> str:
    """Return the name of one of several files: `run.ndjson` makes `run-1.ndjson`."""
    file = Path(path)
    return str(file.with_name(f"{file.stem}-{number}{file.suffix}"))


class ResultFile:
    """A file that results are kept in, a line at a time, so that those of a run that is killed are there up to then.

    What is no file but a pipe with a slow reader is written when there is room, and nothing is left out.

    Raises OutputError where it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_spoilt = False
        """Whether something could not be written: then the rest would make no whole of it."""

    def __enter__(self) -> ResultFile:
        """Make the file, or empty it."""
        try:
            self._file = Path(self._path).open("w", encoding="utf-8")
            self._writer = Writer(self._file, bound=None)
        except OSError as error:
            raise self._failed(error) from None
        return self

    def write(self, line: str) -> None:
        """Write a line, with its end."""
        try:
            self._writer.add(line)
        except OSError as error:
            self._is_spoilt = True
            raise self._failed(error) from None

    def __exit__(self, *_: object) -> None:
        """Write what is left, and close the file."""
        try:
            with self._file:
                if not self._is_spoilt:
                    self._writer.flush()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> OutputError:
        if isinstance(error, BrokenPipeError):
            return OutputError(f"{self._path!r} could not be written: nobody reads it any more")
        return OutputError(f"{self._path!r} could not be written: {error.strerror}", "is there room on the disk?")
