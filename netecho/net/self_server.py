"""A server of our own for the run, for targets whose host is `self`: in a child process, on a free port of loopback.

Its sockets are bound before the process is forked, so the address is known and connections wait in the kernel until
the child serves them. Forking needs no second start of Python, and must come before a reactor is made.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.echo.limits import Limits
from netecho.net.linux.parent_death import die_with_parent
from netecho.net.server import listeners
from netecho.net.server.settings import ReflectorSettings, ServerSettings
from netecho.net.server.sockets import bind_all, close_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.echo.events import ServerEvent
    from netecho.net.client.job import Job
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls


_UNLIMITED = ServerSettings(limits=Limits(connections=None, per_client=None, idle=None, rate=None))


@contextmanager
def reachable(job: Job) -> Iterator[Job]:
    """Give back a job whose target is there: for `self`, with a server that is stopped at the end."""
    if not job.target.is_self:
        yield job
        return
    loopback = "::1" if job.ip_options.family == 6 else "127.0.0.1"
    bound = bind_all([replace(job.target, host=loopback, port=0)])
    for each in bound:
        listeners.prepare(each)  # the probe may send before the child serves
    key = job.stamp_options.key
    reflector_settings = ReflectorSettings(stateful=True, key=None if key is None else key.hex())
    identity = None
    if job.target.is_secure:
        from netecho.net.certificates import load_identity, make_identity, pin_of

        identity = make_identity([loopback])
        job = replace(job, tls_options=replace(job.tls_options, pins=(pin_of(load_identity(identity)[0][0]),)))
    child = _fork(bound, replace(_UNLIMITED, reflector_settings=reflector_settings), identity)
    try:
        port = bound[0].port
        close_all(bound)
        yield replace(job, target=replace(job.target, host=loopback, port=port))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _fork(bound: Sequence[BoundSocket], settings: ServerSettings, identity: str | None) -> int:
    """Start the child that serves; return its process id."""
    # Imported here, once, for both: what the parent has read the child need not read again.
    from netecho.net.server import process, start  # noqa: F401 - serve is what serving imports when it runs

    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor cannot be shared by two processes")
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with_parent()
        # What is typed is meant for the probe, which stops us at its end: Ctrl-C, and the one that asks for figures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        start.run_bound([bound], settings, _NullLog(), _tls(identity))
        status = 0
    finally:
        os._exit(status)


def _tls(identity: str | None) -> ServerTls | None:
    if identity is None:
        return None
    # Only in the child: Twisted's TLS brings a reactor with it.
    from netecho.net.server.tls import ServerTls

    return ServerTls(_UNLIMITED.credentials, made=identity)


class _NullLog:
    """The log of a server whose only client is the probe."""

    def tell(self, event: ServerEvent) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Do nothing."""
