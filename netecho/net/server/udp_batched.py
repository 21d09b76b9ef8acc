"""The server's datagrams, raw: sent back in batches, from the memory that the kernel wrote them to.

A batch is checked as a whole, by a few operations over all its TTLs, ports and addresses. Only a batch in which a
datagram may be refused is looked at datagram by datagram. What is checked, and why: see `udp`, the plain path that
does the same one datagram at a time.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from typing import TYPE_CHECKING

from netecho.echo.loop_guard import ANSWER_TTL, LOOP, MARKED, NEVER_ANSWERED, TO_MANY, refusal
from netecho.net.linux.cmsg import LINK_LOCAL, MULTICAST, V4_LAYOUT, V6_LAYOUT
from netecho.net.linux.mmsg import SIZE, Batch
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.sockets import prepare_datagrams

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from netecho.net.reactor.interfaces import ReactorDescriptors
    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket

_BATCHES = 2
"""Taken in one pass; then the reactor's other descriptors have their turn."""


class BatchedDatagramListener(SocketReader):
    """Sends the datagrams of one bound socket back, where `mmsg.available()`."""

    def __init__(self, reactor: ReactorDescriptors, bound: BoundSocket, admission: Admission) -> None:
        super().__init__(reactor, bound)
        prepare_datagrams(bound.socket, ANSWER_TTL)
        self._admission = admission
        self._rate, self._clock = admission.rate, admission.clock
        self._totals = admission.totals_of("udp")
        self._guard = admission.loop_guard
        self._source_counts = admission.new_sources(self._client_of)
        self._port = bound.port or 0
        self._never = frozenset(map(socket.htons, (*NEVER_ANSWERED, self._port)))
        self._v6 = bound.socket.family == socket.AF_INET6
        self._batch = batch = Batch(bound.socket)
        layout = V6_LAYOUT if self._v6 else V4_LAYOUT
        self._info = layout.info
        self._interfaces = batch.control_words(layout.interface)
        self._ttls = batch.control_words(layout.ttl)
        if self._v6:
            self._destinations = batch.control_bytes(layout.destination)
            self._sources = batch.name_longs(8)  # the /64 network
            self._hosts = batch.name_longs(16)
        else:
            self._locals = batch.control_words(layout.local)
            self._destinations = batch.control_words(layout.destination)
            self._sources = batch.name_words(4)
        self._endpoints = batch.name_longs(0)  # family and port, and of IPv4 the address
        self.startReading()

    def doRead(self) -> None:
        """Answer the datagrams that wait."""
        now = self._clock()
        self._admission.roll(now)
        self._source_counts.roll(now)
        if not self._batch.receive_one():
            return
        self._answer_one()
        for _ in range(_BATCHES):
            count = self._batch.receive()
            if count:
                self._answer_all(count)
            if count < SIZE:
                return

    def stop(self) -> None:
        """Answer what has been received, and no more."""
        self.doRead()
        self.stopReading()

    def _answer_all(self, count: int) -> None:
        """Answer a batch of so many datagrams."""
        self._totals.datagrams += count
        self._totals.bytes_received += sum(self._batch.lengths[:count])
        within = self._take(count)
        busy = self._busy(count)
        if within is None and not busy and self._may_answer_all(count):
            self._answer(0, count)
        else:
            self._answer_some(count, within or {}, busy)

    def _answer_one(self) -> None:
        """Answer the first by itself: mostly it is alone, from a client that waits for the answer."""
        batch, totals = self._batch, self._totals
        reason = None if self._may_answer_first() else self._refusal(0)
        if reason is None and not self._rate.take(self._sources[0]):
            reason = self._admission.above_rate
        guard = self._guard
        if reason is None and guard is not None and guard.is_busy(endpoint := self._endpoint(0)):
            data = batch.payload(0)
            if guard.permits(endpoint, data):
                guard.answered(endpoint, data)
            else:
                reason = LOOP
        if reason is None:
            if not self._v6 or self._destinations[0] != LINK_LOCAL:
                self._interfaces[0] = 0
            if batch.send_one_back(self._info):
                size = batch.lengths[0]
                totals.datagrams_answered += 1
                totals.bytes_sent += size
                self._source_counts.add(self._sources[0], size, size)
        else:
            totals.datagrams_refused += 1
            self._admission.log_refusal("udp", self._address(0), reason)
        # Counted after the answer, which need not wait for it.
        totals.datagrams += 1
        totals.bytes_received += batch.lengths[0]

    def _may_answer_first(self) -> bool:
        """Whether the first datagram surely gets an answer, its source's limit aside: `_may_answer_all`, sooner."""
        if self._batch.ports[0] in self._never or self._ttls[0] in MARKED:
            return False
        if self._v6:
            return bool(self._destinations[0] != MULTICAST)
        return bool(self._locals[0] == self._destinations[0])

    def _take(self, count: int) -> dict[int, int] | None:
        """Count the batch against its sources' limits; return how many each may still have, None if all may."""
        rate = self._rate
        if rate.rate is None:
            return None  # nor are the sources counted for snapshots: without a limit, only speed is asked for
        asked = Counter(self._sources[:count].tolist())
        within = {source: rate.take_many(source, number) for source, number in asked.items()}
        mean = sum(self._batch.lengths[:count]) // count  # the exact sizes by source would cost more
        for source, number in asked.items():
            self._source_counts.add(source, number * mean, within[source] * mean)
        return None if within == asked else within

    def _busy(self, count: int) -> frozenset[Hashable]:
        """Return the endpoints of the batch that the loop guard checks."""
        if self._guard is None:
            return frozenset()
        endpoints: Iterable[Hashable] = self._endpoints[:count].tolist()
        if self._v6:
            endpoints = zip(endpoints, self._sources[:count].tolist(), self._hosts[:count].tolist(), strict=True)
        return self._guard.busy_ones(Counter(endpoints))

    def _endpoint(self, index: int) -> Hashable:
        """Return the source address and port of a datagram."""
        if self._v6:
            return self._endpoints[index], self._sources[index], self._hosts[index]
        return self._endpoints[index]

    def _may_answer_all(self, count: int) -> bool:
        """Whether every datagram of the batch surely gets an answer, their sources' limits aside."""
        if not self._never.isdisjoint(self._batch.ports[:count].tolist()):
            return False
        if not MARKED.isdisjoint(self._ttls[:count].tolist()):
            return False
        if self._v6:
            return MULTICAST not in self._destinations[:count].tolist()
        return bool(self._locals[:count] == self._destinations[:count])

    def _answer(self, start: int, stop: int) -> None:
        """Send back those from `start` to before `stop`, each from the address it was sent to."""
        if start == stop:
            return
        # The way back is the routing table's choice, except from an address that means nothing without its link.
        if self._v6 and LINK_LOCAL in self._destinations[start:stop].tolist():
            for index in range(start, stop):
                if self._destinations[index] != LINK_LOCAL:
                    self._interfaces[index] = 0
        else:
            self._interfaces[start:stop] = self._batch.zeros[start:stop]
        taken, size = self._batch.send_back(start, stop, self._info)
        self._totals.datagrams_answered += taken
        self._totals.bytes_sent += size

    def _answer_some(self, count: int, within: dict[int, int], busy: frozenset[Hashable]) -> None:
        """Check each datagram, and answer in runs between those that get no answer."""
        start = 0
        for index in range(count):
            reason = self._refusal(index)
            source = self._sources[index]
            if reason is None and source in within:
                within[source] -= 1
                if within[source] < 0:
                    reason = self._admission.above_rate
            if reason is None and busy:
                reason = self._looping(index, busy)
            if reason is not None:
                self._answer(start, index)
                start = index + 1
                self._totals.datagrams_refused += 1
                self._admission.log_refusal("udp", self._address(index), reason)
        self._answer(start, count)

    def _refusal(self, index: int) -> str | None:
        """Return why a datagram gets no answer, its source's limit aside; None: it gets one."""
        destination = self._destinations[index]
        if self._v6:
            if destination == MULTICAST:
                return TO_MANY
        elif destination != self._locals[index]:
            if self._locals[index]:
                return TO_MANY
            # Not known: it was queued before IP_PKTINFO was asked for. Why this is safe: see `cmsg.Headers`.
            self._locals[index] = destination
        return refusal(socket.ntohs(self._batch.ports[index]), self._ttls[index], self._port)

    def _client_of(self, source: int) -> str:
        """Return what a source counts as for the limits."""
        if self._v6:
            return f"{source.to_bytes(8, sys.byteorder).hex()}/64"
        return socket.inet_ntop(socket.AF_INET, source.to_bytes(4, sys.byteorder))

    def _looping(self, index: int, busy: frozenset[Hashable]) -> str | None:
        """Have the loop guard check a datagram, if it is from one of the busy endpoints."""
        endpoint = self._endpoint(index)
        if self._guard is None or endpoint not in busy:
            return None
        data = self._batch.payload(index)
        if not self._guard.permits(endpoint, data):
            return LOOP
        self._guard.answered(endpoint, data)
        return None

    def _address(self, index: int) -> str:
        name = self._batch.name(index)
        if self._v6:
            return socket.inet_ntop(socket.AF_INET6, name[8:24])
        return socket.inet_ntop(socket.AF_INET, name[4:8])
