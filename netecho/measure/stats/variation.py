"""How much one connection's round trips differ from one to the next: the sums that ipdv and jitter are made from.

One `Variation` a connection, because both compare neighbours, and probes of different connections are none.
"""

from __future__ import annotations

EDGES = 256
"""Rtts remembered beside gaps in the sequence. A reply that is overtaken by half as many leaves no pair."""

_NO_NEXT = -1


class Variation:
    """The differences of one connection's rtts, in nanoseconds.

    ipdv (RFC 3393): of each two probes of consecutive sequence numbers that were both answered, in whatever order. A
    loss between two probes leaves no pair. `ipdv_sum` and `pairs` make the mean.
    jitter (RFC 3550, section 6.4.1, with the rtt for the transit time): of each two replies in order of arrival,
    J += (|D| - J) / 16. None while there are fewer than two.
    """

    __slots__ = ("_edges", "_jitter", "_last", "_next", "_replies", "_rtt", "_seq", "ipdv_sum", "pairs")

    def __init__(self) -> None:
        self.ipdv_sum = 0
        self.pairs = 0
        self._jitter = 0.0
        self._last = 0  # rtt of the last reply to arrive
        self._next = _NO_NEXT  # the probe after that, where it is also after all that were answered
        # What follows is touched out of sequence only.
        self._replies = 0
        self._seq = -2  # highest answered; -2 so that probe 0 does not look like its successor
        self._rtt = 0  # and its rtt
        # Only a probe beside a gap can still find a neighbour, so nothing else is kept.
        self._edges: dict[int, int] = {}

    @property
    def jitter(self) -> float | None:
        """The smoothed jitter of RFC 3550, nanoseconds."""
        return self._jitter if self.pairs or self._replies > 1 else None

    def replied(self, seq: int, rtt: int) -> None:
        """Record the reply to one probe. Each `seq` (from 0) is recorded once; `rtt` in nanoseconds."""
        last = self._last
        difference = rtt - last if rtt > last else last - rtt
        if seq == self._next:
            # The neighbour in sequence is the neighbour in arrival: one difference serves both.
            self.pairs += 1
            self.ipdv_sum += difference
            self._jitter += (difference - self._jitter) * 0.0625
            self._next = seq + 1
        else:
            self._out_of_sequence(seq, rtt, difference)
        self._last = rtt

    def _out_of_sequence(self, seq: int, rtt: int, difference: int) -> None:
        if self._replies:
            self._jitter += (difference - self._jitter) * 0.0625
        self._replies += 1
        if self._next != _NO_NEXT:
            self._seq, self._rtt = self._next - 1, self._last
        if seq < self._seq:
            self._overtaken(seq, rtt)
            self._next = _NO_NEXT
            return
        if seq == self._seq + 1:
            self.pairs += 1
            self.ipdv_sum += abs(rtt - self._rtt)
        else:
            self._remember(self._seq, self._rtt)
            self._remember(seq, rtt)
        self._next = seq + 1

    def _overtaken(self, seq: int, rtt: int) -> None:
        for neighbour in (seq - 1, seq + 1):
            if neighbour in self._edges:
                self.pairs += 1
                self.ipdv_sum += abs(rtt - self._edges[neighbour])
        self._remember(seq, rtt)

    def _remember(self, seq: int, rtt: int) -> None:
        edges = self._edges
        edges[seq] = rtt
        if len(edges) > EDGES:
            for old in list(edges)[: EDGES // 2]:
                del edges[old]
