"""Files that the command line names: whether they can be read or written, before anything is begun."""

from __future__ import annotations

import os
from pathlib import Path

from netecho.errors import UsageError


def readable(path: str, called: str) -> str:
    """Return `path` if it can be read; what is in it is for its reader to judge. Raises UsageError."""
    read(path, called, 0)
    return path


def read(path: str, called: str, most: int) -> bytes:
    """Return the first `most` bytes of a file. Raises UsageError that names the option it is `called` by."""
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise UsageError(f"{called} {path!r} cannot be read: {error.strerror}", "name a file that can be") from None


def writable(path: str, called: str) -> str:
    """Return `path` if it can be written, as far as can be told without making it. Raises UsageError."""
    file = Path(path)
    if path == "-":
        reason = "standard output is for --format"
    elif file.is_dir():
        reason = "Is a directory"
    elif not file.parent.is_dir():
        reason = f"there is no directory {str(file.parent)!r}"
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        reason = "Permission denied"
    else:
        return path
    raise UsageError(f"{called} {path!r} cannot be written: {reason}", "name a file that can be")
