"""A monitor from its start to its end: the servers it brings along, the reactor, the lines it has printed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netecho.cli.monitor.configuration import configured
from netecho.report.humanize import many
from netecho.report.output import Output
from netecho.target import default_listen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from netecho.cli.context import CliContext
    from netecho.cli.monitor.asked import Monitoring
    from netecho.monitor.settings import MonitorSettings, TargetSettings
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.answering import Answering


def run(asked: Monitoring, context: CliContext) -> None:
    """Monitor to the end."""
    from netecho.net import descriptors
    from netecho.net.reactor.lean_imports import import_twisted

    configured(asked)  # before anything is begun
    descriptors.require()
    import_twisted()
    from netecho.cli.monitor.monitor_run import MonitorRun
    from netecho.net.reactor.runner import run as run_reactor
    from netecho.report.monitor_log import MonitorLog

    context.output = output = Output(quiet=asked.quiet, color=asked.color, patient=False)
    log = MonitorLog(output, asked.form)
    with ExitStack() as entered:
        asked = replace(asked, targets=_with_servers(asked.targets, entered))
        settings = configured(asked)
        answering = entered.enter_context(_answering(settings)) if asked.serve else None

        async def monitored(reactor: Any, interrupt: Interrupt) -> None:
            await MonitorRun(reactor, interrupt, asked, output, log, answering).until_end(settings)

        run_reactor(monitored)
    left_out = output.finish()
    if left_out:
        output.say(f"netecho: {many(left_out, 'line')} left out: standard output was not read fast enough")


def _answering(settings: MonitorSettings) -> AbstractContextManager[Answering]:
    """Return what answers as well until it is left. Entering it raises UnreachableError."""
    from netecho.net.server.answering import answering

    return answering(settings.listen or default_listen())


def _with_servers(targets: Sequence[TargetSettings], entered: ExitStack) -> tuple[TargetSettings, ...]:
    """Return targets that are there: of those on `self` each has a server that is stopped at the end."""
    from netecho.net.monitor.jobs import job_of
    from netecho.net.self_server import reachable

    def with_server(each: TargetSettings) -> TargetSettings:
        if not each.target.is_self:
            return each
        job = entered.enter_context(reachable(job_of(each)))
        tls = replace(each.probing.tls_settings, insecure=each.target.is_secure)
        return replace(each, target=job.target, probing=replace(each.probing, tls_settings=tls))

    return tuple(with_server(each) for each in targets)
