"""Starting a server: bind or inherit its sockets, read its certificate, run it in one process or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.echo.events import Noticed
from netecho.net import descriptors
from netecho.net.reactor.runner import run
from netecho.net.server.lifecycle import EventSink, run_lifecycle, unwatched
from netecho.net.server.privileges import become
from netecho.net.server.sockets import bind_again, bind_all, bind_default, close_all
from netecho.net.server.systemd import Notifier, inherited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.lifecycle import Log, Serving, Watch
    from netecho.net.server.privileges import User
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls
    from netecho.target import Target

_OTHERS = 64
"""Descriptors beside the connections: listening sockets, logs, modules being imported."""


def run_server(
    targets: Sequence[Target],
    settings: ServerSettings,
    log: Log,
    *,
    workers: int = 1,
    mode: int = 0o660,
    watch: Watch = unwatched,
    user: User | None = None,
) -> None:
    """Serve on `targets`, and on the sockets inherited from systemd, until the end; without any, as `bind_default`.

    As `user`, once the addresses are bound and the certificates are read.

    Raises UnreachableError for an address that cannot be bound, UsageError for TLS files that cannot be used.
    """
    taken_over = inherited()
    notice = None
    if targets or taken_over:
        bound = [*taken_over, *bind_all(targets, shared=workers > 1, mode=mode)]
    else:
        bound, notice = bind_default(shared=workers > 1)
    sets = [bound]
    # For each worker its listening sockets, and the one that connects it to the supervisor.
    descriptors.allow(workers * (len(sets[0]) + 1) + _OTHERS)
    try:
        sets += [bind_again(sets[0]) for _ in range(workers - 1)]
        run_bound(sets, settings, log, _tls(settings, sets[0]), watch, user, notice)
    finally:
        for each in sets:
            close_all(each)


def run_bound(
    sets: Sequence[Sequence[BoundSocket]],
    settings: ServerSettings,
    log: Log,
    tls: ServerTls | None = None,
    watch: Watch = unwatched,
    user: User | None = None,
    notice: str | None = None,
) -> None:
    """Serve on sockets that are bound, with a process for each set, until the end; `tls` where one of them wants it.

    `notice` is logged first: of an address that would have been served as well.
    """
    sink = EventSink(log)
    if notice is not None:
        sink.tell(Noticed("address", notice))
    _allow_descriptors(settings, sink)

    async def serve(reactor: Reactor, interrupt: Interrupt) -> None:
        serving = _serving(reactor, settings, sets, tls, sink)
        if user is not None:
            become(user)  # not before: modules that only root can read are imported by now
        await run_lifecycle(reactor, interrupt, settings, serving, sets[0], tls, sink, Notifier(), watch)

    run(serve, sink.tell_failure)


def _serving(
    reactor: Reactor,
    settings: ServerSettings,
    sets: Sequence[Sequence[BoundSocket]],
    tls: ServerTls | None,
    sink: EventSink,
) -> Serving:
    if len(sets) == 1:
        from netecho.net.server.process import Server

        return Server(reactor, settings, sets[0], tls, sink.tell)
    from netecho.net.server.supervisor import Supervisor
    from netecho.net.server.worker_processes import ForkedProcesses

    processes = ForkedProcesses(reactor, sorted({each.scheme for each in sets[0]}))
    return Supervisor(
        reactor, settings, sets, tls, sink.tell, lambda error: sink.end("no worker is left", error), processes
    )


def _tls(settings: ServerSettings, bound: Sequence[BoundSocket]) -> ServerTls | None:
    if not any(each.is_secure for each in bound):
        return None
    from netecho.net.server.tls import tls_for

    return tls_for(settings, bound)


def _allow_descriptors(settings: ServerSettings, sink: EventSink) -> None:
    """Raise the limit of descriptors to what --max-connections may need; log a notice where the system allows fewer."""
    most = settings.limits.connections
    allowed = descriptors.allow(None if most is None else most + _OTHERS)
    if most is not None and allowed < most + _OTHERS:
        sink.tell(
            Noticed(
                "descriptors",
                f"this process may have {allowed} descriptors (ulimit -n), too few for {most} connections "
                "(--max-connections): clients beyond them are refused",
            )
        )
