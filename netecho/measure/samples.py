"""The single probes of a saved run, as far as a comparison needs them: at most so many, and still in their order.

The order matters because round trips come in good and bad stretches: how much a figure varies by itself can only be
seen where neighbours stay neighbours.
"""

from __future__ import annotations

from netecho.measure.events import EchoCorrupted, Event, ProbeLost, ReplyReceived
from netecho.measure.loss_reason import LossReason
from netecho.measure.stats.reservoir import LIMIT, Reservoir
from netecho.measure.stats.variation import Variation


class Samples:
    """The series that a run's events make: times in nanoseconds, `lost` 1 for a probe that was and 0 for one not."""

    __slots__ = ("_variations", "ipdv", "lag", "lost", "response", "rtt")

    def __init__(self, limit: int = LIMIT, seed: int = 0) -> None:
        self.rtt, self.response, self.lag, self.ipdv, self.lost = (Reservoir(limit, seed) for _ in range(5))
        self._variations: dict[int, Variation] = {}

    def tell(self, event: Event) -> None:
        """Take in what happened to a probe, in the order of the events."""
        if isinstance(event, ReplyReceived | EchoCorrupted):
            self.rtt.add(event.rtt)
            self.response.add(event.response)
            self.lag.add(event.lag)
            self.lost.add(0)
            self._pair(event)
        elif isinstance(event, ProbeLost):
            self.lag.add(event.lag)
            if event.reason is not LossReason.DROPPED_HERE:
                self.lost.add(1)

    def _pair(self, event: ReplyReceived | EchoCorrupted) -> None:
        """Add the differences of the pairs that a reply completes: those that the summary's ipdv is the mean of."""
        variation = self._variations.setdefault(event.connection, Variation())
        pairs, total = variation.pairs, variation.ipdv_sum
        variation.replied(event.seq, event.rtt)
        found, total = variation.pairs - pairs, variation.ipdv_sum - total
        if found:
            # A reply that was overtaken may complete two, whose mean is what counts.
            self.ipdv.add(total - total // found * (found - 1))
            for _ in range(found - 1):
                self.ipdv.add(total // found)
