"""The figures of a run from its events, where the run did not live to say them itself.

What no event tells is missing: waits for the window, probes that were in flight at the end, what the stack knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyDuplicated, ReplyLate, ReplyReceived
from netecho.measure.loss_reason import STOPPED, Loss, LossReason
from netecho.measure.recorder import Recorder
from netecho.measure.result import Result
from netecho.measure.settled import LEAST, MOST, SettledProbes
from netecho.report.document.values import nanoseconds

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start


class Rebuilder:
    """Told a run's events, has its result."""

    def __init__(self, start: Start) -> None:
        self._start = start
        connections = start.settings.get("connections")
        self._connections = connections if isinstance(connections, int) else 1
        self._recorder = Recorder(by_size=".." in str(start.settings.get("size")), connections=self._connections)
        timeout = start.settings.get("timeout_ms")
        self._timeout = nanoseconds(timeout) if isinstance(timeout, int | float) else 0
        self._flows: dict[int, _Flow] = {}
        self._end = 0
        self.events = 0

    def tell(self, event: Event) -> None:
        """Count an event. Raises ValueError for one of a connection that the run did not have."""
        self.events += 1
        recorder = self._recorder
        match event:
            case ReplyReceived() | EchoCorrupted():
                self._replied(event)
            case ProbeLost():
                recorder.sent(event.lag)
                flow = self._flow(event.connection)
                why = Loss(event.reason, event.detail)
                recorder.lost(event.size, why, flow.figures, event.scheduled)
                if why == STOPPED:  # it was answered: how long that took is not known
                    flow.answered(event)
                else:
                    flow.lost(event)
                self._end = max(self._end, event.scheduled + event.lag)
            case ReplyLate():
                recorder.late()
            case ReplyDuplicated():
                recorder.duplicated()
            case _:
                recorder.stray(len(event.data))

    def result(self) -> Result:
        """Return the run as far as it is known."""
        return Result(start=self._start, duration=self._end, interrupted=True, summary=self._recorder.summary())

    def _replied(self, event: ReplyReceived | EchoCorrupted) -> None:
        recorder, flow = self._recorder, self._flow(event.connection)
        recorder.sent(event.lag)
        recorder.replied(flow.figures, event.seq, event.rtt, event.kernel, event.response, event.size)
        recorder.timeline.replied(event.scheduled, event.rtt)
        if isinstance(event, EchoCorrupted):
            recorder.corrupted()
        # As the session has it: RFC 4737 section 3.3.
        if event.seq < flow.highest:
            recorder.reordered()
        else:
            flow.highest = event.seq
        flow.answered(event)
        self._end = max(self._end, event.scheduled + event.response)

    def _flow(self, connection: int) -> _Flow:
        flow = self._flows.get(connection)
        if flow is None:
            if connection >= self._connections:
                raise ValueError(f"the run had no connection {connection}")
            remembered = MOST if self._connections == 1 else LEAST
            flow = self._flows[connection] = _Flow(self._recorder, connection, self._timeout, remembered)
        return flow


class _Flow:
    """One connection's order, figures and outages."""

    __slots__ = ("_outages", "_settled", "_timeout", "figures", "highest")

    def __init__(self, recorder: Recorder, connection: int, timeout: int, remembered: int) -> None:
        self.figures = recorder.flow(connection)
        self.highest = -1
        self._timeout = timeout
        self._settled = SettledProbes(remembered)
        self._outages = recorder.outage_tracker(self._settled)

    def answered(self, event: ReplyReceived | EchoCorrupted | ProbeLost) -> None:
        sent_at = event.scheduled + event.lag
        self._settled.sent(event.seq, sent_at)
        self._settled.answered(event.seq)
        self._outages.answered(event.seq, sent_at)

    def lost(self, event: ProbeLost) -> None:
        sent_at = event.scheduled + event.lag
        self._settled.sent(event.seq, sent_at)
        self._settled.lost(event.seq)
        known = sent_at + self._timeout if event.reason is LossReason.TIMEOUT else sent_at
        self._outages.lost(event.seq, sent_at, known, Loss(event.reason, event.detail))
