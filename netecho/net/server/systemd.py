"""The systemd protocols of a service: inherited sockets (sd_listen_fds(3)), readiness and watchdog (sd_notify(3)).

They are environment variables and datagrams: no library is needed.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from netecho.errors import UsageError
from netecho.net.server.sockets import BoundSocket, prepare_stream
from netecho.units import MICROSECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIRST = 3
"""SD_LISTEN_FDS_START."""

TLS_NAME = "tls"
"""A socket whose FileDescriptorName= in the unit is this speaks TLS; the others are recognised by their kind."""


def inherited(environ: MutableMapping[str, str] = os.environ, first: int = FIRST) -> list[BoundSocket]:
    """Return the sockets that systemd bound for this process; none if it did not.

    The variables are removed: they are not for child processes. Raises UsageError for a socket that cannot be served.
    """
    ours = environ.get("LISTEN_PID") == str(os.getpid())
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    environ.pop("LISTEN_PID", None)
    if not ours or not count.isdecimal():
        return []
    return [_taken_over(first + index, names[index] if index < len(names) else "") for index in range(int(count))]


def _taken_over(fd: int, name: str) -> BoundSocket:
    try:
        taken = socket.socket(fileno=fd)
    except OSError as error:
        raise UsageError(f"descriptor {fd} from systemd is not a socket", "check the .socket unit") from error
    try:
        return _used(taken, name)
    except UsageError:
        taken.close()
        raise


def _used(taken: socket.socket, name: str) -> BoundSocket:
    fd = taken.fileno()
    taken.setblocking(False)
    os.set_inheritable(fd, False)
    stream = taken.type == socket.SOCK_STREAM
    if stream and not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise UsageError(
            f"descriptor {fd} from systemd is a connection, not a listening socket", "set Accept=no in the .socket unit"
        )
    if taken.family == socket.AF_UNIX and stream:
        return BoundSocket("unix", taken)
    if taken.family not in (socket.AF_INET, socket.AF_INET6) or taken.type not in (
        socket.SOCK_STREAM,
        socket.SOCK_DGRAM,
    ):
        raise UsageError(
            f"descriptor {fd} from systemd is of a kind that netecho does not serve",
            "ListenStream= with a port or a path, or ListenDatagram= with a port",
        )
    if not stream:
        return BoundSocket("udp", taken)
    prepare_stream(taken)
    return BoundSocket("tls" if name == TLS_NAME else "tcp", taken)


class Notifier:
    """Notifies systemd of how the service is doing; does nothing where there is no systemd."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._path = environ.pop("NOTIFY_SOCKET", "")
        usec = environ.pop("WATCHDOG_USEC", "")
        ours = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(usec) * MICROSECOND / SECOND if usec.isdecimal() and ours and self._path else None
        """Seconds within which a sign of life is expected; None: none is."""

    def ready(self, status: str = "") -> None:
        """Notify that clients are served; `systemctl status` shows the status."""
        self._send("READY=1", *([f"STATUS={status}"] if status else []))

    def alive(self) -> None:
        """Give a sign of life."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Notify that files are read again; `ready` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // MICROSECOND}")

    def stopping(self) -> None:
        """Notify that no connection is accepted any more."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._path:
            return
        path = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
                notifying.setblocking(False)
                notifying.sendto("\n".join(lines).encode(), path)
        except OSError:
            # systemd is gone, or does not read: no reason to stop serving.
            return
