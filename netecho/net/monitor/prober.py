"""One probe of one target, for `/probe`: the probe's own run, with a count of one, over as soon as that is settled.

Each phase of a run has the timeout for itself. Whoever scrapes waits once, so here it bounds all of them together.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.measure.recorder import Recorder
from netecho.net.client.measurement import probe
from netecho.net.monitor.jobs import job_of
from netecho.net.reactor.runner import Interrupt
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Result, Start
    from netecho.monitor.settings import TargetSettings
    from netecho.net.reactor.interfaces import Reactor


class _EndsWhenSettled:
    """Ends the run when its probe is settled: to listen for duplicates would take another two round trips."""

    follows = True

    def __init__(self, reactor: Reactor, interrupt: Interrupt) -> None:
        self._reactor = reactor
        self._interrupt = interrupt

    def started(self, start: Start) -> None:
        """Do nothing."""

    def tell(self, event: Event) -> None:
        """End it: not in the midst of what is told."""
        del event
        self._reactor.callLater(0, self._interrupt.request)


async def probe_once(reactor: Reactor, settings: TargetSettings) -> tuple[Result | None, int]:
    """Probe once; return what came of it, None where the target could not be reached, and the ns that it took.

    It is given up once the timeout is over, whatever it waits for then. Raises UsageError where a file that the
    settings name cannot be read.
    """
    job = job_of(settings, int.from_bytes(os.urandom(6)))
    began, interrupt = time.monotonic_ns(), Interrupt()
    given_up = reactor.callLater(settings.probing.timeout / SECOND, interrupt.request)
    reporter = _EndsWhenSettled(reactor, interrupt)
    try:
        result = await probe(reactor, interrupt, job._replace(plan=job.plan._replace(count=1)), Recorder(), reporter)
    except UnreachableError:
        return None, time.monotonic_ns() - began
    finally:
        if given_up.active():
            given_up.cancel()
    return result, time.monotonic_ns() - began
