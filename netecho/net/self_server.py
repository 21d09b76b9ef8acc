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

from netecho.net.server.sockets import bind_all, close_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.echo.events import ServerEvent
    from netecho.net.client.job import Job
    from netecho.net.server.sockets import BoundSocket
    from netecho.target import Target


_ENDLESS = 1 << 62
"""Bytes, or nanoseconds, that no run gets through."""


@contextmanager
def reachable(job: Job) -> Iterator[Job]:
    """Give back a job whose target is there: for `self`, with a server that is stopped at the end."""
    if not job.target.is_self:
        yield job
        return
    identity, pins = identity_for(job.target, job.ip_options.family)
    if pins:
        job = replace(job, tls_options=replace(job.tls_options, pins=pins))
    with serving([job.target], family=job.ip_options.family, key=job.stamp_options.key, identity=identity) as (target,):
        yield replace(job, target=target)


def identity_for(target: Target, family: int | None) -> tuple[str | None, tuple[str, ...]]:
    """Make a certificate and its key (PEM) for a target that needs them, and the pins by which they are trusted."""
    if not target.is_secure:
        return None, ()
    from netecho.net.certificates import load_identity, make_identity, pin_of

    identity = make_identity([_loopback(family)])
    return identity, (pin_of(load_identity(identity)[0][0]),)


@contextmanager
def serving(
    targets: Sequence[Target], *, family: int | None = None, key: bytes | None = None, identity: str | None = None
) -> Iterator[list[Target]]:
    """Serve each of `targets` on a free port of loopback until the end, and give them with address and port.

    `key` is STAMP's, `identity` a certificate and its key (PEM) for TLS.
    """
    loopback = _loopback(family)
    bound = bind_all([replace(target, host=loopback, port=0) for target in targets])
    for target, each in zip(targets, bound, strict=True):
        if not target.is_stream:
            from netecho.net.server import listeners

            listeners.prepare(each)  # the probe may send before the child serves
    child = _fork(lambda: _serve(bound, key, identity))
    try:
        ports = [each.port for each in bound]
        close_all(bound)
        yield [replace(target, host=loopback, port=port) for target, port in zip(targets, ports, strict=True)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


class Answering:
    """A server that answers others while this process does something else."""

    def __init__(self, child: int, bound: Sequence[BoundSocket]) -> None:
        self._child = child
        self.listening = [each.url for each in bound]
        """As each is shown."""
        self._ended = False

    @property
    def is_alive(self) -> bool:
        """Whether it still answers."""
        if not self._ended:
            self._ended = os.waitpid(self._child, os.WNOHANG)[0] != 0
        return not self._ended

    def end(self) -> None:
        """End it."""
        if self.is_alive:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._ended = True


@contextmanager
def answering(targets: Sequence[Target]) -> Iterator[Answering]:
    """Answer at these addresses until the end, as `netecho serve --stateful` does: in a process of its own.

    None of them is a Unix socket. Raises UnreachableError for one that cannot be had.
    """
    bound = bind_all(targets)
    child = _fork(lambda: _serve_others(bound))
    server = Answering(child, bound)
    close_all(bound)
    try:
        yield server
    finally:
        server.end()


def _loopback(family: int | None) -> str:
    return "::1" if family == 6 else "127.0.0.1"


def _fork(serve: Callable[[], None]) -> int:
    """Start the child that serves; return its process id.

    The server's modules are imported in the child alone, while the parent imports those of the probe.
    """
    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor cannot be shared by two processes")
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        # What is typed is meant for the probe, which stops us at its end: Ctrl-C, and the one that asks for figures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        serve()
        status = 0
    finally:
        os._exit(status)


def _serve(bound: Sequence[BoundSocket], key: bytes | None, identity: str | None) -> None:
    """Serve the probe alone, without limits, until it ends this process."""
    from netecho.echo.limits import Limits
    from netecho.echo.load_budget import LoadLimits
    from netecho.net.linux.parent_death import die_with_parent
    from netecho.net.server import start
    from netecho.net.server.settings import LoadSettings, ReflectorSettings, ServerSettings

    die_with_parent()
    settings = ServerSettings(
        limits=Limits(connections=None, per_client=None, idle=None, rate=None),
        reflector_settings=ReflectorSettings(stateful=True, key=None if key is None else key.hex()),
        load_settings=LoadSettings(limits=LoadLimits(bytes=_ENDLESS, time=_ENDLESS)),
    )
    tls = None
    if identity is not None:
        from netecho.net.server.tls import ServerTls

        tls = ServerTls(settings.credentials, made=identity)
    start.run_bound([bound], settings, _NullLog(), tls)


def _serve_others(bound: Sequence[BoundSocket]) -> None:
    """Serve whoever comes, within the limits that a server has by itself, until the parent ends this process."""
    from netecho.net.linux.parent_death import die_with_parent
    from netecho.net.server import start
    from netecho.net.server.settings import ReflectorSettings, ServerSettings

    die_with_parent()
    settings = ServerSettings(reflector_settings=ReflectorSettings(stateful=True), log_connections=False)
    tls = None
    if any(each.is_secure for each in bound):
        from netecho.net.server.tls import tls_for

        tls = tls_for(settings, bound)
    start.run_bound([bound], settings, _NullLog(), tls)


class _NullLog:
    """The log of a server of which nobody is told."""

    def tell(self, event: ServerEvent) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Do nothing."""
