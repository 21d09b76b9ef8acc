"""The single probes of a saved run, as far as a comparison needs them: at most so many, and still in their order.

The order matters because round trips come in good and bad stretches: how much a figure varies by itself can only be
seen where neighbours stay neighbours.
"""

from __future__ import annotations

from netecho.measure.events import EchoCorrupted, Event, ProbeLost, ReplyReceived
from netecho.measure.stats.reservoir import LIMIT, Reservoir


class Samples:
    """The series that a run's events make: times in nanoseconds, `lost` 1 for a probe that was and 0 for one not."""

    __slots__ = ("_last", "ipdv", "lag", "lost", "response", "rtt")

    def __init__(self, limit: int = LIMIT, seed: int = 0) -> None:
        self.rtt, self.response, self.lag, self.ipdv, self.lost = (Reservoir(limit, seed) for _ in range(5))
        self._last: dict[int, tuple[int, int]] = {}

    def tell(self, event: Event) -> None:
        """Take in what happened to a probe, in the order of the events."""
        if isinstance(event, ReplyReceived | EchoCorrupted):
            self.rtt.add(event.rtt)
            self.response.add(event.response)
            self.lag.add(event.lag)
            self.lost.add(0)
            seq, rtt = self._last.get(event.connection, (-2, 0))
            if event.seq == seq + 1:
                self.ipdv.add(abs(event.rtt - rtt))
            self._last[event.connection] = (event.seq, event.rtt)
        elif isinstance(event, ProbeLost):
            self.lag.add(event.lag)
            self.lost.add(1)
