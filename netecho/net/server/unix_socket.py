"""The file of a Unix socket: creating it, and replacing a stale one.

A file that a killed server left behind is replaced; a socket that accepts connections is not, nor any other file.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

from netecho.errors import UnreachableError


def bind_path(path: str, mode: int, backlog: int) -> socket.socket:
    """Listen at `path` with the permissions `mode`. Raises UnreachableError."""
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The kernel makes the file with 0777 less the umask (unix(7)), so it has its mode from the first moment. A chmod
    # afterwards would follow a symbolic link that somebody who may write to the folder has put in its place meanwhile.
    before = os.umask(0o777 & ~mode)
    try:
        listener.setblocking(False)
        listener.bind(path)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise _explained(path, error) from error
    finally:
        os.umask(before)
    return listener


def _remove_stale(path: str) -> None:
    try:
        kind = os.lstat(path).st_mode
    except OSError:
        return  # nothing there; or bind will say what is wrong
    if not stat.S_ISSOCK(kind):
        raise UnreachableError(
            f"cannot listen on unix:{path}: the file is not a socket, and is left alone", "take another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            pass  # no process listens on it any more
        except OSError as error:
            # EAGAIN: the queue is full, so there is a queue. EPROTOTYPE: a datagram socket. Both are alive.
            if error.errno not in (errno.EAGAIN, errno.EPROTOTYPE):
                raise _explained(path, error) from error
            raise _alive(path) from error
        else:
            raise _alive(path)
    try:
        os.unlink(path)  # noqa: PTH108 - a plain system call, nothing of a path is asked
    except OSError as error:
        raise _explained(path, error) from error


def _alive(path: str) -> UnreachableError:
    return UnreachableError(
        f"cannot listen on unix:{path}: a server answers there",
        f"stop it, or take another path: `ss -lxp src {path}` shows it",
    )


def _explained(path: str, error: OSError) -> UnreachableError:
    if error.errno == errno.ENOENT:
        return UnreachableError(
            f"cannot listen on unix:{path}: no directory {str(Path(path).parent)!r}", "make it, or take another path"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnreachableError(
            f"cannot listen on unix:{path}: not permitted",
            f"a directory you may write to, or the owner of {path}, is needed",
        )
    return UnreachableError(f"cannot listen on unix:{path}: {error.strerror or error}")
