"""How much one connection's round trips differ from one to the next: the sums that ipdv and jitter are made from.

One `Variation` a connection, because both compare neighbours, and probes of different connections are none.
"""

from __future__ import annotations

EDGES = 256
"""Rtts remembered around gaps in the sequence. A reply overtaken across more gaps than half of that leaves no pair."""

_NONE_YET = -2  # not -1: the first probe, 0, must not look like its successor


class Variation:
    """The differences of one connection's rtts, in nanoseconds.

    ipdv (RFC 3393): of each two probes of consecutive sequence numbers that were both answered, in whatever order. A
    loss between two probes leaves no pair. `ipdv_sum` and `pairs` make the mean.
    jitter (RFC 3550, section 6.4.1, with the rtt for the transit time): of each two replies in order of arrival,
    J += (|D| - J) / 16. None while there are fewer than two.
    """

    __slots__ = ("_arrived", "_edges", "_jitter", "_replies", "_rtt", "_seq", "ipdv_sum", "pairs")

    def __init__(self) -> None:
        self.ipdv_sum = 0
        self.pairs = 0
        self._jitter = 0.0
        self._replies = 0
        self._arrived = 0  # rtt of the last reply to arrive
        self._seq = _NONE_YET  # highest sequence number answered
        self._rtt = 0  # and its rtt
        # Only what stands beside a gap can still find a neighbour: in order, nothing needs to be kept.
        self._edges: dict[int, int] = {}

    @property
    def jitter(self) -> float | None:
        """The smoothed jitter of RFC 3550, nanoseconds."""
        return self._jitter if self._replies > 1 else None

    def replied(self, seq: int, rtt: int) -> None:
        """Take in the reply to one probe. Each `seq` is told once; `rtt` in nanoseconds."""
        difference = rtt - self._arrived
        self._arrived = rtt
        if difference < 0:
            difference = -difference
        if self._replies:
            self._jitter += (difference - self._jitter) * 0.0625
        self._replies += 1
        if seq == self._seq + 1:
            difference = rtt - self._rtt
            self.ipdv_sum += difference if difference > 0 else -difference
            self.pairs += 1
            self._seq = seq
            self._rtt = rtt
        else:
            self._across_a_gap(seq, rtt)

    def _across_a_gap(self, seq: int, rtt: int) -> None:
        edges = self._edges
        if seq > self._seq:
            edges[self._seq] = self._rtt
            self._seq, self._rtt = seq, rtt
        else:
            for neighbour in (seq - 1, seq + 1):
                if neighbour in edges:
                    self.ipdv_sum += abs(rtt - edges[neighbour])
                    self.pairs += 1
        edges[seq] = rtt
        if len(edges) > EDGES:
            for old in list(edges)[: EDGES // 2]:
                del edges[old]
