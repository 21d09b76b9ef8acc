"""A monitor from its start to its end: the targets it is asked for, and those who are told of them."""

from __future__ import annotations

import gc
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netecho.cli import files
from netecho.errors import ExitCode, NetechoError, OutputClosed, OutputError, UsageError
from netecho.monitor.clock_steps import ClockSteps
from netecho.monitor.config import Parsed, parse
from netecho.monitor.settings import MonitorSettings
from netecho.net.linux import run_clock
from netecho.report.humanize import many, span
from netecho.report.output import Output
from netecho.target import default_listen
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Literal

    from netecho.cli.context import CliContext
    from netecho.cli.web import Routes
    from netecho.monitor.allow import Allowed
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.settings import TargetSettings
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot
    from netecho.net.monitor.commands import ChangeCommand
    from netecho.net.monitor.engine import Engine
    from netecho.net.monitor.history import HistoryWriter
    from netecho.net.monitor.service import Service
    from netecho.net.monitor.web import Web
    from netecho.net.reactor.keyboard import Keyboard
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.self_server import Answering
    from netecho.net.server.settings import Credentials
    from netecho.net.server.tls import ServerTls
    from netecho.report.monitor_log import MonitorLog
    from netecho.report.terminal.monitor_view import MonitorView

LARGEST_CONFIG = 16 << 20
"""Bytes."""
NAMED = 20
"""Targets that are named in an error."""
SHOWN_AT_END = 100
"""Targets that the table at the end has."""


LOOKS_AFTER = 5.0
"""Seconds from one look at whether what answers is still there to the next."""
SETTLED = 30.0
"""Seconds after which what there is stays, mostly: the garbage collector need not look through it again. With 1,000
targets that took some 100 ms each time on a busy machine, in which no probe left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """What is served over HTTP, and to whom."""

    host: str
    port: int
    token: str | None
    credentials: Credentials | None
    """None: HTTP without TLS."""
    allowed: tuple[Allowed, ...]
    """Targets that `/probe` may reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """All that was asked for."""

    targets: tuple[TargetSettings, ...]
    """Those of the command line."""
    config: str | None
    duration: int | None
    """Nanoseconds."""
    on_change: tuple[str, ...] | None
    node: str | None
    """Which of the configuration's targets is this machine."""
    serve: bool
    """Answer as well."""
    web: WebOptions | None
    history: str | None
    keep: int
    """Nanoseconds for which the history is kept."""
    keep_size: int | None
    """Bytes that its file may have."""
    form: Literal["text", "ndjson"]
    live: bool | None
    quiet: int
    color: bool


def check_file(path: str, node: str | None, context: CliContext) -> int:
    """Say all that is wrong with a configuration file, and return the exit code."""
    from netecho.net.monitor.jobs import job_of

    settings, mistakes = _read(path)
    output = context.output
    for mistake in mistakes:
        output.write(f"{path}:{mistake}\n" + (f"  {mistake.hint}\n" if mistake.hint else ""))
    unreadable = 0
    for each in settings.targets:
        try:
            job_of(each)
        except UsageError as error:
            unreadable += 1
            output.write(f"{path}: {error.sentence}\n")
    if mistakes or unreadable:
        return ExitCode.USAGE
    _without(node, settings.targets, path)
    output.write(f"{path}: {many(len(settings.targets), 'target')}, nothing is wrong\n")
    return ExitCode.OK


def _read(path: str) -> Parsed:
    data = files.read(path, "--config", LARGEST_CONFIG + 1)
    if len(data) > LARGEST_CONFIG:
        raise UsageError(f"--config {path!r} is larger than {LARGEST_CONFIG >> 20} MiB", "is it the right file?")
    try:
        return parse(data.decode("utf-8-sig"))  # as some editors begin a file
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: this is not UTF-8, as TOML has to be", "save it as UTF-8") from None


def configured(asked: Monitoring) -> MonitorSettings:
    """Return the targets of the command line, and those of the file. Raises UsageError for what is wrong with it."""
    if asked.config is None:
        return MonitorSettings(targets=asked.targets)
    settings, mistakes = _read(asked.config)
    if mistakes:
        more = many(len(mistakes) - 1, "more mistake", "more mistakes")
        hint = mistakes[0].hint
        if len(mistakes) > 1:
            hint = f"{hint + '; ' if hint else ''}{more}: netecho monitor --config {asked.config} --check"
        raise UsageError(f"{asked.config}:{mistakes[0]}", hint)
    taken = {each.name for each in asked.targets}
    for each in settings.targets:
        if each.name in taken:
            raise UsageError(f"{each.name!r} is in {asked.config} and on the command line", "leave one out")
    others = _without(asked.node, settings.targets, asked.config)
    return replace(settings, targets=(*asked.targets, *others))


def _without(node: str | None, targets: Sequence[TargetSettings], path: str) -> tuple[TargetSettings, ...]:
    """Return the targets that are not this machine. Raises UsageError where `node` is none of them."""
    if node is None:
        return tuple(targets)
    others = tuple(each for each in targets if each.name != node)
    if len(others) == len(targets):
        known = [each.name for each in targets]
        more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
        raise UsageError(
            f"--node {node!r}: {path} has no target of that name", f"there are {', '.join(known[:NAMED])}{more}"
        )
    return others


def run(asked: Monitoring, context: CliContext) -> None:
    """Monitor to the end."""
    from netecho.net import descriptors
    from netecho.net.reactor.lean_imports import import_twisted

    configured(asked)  # before anything is begun
    descriptors.require()
    import_twisted()
    from netecho.net.reactor.runner import run as run_reactor
    from netecho.report.monitor_log import MonitorLog

    context.output = output = Output(quiet=asked.quiet, color=asked.color, patient=False)
    log = MonitorLog(output, asked.form)
    with ExitStack() as entered:
        asked = replace(asked, targets=_with_servers(asked.targets, entered))
        settings = configured(asked)
        answering = entered.enter_context(_answering(settings)) if asked.serve else None

        async def monitored(reactor: Any, interrupt: Interrupt) -> None:
            await _Run(reactor, interrupt, asked, output, log, answering).until_end(settings)

        run_reactor(monitored)
    left_out = output.finish()
    if left_out:
        output.say(f"netecho: {many(left_out, 'line')} left out: standard output was not read fast enough")


def _answering(settings: MonitorSettings) -> AbstractContextManager[Answering]:
    """Return what answers as well until it is left. Entering it raises UnreachableError."""
    from netecho.net.self_server import answering

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


class _Run:
    """A monitor while it runs."""

    def __init__(
        self,
        reactor: Any,
        interrupt: Interrupt,
        asked: Monitoring,
        output: Output,
        log: MonitorLog,
        answering: Answering | None,
    ) -> None:
        self._answering = answering
        self._reactor = reactor
        self._interrupt = interrupt
        self._asked = asked
        self._output = output
        self._log = log
        self._engine: Engine
        self._command: ChangeCommand | None = None
        self._error: OutputError | None = None
        self._routes: Routes | None = None
        self._tls: ServerTls | None = None
        self._history: HistoryWriter | None = None
        self._service: Service
        self._live_view: MonitorView | None = None
        self._began = time.monotonic_ns()
        self._clock_steps = ClockSteps(run_clock.now(), time.time_ns())

    async def until_end(self, settings: MonitorSettings) -> None:
        """Monitor until it is interrupted, or its time is over. Raises OutputError where nobody reads any more."""
        from netecho.cli.watch import Watch
        from netecho.net.monitor.engine import Engine
        from netecho.net.monitor.service import Service
        from netecho.net.server.systemd import Notifier

        self._engine = engine = Engine(self._reactor, self)
        self._interrupt.tell(engine.end)
        self._interrupt.tell_of_stops(engine.continued)
        self._command = self._change_command()
        self._history = self._keep_history()
        self._reload_at_sighup()
        engine.configure(settings.targets)
        web = self._serve(settings)
        self._tell(lambda: self._log.started(len(settings.targets)))
        if web is not None:
            self._tell(lambda: self._log.noticed("listening", f"listening on {web.url}", url=web.url, port=web.port))
        if self._answering is not None:
            where = ", ".join(self._answering.listening)
            self._tell(lambda: self._log.noticed("answering", f"answering on {where}"))
            self._look_after(self._answering)
        self._reactor.callLater(SETTLED, gc.freeze)
        if self._asked.duration is not None:
            self._reactor.callLater(self._asked.duration / SECOND, engine.end)
        service = self._service = Service(self._reactor, Notifier())
        service.ready(f"monitoring {many(len(settings.targets), 'target')}")
        self._live_view, keyboard = self._view()
        watch = Watch(self._reactor, self._output, self._live_view, self._show_table, drain=self._drain, keys=keyboard)
        with watch:
            await engine.ended
        service.stop()
        engine.stop()
        if self._history is not None:
            self._history.stop()
        if self._routes is not None:
            self._routes.feed.stop()
        if web is not None:
            web.stop()
        if self._command is not None:
            self._command.stop()
        if self._error is not None:
            raise self._error
        self._log.stopped(time.monotonic_ns() - self._began, engine.targets)
        if self._asked.form == "text" and self._output.quiet < 2:
            self._output.write(self._table(self._output.width, color=self._output.stdout_color))

    def _look_after(self, answering: Answering) -> None:
        """Say that what answers has ended, should it: the other nodes see this one as down."""
        if answering.is_alive:
            self._reactor.callLater(LOOKS_AFTER, self._look_after, answering)
        else:
            sentence = "what answers has ended: the other nodes see this one as down until it is started again"
            self._tell(lambda: self._log.noticed("answering", sentence))

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Tell of a change of state."""
        self._tell(lambda: self._log.changed(target, change))
        if self._live_view is not None:
            self._live_view.changed(target, change)
        if self._routes is not None:
            self._routes.changed(target, change)
        if self._history is not None:
            self._history.changed(target, change)
        if self._command is not None:
            from netecho.monitor.facts import environment
            from netecho.report.document.values import timestamp

            self._command.run(target.settings.name, environment(target, change, timestamp(time.time_ns())))

    def minute_ended(self, target: MonitoredTarget, minute: Slot) -> None:
        """Keep a minute of a target."""
        if self._history is not None:
            self._history.minute_ended(target, minute)
            step = self._clock_steps.observe(run_clock.now(), time.time_ns())
            if step is not None:
                way = "forward" if step > 0 else "back"
                text = f"the clock was set {way} by {span(abs(step) / MILLISECOND)}: the history has it as it was then"
                self._tell(lambda: self._log.noticed("clock_set", text, step_ms=step // MILLISECOND))

    def _tell(self, write: Callable[[], None]) -> None:
        """Write; end where nobody reads any more. A full disk is no reason to end: that is said, once."""
        if self._error is None:
            try:
                write()
            except OutputClosed as error:
                self._error = error
                self._engine.end()
            except OutputError as error:
                self._output.mention(f"netecho: {error.sentence}; monitoring goes on")

    def _drain(self) -> None:
        self._tell(self._output.drain)

    def _serve(self, settings: MonitorSettings) -> Web | None:
        """Serve HTTP, if that is asked for. Raises UnreachableError where the address cannot be had."""
        options = self._asked.web
        if options is None:
            return None
        from netecho.cli.web import Routes, moment
        from netecho.net.monitor.feed import Feed
        from netecho.net.monitor.web import Web
        from netecho.report.document.live_events import LiveEvents

        if options.credentials is not None:
            from netecho.net.server.tls import ServerTls

            self._tls = ServerTls(options.credentials)
        live = LiveEvents(moment, has_history=self._asked.history is not None)
        feed = Feed(
            self._reactor,
            lambda: self._engine.targets,
            live,
            lambda sentence: self._tell(lambda: self._log.noticed("dropped", sentence)),
        )
        self._routes = routes = Routes(
            self._reactor,
            self._engine,
            options.allowed,
            dict(settings.groups),
            feed,
            live,
            self._asked.history,
            self._asked.node,
        )
        web = Web(self._reactor, routes.settings(options.token, self._tls))
        web.listen(self._reactor, options.host, options.port)
        routes.ready = True
        return web

    def _keep_history(self) -> HistoryWriter | None:
        if self._asked.history is None:
            return None
        from netecho.net.monitor.history import HistoryWriter, Keep

        return HistoryWriter(
            self._reactor,
            self._asked.history,
            Keep(self._asked.keep, self._asked.keep_size),
            lambda sentence: self._tell(lambda: self._log.noticed("history", sentence)),
        )

    def _change_command(self) -> ChangeCommand | None:
        if self._asked.on_change is None:
            return None
        from netecho.net.monitor.commands import ChangeCommand

        return ChangeCommand(
            self._reactor, self._asked.on_change, lambda sentence: self._output.mention(f"netecho: {sentence}")
        )

    def _reload_at_sighup(self) -> None:
        if self._asked.config is not None or (self._asked.web is not None and self._asked.web.credentials is not None):
            signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._reload))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def _reload(self) -> None:
        """Read the configuration again; one that is wrong changes nothing."""
        with self._service.reloading():
            self._read_again()

    def _read_again(self) -> None:
        try:
            settings = configured(self._asked)
            if self._tls is not None:
                self._tls.reload()
            result = self._engine.configure(settings.targets)
        except NetechoError as error:
            sentence = error.sentence
            self._tell(lambda: self._log.noticed("not_reloaded", f"nothing is changed: {sentence}"))
            return
        if self._routes is not None:
            self._routes.reconfigured(dict(settings.groups))
        kept, added, removed = result
        text = f"read {self._asked.config} again: {kept} kept, {added} added, {removed} removed"
        self._tell(lambda: self._log.noticed("reloaded", text, kept=kept, added=added, removed=removed))

    def _view(self) -> tuple[MonitorView | None, Keyboard | None]:
        """Return what shows the targets on a terminal, and what reads the keys, where it is one that has some."""
        output, live = self._output, self._asked.live
        if live is None:
            live = self._asked.form == "text" and output.quiet == 0 and output.stdout_is_terminal
        if not (live and output.stderr_moves):
            return None, None
        from netecho.report.terminal.monitor_view import MonitorView

        has_keys = sys.stdin is not None and sys.stdin.isatty()
        view = MonitorView(
            output, lambda: self._engine.targets, run_clock.now, ended=self._engine.end if has_keys else None
        )
        if not has_keys:
            return view, None
        from netecho.net.reactor.keyboard import Keyboard

        return view, Keyboard(self._reactor, sys.stdin.fileno(), view.pressed)

    def _show_table(self) -> None:
        """Say on standard error how all targets are: SIGUSR1 and Ctrl-backslash ask for it."""
        self._output.say(self._table(self._output.stderr_size[0], color=self._output.stderr_color).rstrip("\n"))

    def _table(self, width: int, *, color: bool) -> str:
        from netecho.report.terminal.monitor_view import printed

        return printed(self._engine.targets, SHOWN_AT_END, width=width, color=color, glyphs=self._output.glyphs)
