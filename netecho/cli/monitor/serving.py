"""What a monitor serves over HTTP while it runs, and how it is told what the monitor sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netecho.cli.monitor.web import Routes, moment
from netecho.net.monitor.feed import Feed
from netecho.net.monitor.web import Web
from netecho.report.document.live_events import LiveEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.cli.monitor.asked import Monitoring, WebOptions
    from netecho.monitor.settings import MonitorSettings
    from netecho.net.monitor.engine import Engine
    from netecho.net.server.tls import Identity, ServerTls


@dataclass(frozen=True, slots=True)
class Serving:
    """The web server, what it answers, and its certificate."""

    web: Web
    routes: Routes
    tls: ServerTls | None

    def reload(self, settings: MonitorSettings, identity: Identity | None) -> None:
        """Take in that the configuration and the certificate, if there is one, were read again."""
        if self.tls is not None and identity is not None:
            self.tls.use(identity)
        self.routes.reconfigured(dict(settings.groups))

    def stop(self) -> None:
        """Serve no more."""
        self.routes.feed.stop()
        self.web.stop()


def serve(
    reactor: Any,
    options: WebOptions,
    asked: Monitoring,
    settings: MonitorSettings,
    engine: Engine,
    dropped: Callable[[str], None],
) -> Serving:
    """Serve what `engine` sees; `dropped` is told of listeners that were. Raises UsageError, UnreachableError."""
    tls = None
    if options.credentials is not None:
        from netecho.net.server.tls import ServerTls

        tls = ServerTls(options.credentials)
    live = LiveEvents(moment, has_history=asked.history is not None)
    feed = Feed(reactor, engine.spare, lambda: engine.targets, live, dropped)
    groups = dict(settings.groups)
    routes = Routes(reactor, engine, options.allowed, groups, feed, live, asked.history, asked.node)
    web = Web(reactor, engine.spare, routes.settings(options.token, tls))
    web.listen(reactor, options.host, options.port)
    routes.ready = True
    return Serving(web, routes, tls)
