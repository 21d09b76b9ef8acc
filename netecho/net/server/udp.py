"""The server's datagrams: each is sent back to its source, from the address it was sent to, or gets no answer.

`recvmsg` and not `recvfrom`, because two of the control messages decide about the answer. The TTL of an arriving
datagram shows whether it is another echo server's answer (`echo.loop_guard`). The answer has to leave from the local
address that the datagram was sent to: a socket that listens on every address would else answer from another one,
and the client would not accept the answer. A datagram sent to a broadcast or multicast address was sent to
many hosts: if each answered, a whole network would answer the source, which may be forged.

One datagram at a time, where each is looked at; those that are only sent back have a faster path, `udp_batched`.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netecho.echo.events import Received
from netecho.echo.limits import client_of
from netecho.echo.loop_guard import ANSWER_TTL, LOOP, TO_MANY, refusal
from netecho.net.linux.cmsg import Headers, read_headers
from netecho.net.server.peers import endpoint_of, host_of
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.sockets import prepare_datagrams
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.linux.cmsg import Control
    from netecho.net.reactor.interfaces import ReactorDescriptors
    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.sockaddr import SockAddr

LARGEST = 65_535
_BATCH = 128
_SLICE = 2 * MILLISECOND
"""How many datagrams are taken in one pass, and for how long; then the reactor's other descriptors have their turn."""

_ROOM = 2 * socket.CMSG_SPACE(32)


class DatagramListener(SocketReader):
    """Answers the datagrams of one bound socket with what `answer` makes of them; None: with nothing."""

    def __init__(
        self,
        reactor: ReactorDescriptors,
        bound: BoundSocket,
        admission: Admission,
        answer: Callable[[memoryview], bytes | memoryview | None],
    ) -> None:
        super().__init__(reactor, bound)
        prepare_datagrams(bound.socket, ANSWER_TTL)
        self._admission = admission
        self._totals = admission.totals_of("udp")
        self._loop_guard = admission.loop_guard
        self._sources = admission.new_sources(client_of)
        self._answer = answer
        self._port = bound.port or 0
        self._data = bytearray(LARGEST)
        self._view = memoryview(self._data)
        self.startReading()

    def doRead(self) -> None:
        """Answer the datagrams that wait."""
        clock = self._admission.clock
        now = clock()
        until = now + _SLICE
        self._admission.roll(now)
        self._sources.roll(now)
        for _ in range(_BATCH):
            try:
                size, control, _, peer = self._socket.recvmsg_into([self._data], _ROOM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier answer, which the kernel reports once
                continue
            self._received(size, control, peer)
            if clock() >= until:
                return

    def stop(self) -> None:
        """Answer what has been received, and no more."""
        self.doRead()
        self.stopReading()

    def _received(self, size: int, control: Control, peer: SockAddr) -> None:
        totals = self._totals
        totals.datagrams += 1
        totals.bytes_received += size
        if self._admission.settings.log_received:
            self._admission.emit(Received(None, "udp", endpoint_of(peer), size))
        _, headers = read_headers(control)
        reason = self._refusal(headers, peer, size)
        if reason is not None:
            totals.datagrams_refused += 1
            self._admission.log_refusal("udp", host_of(peer), reason)
            return
        answer = self._answer(self._view[:size])
        if answer is None:
            return
        try:
            sent = self._socket.sendmsg([answer], headers.back, 0, peer)
        except OSError:  # no room in the send buffer, or no route back: UDP may lose a datagram
            return
        totals.bytes_sent += sent
        totals.datagrams_answered += 1
        self._sources.add(peer[0], size, sent)
        if self._loop_guard is not None:
            self._loop_guard.answered(peer, bytes(answer))

    def _refusal(self, headers: Headers, peer: SockAddr, size: int) -> str | None:
        """Return why a datagram gets no answer; None: it gets one."""
        if headers.to_many:
            return TO_MANY
        reason = refusal(peer[1], headers.ttl, self._port)
        if reason is None and not self._admission.rate.take(client_of(peer[0])):
            return self._admission.above_rate
        guard = self._loop_guard
        if reason is None and guard is not None and guard.is_busy(peer):
            return None if guard.permits(peer, bytes(self._view[:size])) else LOOP
        return reason
