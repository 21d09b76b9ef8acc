"""`netecho.probe`, `netecho.probe_sync` and `netecho.events`: one run, its result, or its events as they happen."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from netecho.api.options import ProbeOptions, planned
from netecho.api.result import Event, ProbeResult, event_of, result_of
from netecho.errors import UsageError
from netecho.report.document.values import TimeOfDay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Unpack

    from netecho.cli.job.build import PlannedRun
    from netecho.measure.events import Event as Happened
    from netecho.measure.observer import Reporter
    from netecho.measure.result import Start
    from netecho.net.reactor.interfaces import Reactor
    from netecho.target import Target

KEPT = 65_536
"""Events kept for a reader that is slow; past that the oldest are left out."""


async def probe(target: str | Target, **options: Unpack[ProbeOptions]) -> ProbeResult:
    """Measure round trips to `target`, and return what they came to.

    The options are those of `netecho probe` under their long names. To be awaited in a task of asyncio or under a
    running Twisted reactor; cancelling it ends the run. Raises UsageError for what is wrong with the arguments,
    UnreachableError where the target could not be reached at all.
    """
    from netecho.api.world import world

    run, where = planned(target, options), world()
    return await where.wait(_started(where.reactor, run, _Silent()))


def probe_sync(target: str | Target, **options: Unpack[ProbeOptions]) -> ProbeResult:
    """Measure as `probe` does, in a program that has no event loop: in any thread, again and again.

    Raises what `probe` raises, and UsageError where an event loop runs in this thread.
    """
    import asyncio

    from netecho.api.world import runs_here

    if runs_here():
        raise UsageError("probe_sync was called where an event loop runs", "await netecho.probe(...) instead")
    return asyncio.run(probe(target, **options))


async def events(target: str | Target, **options: Unpack[ProbeOptions]) -> AsyncIterator[Event]:
    """Measure as `probe` does, and yield what happens to each probe as it happens.

    A reader that is slow delays no probe: past `KEPT` events the oldest are left out. Ends with the run; leaving the
    loop early ends the run. Raises what `probe` raises.
    """
    from twisted.internet.defer import Deferred

    from netecho.api.world import world
    from netecho.report.document.event_rows import row

    run, where = planned(target, options), world()
    reporter = _Queue()
    running = _started(where.reactor, run, reporter)
    running.addBoth(reporter.end)
    try:
        while True:
            while reporter.kept:
                yield event_of(row(reporter.kept.popleft(), reporter.clock, several=True))
            if reporter.ended:
                break
            reporter.changed = Deferred()
            await where.wait(reporter.changed)
        await where.wait(running)
    finally:
        running.addErrback(lambda _: None)
        running.cancel()


def _started(reactor: Reactor, run: PlannedRun, reporter: Reporter) -> Any:
    """Begin a run; return the Deferred of its result."""
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_measured(reactor, run, reporter))


async def _measured(reactor: Reactor, run: PlannedRun, reporter: Reporter) -> ProbeResult:
    from netecho.measure.criteria import judge
    from netecho.measure.recorder import Recorder
    from netecho.net.client.measurement import probe as measure
    from netecho.net.reactor.runner import Interrupt
    from netecho.report.document.model import document

    recorder = Recorder(by_size=len(run.job.plan.sizes) > 1, connections=run.job.plan.connections)
    result = await measure(reactor, Interrupt(), run.job, recorder, reporter)
    failed = judge(run.criteria, result.summary, result.start.setup)
    return result_of(document(result, [str(each) for each in failed]))


class _Silent:
    """A reporter for who wants the result alone."""

    follows = False

    def started(self, start: Start) -> None:
        """Nothing."""

    def tell(self, event: Happened) -> None:
        """Nothing."""


class _Queue:
    """A reporter that keeps events until they are asked for."""

    follows = True

    def __init__(self) -> None:
        self.kept: deque[Happened] = deque(maxlen=KEPT)
        self.clock = TimeOfDay(0)
        self.ended = False
        self.changed: Any = None
        """Fires when there is something to look at."""

    def started(self, start: Start) -> None:
        """Learn when the run began, which events are told from."""
        self.clock = TimeOfDay(start.started)

    def tell(self, event: Happened) -> None:
        """Keep an event."""
        self.kept.append(event)
        self._wake()

    def end(self, result: Any) -> Any:
        """Note that nothing more will come."""
        self.ended = True
        self._wake()
        return result

    def _wake(self) -> None:
        if self.changed is not None:
            changed, self.changed = self.changed, None
            if not changed.called:
                changed.callback(None)
