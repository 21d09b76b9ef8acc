"""One probe of one target, for `/probe`: the probe's own run, with a count of one."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.measure.recorder import Recorder
from netecho.net.client.measurement import probe
from netecho.net.monitor.jobs import job_of
from netecho.net.reactor.runner import Interrupt

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Result, Start
    from netecho.monitor.settings import TargetSettings
    from netecho.net.reactor.interfaces import Reactor


class _Nobody:
    """Hears of nothing."""

    follows = False

    def started(self, start: Start) -> None:
        """Do nothing."""

    def tell(self, event: Event) -> None:
        """Do nothing."""


async def probe_once(reactor: Reactor, settings: TargetSettings) -> tuple[Result | None, int]:
    """Probe once; return what came of it, None where the target could not be reached, and the ns that it took.

    Raises UsageError where a file that the settings name cannot be read.
    """
    job = job_of(settings, int.from_bytes(os.urandom(6)))
    began = time.monotonic_ns()
    try:
        result = await probe(reactor, Interrupt(), replace(job, plan=replace(job.plan, count=1)), Recorder(), _Nobody())
    except UnreachableError:
        return None, time.monotonic_ns() - began
    return result, time.monotonic_ns() - began
