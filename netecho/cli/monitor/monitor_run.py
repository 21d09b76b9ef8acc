"""A monitor while it runs: its targets, and those who are told of them."""

from __future__ import annotations

import gc
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from netecho.cli.monitor.configuration import configured
from netecho.errors import NetechoError, OutputClosed, OutputError
from netecho.monitor.clock_steps import ClockSteps
from netecho.net.linux import run_clock
from netecho.report.humanize import many, span
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.cli.monitor.asked import Monitoring
    from netecho.cli.monitor.serving import Serving
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.settings import MonitorSettings
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot
    from netecho.net.monitor.commands import ChangeCommand
    from netecho.net.monitor.engine import Engine
    from netecho.net.monitor.history import HistoryWriter
    from netecho.net.monitor.service import Service
    from netecho.net.reactor.keyboard import Keyboard
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.answering import Answering
    from netecho.report.monitor_log import MonitorLog
    from netecho.report.output import Output
    from netecho.report.terminal.monitor_view import MonitorView

SHOWN_AT_END = 100
"""Targets that the table at the end has."""


LOOKS_AFTER = 1.0
"""Seconds from one look at how what answers is to the next."""
SETTLED = 30.0
"""Seconds after which what there is stays, mostly: the garbage collector need not look through it again. With 1,000
targets that took some 100 ms each time on a busy machine, in which no probe left."""


class MonitorRun:
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
        self._serving: Serving | None = None
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
        self._serving = serving = self._serve(settings)
        self._tell(lambda: self._log.started(len(settings.targets)))
        if serving is not None:
            web = serving.web
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
        if serving is not None:
            serving.stop()
        if self._command is not None:
            self._command.stop()
        if self._error is not None:
            raise self._error
        self._log.stopped(time.monotonic_ns() - self._began, engine.targets)
        if self._asked.form == "text" and self._output.quiet < 2:
            self._output.write(self._table(self._output.width, color=self._output.stdout_color))

    def _look_after(self, answering: Answering) -> None:
        """Say what happens to what answers: it died and is started again, or is given up."""
        for sentence in answering.news():
            self._notice("answering", sentence)
        if not answering.ended:
            self._reactor.callLater(LOOKS_AFTER, self._look_after, answering)

    def _notice(self, kind: str, sentence: str) -> None:
        self._tell(lambda: self._log.noticed(kind, sentence))

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Tell of a change of state."""
        self._tell(lambda: self._log.changed(target, change))
        if self._live_view is not None:
            self._live_view.changed(target, change)
        if self._serving is not None:
            self._serving.routes.changed(target, change)
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

    def _serve(self, settings: MonitorSettings) -> Serving | None:
        """Serve HTTP, if that is asked for. Raises UnreachableError where the address cannot be had."""
        if self._asked.web is None:
            return None
        from netecho.cli.monitor.serving import serve

        dropped = partial(self._notice, "dropped")
        return serve(self._reactor, self._asked.web, self._asked, settings, self._engine, dropped)

    def _keep_history(self) -> HistoryWriter | None:
        if self._asked.history is None:
            return None
        from netecho.net.monitor.history import HistoryWriter, Keep

        return HistoryWriter(
            self._reactor,
            self._asked.history,
            Keep(self._asked.keep, self._asked.keep_size),
            partial(self._notice, "history"),
        )

    def _change_command(self) -> ChangeCommand | None:
        if self._asked.on_change is None:
            return None
        from netecho.net.monitor.commands import ChangeCommand

        return ChangeCommand(
            self._reactor, self._asked.on_change, lambda sentence: self._output.mention(f"netecho: {sentence}")
        )

    def _reload_at_sighup(self) -> None:
        if self._asked.config is not None or self._certificate is not None:
            signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._reload))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    @property
    def _certificate(self) -> str | None:
        """The path of the certificate that is served with; None where there is none."""
        web = self._asked.web
        return None if web is None or web.credentials is None else web.credentials.cert

    def _reload(self) -> None:
        """Read the configuration again; one that is wrong changes nothing."""
        with self._service.reloading():
            self._read_again()

    def _read_again(self) -> None:
        try:
            settings = configured(self._asked)
            tls = None if self._serving is None else self._serving.tls
            identity = None if tls is None else tls.read()
            result = self._engine.configure(settings.targets)
        except NetechoError as error:
            sentence = error.sentence
            self._tell(lambda: self._log.noticed("not_reloaded", f"nothing is changed: {sentence}"))
            return
        if self._serving is not None:
            self._serving.reload(settings, identity)
        if self._history is not None:
            self._history.reconfigured(self._engine.targets)
        kept, added, removed = result
        files = [path for path in (self._asked.config, self._certificate) if path is not None]
        text = f"read {' and '.join(files)} again: {kept} kept, {added} added, {removed} removed"
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
