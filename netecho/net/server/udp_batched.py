"""The server's datagrams, raw: sent back in batches, straight from where the kernel put them.

A batch is vetted as a whole, by a few operations over all its TTLs, ports and addresses. Only a batch in which
something is amiss is looked at datagram by datagram. What is vetted, and why, is told in `udp_server`.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor

from netecho.echo.loop_guard import MARKED, NEVER_ANSWERED, TO_MANY, refusal
from netecho.net.linux.mmsg import SIZE, Batch
from netecho.net.server.udp import prepare

if TYPE_CHECKING:
    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket

_BATCHES = 2
"""Taken in one pass; then the reactor's other descriptors have their turn."""

_MULTICAST, _LINK_LOCAL = 0xFF, 0xFE
"""The first bytes of such IPv6 addresses (RFC 4291)."""


class BatchedDatagramListener(FileDescriptor):
    """Sends the datagrams of one bound socket back, where `mmsg.available()`."""

    def __init__(self, reactor: Any, bound: BoundSocket, admission: Admission) -> None:
        super().__init__(reactor)
        prepare(bound.socket)
        self._socket = bound.socket
        self._admission = admission
        self._rate, self._totals, self._clock = admission.rate, admission.totals, admission.clock
        self._port = bound.port or 0
        self._never = frozenset(map(socket.htons, (*NEVER_ANSWERED, self._port)))
        self._v6 = bound.socket.family == socket.AF_INET6
        self._batch = batch = Batch(bound.socket)
        # The kernel writes the control messages in the order of its code: the packet info, then the TTL; each after
        # a header of 16 bytes and padded to 8.
        if self._v6:
            self._destinations = batch.control_bytes(16)
            self._interfaces = batch.control_words(32)
            self._ttls = batch.control_words(56)
            self._sources = batch.name_longs(8)  # the /64 network
            self._info = 36
        else:
            self._interfaces = batch.control_words(16)
            self._locals = batch.control_words(20)
            self._destinations = batch.control_words(24)
            self._ttls = batch.control_words(48)
            self._sources = batch.name_words(4)
            self._info = 28
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the socket."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the listener in Twisted's log."""
        return "udp"

    def doRead(self) -> None:
        """Answer what waits."""
        self._rate.roll(self._clock())
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
        """Answer what has already come, and no more; the socket is closed by whoever made it."""
        self.doRead()
        self.stopReading()

    def _answer_all(self, count: int) -> None:
        """Answer a batch of so many datagrams."""
        self._totals.datagrams += count
        self._totals.bytes_received += sum(self._batch.lengths[:count])
        within = self._take(count)
        if within is None and self._is_sound(count):
            self._answer(0, count)
        else:
            self._answer_some(count, within or {})

    def _answer_one(self) -> None:
        """Answer the first by itself: mostly it came alone, from a client that waits for the answer."""
        batch, totals = self._batch, self._totals
        if self._is_sound_alone() and self._rate.take(self._sources[0]):
            if not self._v6 or self._destinations[0] != _LINK_LOCAL:
                self._interfaces[0] = 0
            if batch.send_one_back(self._info):
                totals.datagrams_answered += 1
                totals.bytes_sent += batch.lengths[0]
        else:
            totals.datagrams_refused += 1
            self._admission.turned_away("udp", self._address(0), self._refusal(0) or self._admission.above_rate)
        # After the answer, as all that it need not wait for.
        totals.datagrams += 1
        totals.bytes_received += batch.lengths[0]

    def _is_sound_alone(self) -> bool:
        """Whether the first datagram deserves an answer, its source's limit aside: `_is_sound`, sooner."""
        if self._batch.ports[0] in self._never or self._ttls[0] in MARKED:
            return False
        if self._v6:
            return bool(self._destinations[0] != _MULTICAST)
        return bool(self._locals[0] == self._destinations[0])

    def _take(self, count: int) -> dict[int, int] | None:
        """Count the batch against its sources' limits; return how many each may still have, None if all may."""
        rate = self._rate
        if rate.rate is None:
            return None
        asked = Counter(self._sources[:count].tolist())
        within = {source: rate.take_many(source, number) for source, number in asked.items()}
        return None if within == asked else within

    def _is_sound(self, count: int) -> bool:
        """Whether every datagram of the batch deserves an answer, its source's limit aside."""
        if not self._never.isdisjoint(self._batch.ports[:count].tolist()):
            return False
        if not MARKED.isdisjoint(self._ttls[:count].tolist()):
            return False
        if self._v6:
            return _MULTICAST not in self._destinations[:count].tolist()
        return bool(self._locals[:count] == self._destinations[:count])

    def _answer(self, start: int, stop: int) -> None:
        """Send back those from `start` to before `stop`, each from the address it was sent to."""
        if start == stop:
            return
        # The way back is the routing table's choice, except from an address that means nothing without its link.
        if self._v6 and _LINK_LOCAL in self._destinations[start:stop].tolist():
            for index in range(start, stop):
                if self._destinations[index] != _LINK_LOCAL:
                    self._interfaces[index] = 0
        else:
            self._interfaces[start:stop] = self._batch.zeros[start:stop]
        taken, size = self._batch.send_back(start, stop, self._info)
        self._totals.datagrams_answered += taken
        self._totals.bytes_sent += size

    def _answer_some(self, count: int, within: dict[int, int]) -> None:
        """Answer those that deserve it, in runs between those that do not."""
        start = 0
        for index in range(count):
            why = self._refusal(index)
            source = self._sources[index]
            if why is None and source in within:
                within[source] -= 1
                if within[source] < 0:
                    why = self._admission.above_rate
            if why is not None:
                self._answer(start, index)
                start = index + 1
                self._totals.datagrams_refused += 1
                self._admission.turned_away("udp", self._address(index), why)
        self._answer(start, count)

    def _refusal(self, index: int) -> str | None:
        destination = self._destinations[index]
        if destination == _MULTICAST if self._v6 else destination != self._locals[index]:
            return TO_MANY
        return refusal(socket.ntohs(self._batch.ports[index]), self._ttls[index], self._port)

    def _address(self, index: int) -> str:
        name = self._batch.name(index)
        if self._v6:
            return socket.inet_ntop(socket.AF_INET6, name[8:24])
        return socket.inet_ntop(socket.AF_INET, name[4:8])
