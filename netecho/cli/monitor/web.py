"""What a monitor answers over HTTP: paths to documents. `net.monitor.web` serves them, `report` makes them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from netecho.errors import UsageError
from netecho.monitor.course import POINTS
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.monitor.windows import SLOT
from netecho.net.linux import run_clock
from netecho.net.monitor.replies import Query, Reply, plain
from netecho.net.monitor.web import WebSettings
from netecho.report import page
from netecho.report.document import monitoring, periods
from netecho.report.document.live_events import Moment
from netecho.report.formats import exposition
from netecho.report.prometheus import protobuf
from netecho.report.prometheus.families import Exposed
from netecho.target import parse_target
from netecho.units import SECOND, TIME_UNITS, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netecho.measure.result import Result
    from netecho.monitor.allow import Allowed
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.net.monitor.engine import Engine
    from netecho.net.monitor.feed import Feed
    from netecho.net.monitor.replies import Handler, Stream
    from netecho.net.server.tls import ServerTls
    from netecho.report.document.live_events import LiveEvents
    from netecho.target import Scheme, Target

T = TypeVar("T")

MOST_PROBES = 32
"""Of `/probe` at once: each takes a megabyte for a moment."""
MARGIN = SECOND // 2
"""So much sooner than the scraper waits a probe is given up, as blackbox_exporter has it."""
MODULES: Mapping[str, tuple[Scheme, bool]] = {
    "tcp": ("tcp", False),
    "udp": ("udp", False),
    "tls": ("tls", False),
    "stamp": ("stamp", False),
    "tcp_connect": ("tcp", True),
    "tls_connect": ("tls", True),
}
"""Of `/probe`, beside the groups of the configuration: the scheme, and whether connecting is all."""
MOST_READINGS = 4
"""Of a history at once."""
MOST_SINCE = 2160 * TIME_UNITS["h"]
HEALTH = ("/-/healthy", "/-/ready")
JSON = "application/json"


@dataclass(slots=True)
class Routes:
    """The handlers."""

    reactor: Any
    engine: Engine
    allowed: tuple[Allowed, ...]
    groups: Mapping[str, ProbeSettings]
    feed: Feed
    live: LiveEvents
    history: str | None = None
    """The path of its file."""
    node: str | None = None
    """What this machine is called in a mesh."""
    ready: bool = False
    probing: int = 0
    """Of `/probe`, under way."""
    reading: int = 0
    """Histories that are being read."""

    def settings(self, token: str | None, tls: ServerTls | None = None) -> WebSettings:
        """Return what is served."""
        files = page.files()
        return WebSettings(
            routes={
                "/metrics": self._metrics,
                "/probe": self._probe,
                "/api/v1/targets": self._targets,
                "/api/v1/history": self._history,
                "/api/v1/events": self._events,
                "/-/healthy": self._healthy,
                "/-/ready": self._ready,
                **{path: _served(file) for path, file in files.items()},
            },
            token=token,
            public=frozenset((*HEALTH, *files)),
            tls=tls,
        )

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Tell whoever listens of a change of state, and remember it."""
        self.live.remember(target, change)
        self.feed.changed(target, change)

    def reconfigured(self, groups: Mapping[str, ProbeSettings]) -> None:
        """Take in that the configuration was read again."""
        self.groups = groups
        self.live.forget()
        self.feed.reconfigured()

    async def _healthy(self, _: Query) -> Reply:
        return Reply(("netecho is healthy.\n",))

    async def _ready(self, _: Query) -> Reply:
        return Reply(("netecho is ready.\n",)) if self.ready else Reply(("netecho is not ready.\n",), status=503)

    async def _metrics(self, query: Query) -> Reply:
        exposed = Exposed(self.engine.targets, self.engine.lag, self.node)
        if protobuf.wanted(query.accept):
            return Reply(protobuf.metrics(exposed), protobuf.CONTENT_TYPE)
        return Reply(exposition.metrics(exposed), exposition.CONTENT_TYPE)

    async def _targets(self, query: Query) -> Reply:
        wanted = query.arguments.get("target")
        targets = [each for each in self.engine.targets if wanted in (None, each.settings.name)]
        pieces = monitoring.targets_document(time.time_ns(), run_clock.now(), targets)
        return Reply(pieces, JSON)

    async def _events(self, _: Query) -> Reply | Stream:
        if self.feed.listeners.are_full:
            return plain(503, "as many listen as may")
        return self.feed.listener()

    async def _history(self, query: Query) -> Reply:
        """Answer one target over time: slots where that is long enough, else the history, else memory's minutes."""
        try:
            span = min(parse_time(query.arguments.get("since", "1h")), MOST_SINCE)
        except UsageError as error:
            return plain(400, f"since: {error.sentence}")
        wanted = query.arguments.get("target")
        target = next((each for each in self.engine.targets if each.settings.name == wanted), None)
        if target is None:
            return plain(404, "there is no such target: /api/v1/history?target=NAME&since=1h")
        if self.history is None or span <= POINTS * SLOT:
            return Reply(self._from_memory(target, span), JSON)
        if self.reading >= MOST_READINGS:
            return plain(503, "too many histories are read at once")
        try:
            return Reply(self._from_file(target, span, self.history), JSON)
        except UsageError as error:
            return plain(503, error.sentence)

    def _from_memory(self, target: MonitoredTarget, span: int) -> Iterator[str]:
        now = moment()
        since = now.run - span
        in_slots = span <= POINTS * SLOT
        frame = _frame(target, now, span, SLOT if in_slots else periods.MINUTE, "memory")
        outages = periods.outages_in_memory(target, self.live.changes_of(target), now, since)
        rows = periods.of_slots if in_slots else periods.of_minutes
        return periods.document(frame, outages, rows(target, now, since))

    def _from_file(self, target: MonitoredTarget, span: int, path: str) -> Iterator[str]:
        """Raise UsageError where it cannot be read."""
        from netecho.history.course import TargetCourse, width_of

        now = moment()
        until = now.wall // SECOND
        since = until - span // SECOND
        course = TargetCourse(path, target.settings.name, target.settings.target.url)
        outages = periods.outages_in_file(course.outages(since))
        frame = _frame(target, now, span, width_of(until - since) * SECOND, "file")
        return periods.document(frame, outages, self._counted(periods.of_file(course.stretches(since, until))))

    def _counted(self, rows: Iterator[T]) -> Iterator[T]:
        """Yield them, and meanwhile count one that is being read."""
        self.reading += 1
        try:
            yield from rows
        finally:
            self.reading -= 1

    async def _probe(self, query: Query) -> Reply:
        try:
            settings = self._asked(query)
        except UsageError as error:
            return Reply((f"{error.sentence}\n",), status=400)
        if not any(each.covers(settings.target) for each in self.allowed):
            return Reply((f"{settings.target} is not allowed here: --probe-allow\n",), status=403)
        if self.probing >= MOST_PROBES:
            return Reply(("too many probes at once\n",), status=503)
        from netecho.net.monitor.prober import probe_once

        self.probing += 1
        try:
            result, took = await probe_once(self.reactor, settings)
        except UsageError as error:
            return Reply((f"{error.sentence}\n",), status=400)
        finally:
            self.probing -= 1
        return Reply(exposition.probe(_outcome(result, took)), exposition.CONTENT_TYPE)

    def _asked(self, query: Query) -> TargetSettings:
        """Return what `/probe` is asked for. Raises UsageError."""
        written, module = query.arguments.get("target", ""), query.arguments.get("module", "tcp")
        if not written:
            raise UsageError("there is no target: /probe?target=HOST&module=tcp")
        if module in self.groups:
            probing, target = self.groups[module], parse_target(written)
        elif module in MODULES:
            scheme, connect_only = MODULES[module]
            probing, target = ProbeSettings(connect_only=connect_only), _with_scheme(written, scheme)
        else:
            raise UsageError(f"there is no module {module!r}: {', '.join((*MODULES, *self.groups))}")
        timeout = probing.timeout
        if query.scrape_timeout is not None:
            timeout = min(timeout, max(int(query.scrape_timeout * SECOND) - MARGIN, MARGIN))
        fitting = replace(
            probing,
            timeout=timeout,
            connect_only=probing.connect_only and target.is_stream,
            auth_key_file=probing.auth_key_file if target.traits.is_stamp else None,
        )
        return TargetSettings(name=target.url, target=target, probing=fitting)


def moment() -> Moment:
    """Return now."""
    return Moment(time.time_ns(), run_clock.now())


def _served(file: page.PageFile) -> Handler:
    async def answer(_: Query) -> Reply:
        return Reply((file.text,), file.content_type)

    return answer


def _frame(
    target: MonitoredTarget, now: Moment, span: int, period: int, source: Literal["memory", "file"]
) -> periods.Frame:
    settings = target.settings
    return periods.Frame(
        target=settings.name,
        url=settings.target.url,
        since=now.wall - span,
        until=now.wall,
        period=period,
        source=source,
    )


def _with_scheme(written: str, scheme: Scheme) -> Target:
    target = parse_target(written if "://" in written or written.startswith("unix:") else f"{scheme}://{written}")
    if target.scheme != scheme:
        raise UsageError(f"{target} is not for module {scheme}")
    return target


def _outcome(result: Result | None, took: int) -> exposition.ProbeOutcome:
    if result is None:
        return exposition.ProbeOutcome(success=False, duration=took)
    setup, summary, address = result.start.setup, result.summary, result.start.route.address
    return exposition.ProbeOutcome(
        success=summary.received > 0,
        duration=took,
        ip_protocol=0 if address is None else 6 if ":" in address else 4,
        resolve=setup.resolve,
        connect=summary.connect.max if setup.connect is None else setup.connect,
        tls=summary.tls.max if setup.tls is None else setup.tls,
        rtt=summary.rtt.max,
    )
