"""What a monitor answers over HTTP: paths to documents. `net.monitor.web` serves them, `report` makes them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netecho.errors import UsageError
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.net.linux import run_clock
from netecho.net.monitor.web import Query, Reply, WebSettings
from netecho.report.document import monitoring
from netecho.report.formats import exposition
from netecho.target import parse_target
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.measure.result import Result
    from netecho.monitor.allow import Allowed
    from netecho.net.monitor.engine import Engine
    from netecho.target import Scheme, Target

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
INDEX = """netecho monitor
/metrics          for Prometheus
/probe            one probe: ?target=HOST&module=MODULE
/api/v1/targets   all targets, as JSON
/-/healthy /-/ready
"""


@dataclass(slots=True)
class Routes:
    """The handlers."""

    reactor: Any
    engine: Engine
    allowed: tuple[Allowed, ...]
    groups: Mapping[str, ProbeSettings]
    ready: bool = False
    probing: int = 0
    """Of `/probe`, under way."""

    def settings(self, token: str | None) -> WebSettings:
        """Return what is served."""
        return WebSettings(
            routes={
                "/": self._index,
                "/metrics": self._metrics,
                "/probe": self._probe,
                "/api/v1/targets": self._targets,
                "/-/healthy": self._healthy,
                "/-/ready": self._ready,
            },
            token=token,
        )

    async def _index(self, _: Query) -> Reply:
        return Reply((INDEX,))

    async def _healthy(self, _: Query) -> Reply:
        return Reply(("netecho is healthy.\n",))

    async def _ready(self, _: Query) -> Reply:
        return Reply(("netecho is ready.\n",)) if self.ready else Reply(("netecho is not ready.\n",), status=503)

    async def _metrics(self, _: Query) -> Reply:
        return Reply(exposition.metrics(self.engine.targets, self.engine.lag), exposition.CONTENT_TYPE)

    async def _targets(self, query: Query) -> Reply:
        wanted = query.arguments.get("target")
        targets = [each for each in self.engine.targets if wanted in (None, each.settings.name)]
        pieces = monitoring.targets_document(time.time_ns(), run_clock.now(), targets)
        return Reply(pieces, "application/json")

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
