"""A server of our own for the run, for targets whose host is `self`: in a child process, on a free port of loopback.

Its sockets are bound before the process is forked, so the address is known and connections wait in the kernel until
the child serves them. Forking needs no second start of Python, and must come before a reactor is made.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netecho.net.server.child import NullLog, fork
from netecho.net.server.sockets import bind_all, close_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        job = job._replace(tls_options=job.tls_options._replace(pins=pins))
    with serving([job.target], family=job.ip_options.family, key=job.stamp_options.key, identity=identity) as (target,):
        yield job._replace(target=target)


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
    bound = bind_all([target._replace(host=loopback, port=0) for target in targets])
    for target, each in zip(targets, bound, strict=True):
        if not target.is_stream:
            from netecho.net.server import listeners

            listeners.prepare(each)  # the probe may send before the child serves
    child = fork(lambda: _serve(bound, key, identity))
    try:
        ports = [each.port for each in bound]
        close_all(bound)
        yield [target._replace(host=loopback, port=port) for target, port in zip(targets, ports, strict=True)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _loopback(family: int | None) -> str:
    return "::1" if family == 6 else "127.0.0.1"


def _serve(bound: Sequence[BoundSocket], key: bytes | None, identity: str | None) -> None:
    """Serve the probe alone, without limits, until it ends this process."""
    from netecho.echo.limits import Limits
    from netecho.echo.load_budget import LoadLimits
    from netecho.net.server import start
    from netecho.net.server.settings import LoadSettings, ReflectorSettings, ServerSettings

    settings = ServerSettings(
        limits=Limits(connections=None, per_client=None, idle=None, rate=None),
        reflector_settings=ReflectorSettings(stateful=True, key=None if key is None else key.hex()),
        load_settings=LoadSettings(limits=LoadLimits(bytes=_ENDLESS, time=_ENDLESS)),
    )
    tls = None
    if identity is not None:
        from netecho.net.server.tls import ServerTls

        tls = ServerTls(settings.credentials, made=identity)
    start.run_bound([bound], settings, NullLog(), tls)
