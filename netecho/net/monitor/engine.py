"""All the targets of a monitor on one reactor: one timer for all their sends, and a tick a second for all their states.

Nothing is done for all targets in one go, for that would delay sends: first probes are spread over the interval, and
a tick goes through the targets for a moment at a time, between the sends.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from twisted.internet.defer import Deferred, DeferredSemaphore

from netecho.measure.payload import Payloads
from netecho.monitor.buckets import Buckets
from netecho.monitor.monitored import MonitoredTarget
from netecho.net import descriptors
from netecho.net.monitor.jobs import job_of
from netecho.net.monitor.watch import Watch
from netecho.net.reactor.spare_time import SpareTime
from netecho.net.reactor.timer import Pacer, Timer
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.monitor.settings import TargetSettings
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot
    from netecho.net.client.job import Job
    from netecho.net.reactor.interfaces import Reactor

SLICE = 200_000
"""Nanoseconds of the processor that a tick goes through targets before the reactor has its turn, one target at least.
A number of them would not do: where a minute ends sixteen took 2 to 8 ms, else 0.2. By the clock it would be one target
a turn where others have the processor, and turns are long then."""
OTHERS = 128
"""Descriptors that are left for scrapes, commands and files."""
LOOKUPS = 32
"""Names that are looked up at once: a resolver that does not answer would have a thread of each target wait for it."""
_GOLDEN = 0.6180339887498949
"""Multiples of it, less their whole part, lie evenly however many there are (Weyl): so starts are spread."""


class Observer(Protocol):
    """Who is told what happens to the targets."""

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Take in that a target's state changed."""

    def minute_ended(self, target: MonitoredTarget, minute: Slot) -> None:
        """Take in that a minute of a target is over."""


class Reconfigured(NamedTuple):
    """What became of the targets when the configuration was read again."""

    kept: int
    added: int
    removed: int


class Engine:
    """Probes all targets until it is stopped."""

    def __init__(
        self,
        reactor: Reactor,
        observer: Observer,
        timer: Timer | None = None,
        processor: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        """Make one without targets; `processor` is the time that this thread has had of it, ns."""
        self._reactor = reactor
        self._observer = observer
        self._timer = Timer(reactor) if timer is None else timer
        self._processor = processor
        self._watches: dict[TargetSettings, Watch] = {}
        self._payloads: dict[int, Payloads] = {}
        self._lookups = DeferredSemaphore(LOOKUPS)
        self._seed = int.from_bytes(os.urandom(6))
        self._started = 0
        """Targets so far."""
        self._tick = Pacer(self._timer, self._ticked)
        self.spare = SpareTime(self._timer)
        """For all that can wait."""
        self._left: list[Watch] = []
        """What this tick has still to go through."""
        self._behind = 0
        """Ticks that came meanwhile: there is no other until this one is through, or some targets would never be."""
        self.lag = Buckets()
        """How late sends were, of all targets."""
        self.ended: Deferred[None] = Deferred()
        """Fires when the end is asked for."""
        self._tick.arm(self._timer.clock() + SECOND)

    @property
    def targets(self) -> Sequence[MonitoredTarget]:
        """All targets, in the order of the configuration."""
        return [watch.target for watch in self._watches.values()]

    def configure(self, targets: Sequence[TargetSettings]) -> Reconfigured:
        """Watch these targets from now on: those that are watched already go on as if nothing had been.

        Raises UsageError where a file that one of them names cannot be read, and UnreachableError where there are more
        than there may be descriptors; then nothing is changed.
        """
        descriptors.require(descriptors.LEAST + len(targets))
        jobs = {each: job_of(each, self._seed) for each in targets if each not in self._watches}
        descriptors.allow(descriptors.LEAST + OTHERS + 2 * len(targets))
        before = self._watches
        self._watches = {each: before.get(each) or self._watched(each, jobs[each]) for each in targets}
        gone = [watch for settings, watch in before.items() if settings not in self._watches]
        for watch in gone:
            watch.stop()
        return Reconfigured(kept=len(before) - len(gone), added=len(jobs), removed=len(gone))

    def continued(self) -> None:
        """Take in that this process goes on after a stop: called in the signal's handler."""
        for watch in self._watches.values():
            watch.continued()

    def end(self) -> None:
        """Ask for the end."""
        if not self.ended.called:
            self.ended.callback(None)

    def stop(self) -> None:
        """Stop probing."""
        self._tick.arm(None)
        self.spare.call_off(self._go_through)
        for watch in self._watches.values():
            watch.stop()
        self._timer.close()

    def _watched(self, settings: TargetSettings, job: Job) -> Watch:
        now = self._timer.clock()
        payloads = self._payloads.get(settings.probing.size)
        if payloads is None:
            payloads = self._payloads[settings.probing.size] = Payloads(job.plan)
        watch = Watch(
            self._reactor, self._timer, MonitoredTarget(settings, now, self.lag), job, payloads, self._lookups
        )
        self._started += 1
        watch.start(now + int(self._started * _GOLDEN % 1 * settings.probing.interval))
        return watch

    def _ticked(self) -> None:
        self._tick.arm(self._timer.clock() // SECOND * SECOND + SECOND)
        if self._left:
            self._behind += 1
            return
        self._left, self._behind = list(self._watches.values()), 0
        self.spare.later(self._go_through)

    def _go_through(self) -> None:
        left, used, now = self._left, self._processor, self._timer.clock()
        until = used() + SLICE * (1 + self._behind)
        while left:
            self._advance(left.pop().target, now)
            if used() >= until:
                break
        if left:
            self.spare.later(self._go_through)

    def _advance(self, target: MonitoredTarget, now: int) -> None:
        change = target.advance(now)
        if target.minute is not None:
            self._observer.minute_ended(target, target.minute)
        if change is not None:
            self._observer.changed(target, change)
