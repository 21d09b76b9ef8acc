"""A whole trace: the target's address, a socket for each flow, and the loop of the session over them."""

from __future__ import annotations

import os
import random
import socket
import time
import uuid
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netecho.errors import UnreachableError, UsageError
from netecho.net.client.connect import connect, unreachable
from netecho.net.client.resolve import resolve
from netecho.net.linux import run_clock, tcp_probe
from netecho.net.linux.wall_clock import clock_state
from netecho.net.trace.flow_socket import FlowSocket
from netecho.net.trace.names import Names
from netecho.net.trace.raw_icmp import RawIcmp
from netecho.net.trace.stream_flow import RawAcks, StreamFlow
from netecho.stamp.return_sender import ReturnSender
from netecho.trace.payloads import EchoPayloads, StampPayloads
from netecho.trace.reverse import Reverse
from netecho.trace.run import Head, Traced
from netecho.trace.session import Session
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.client.job import IpOptions
    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import DelayedCall, Reactor
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.trace.descriptor import Descriptor
    from netecho.net.trace.observer import Observer
    from netecho.net.trace.options import TraceOptions
    from netecho.trace.payloads import Payloads
    from netecho.trace.session import Answer

FRAMES = 4
"""How often a second an observer that follows is shown the whole."""
PATIENCE = 1.0
"""How long names are waited for at the end, seconds."""


async def trace(reactor: Reactor, interrupt: Interrupt, options: TraceOptions, observer: Observer) -> Traced:
    """Return the path to the target. Raises UnreachableError where there is no address or no route to any.

    Over TCP also where nobody answers there; UsageError without the privileges that it takes.
    """
    target, patience = options.target, options.plan.timeout + 5 * SECOND
    kind = socket.SOCK_STREAM if target.is_stream else socket.SOCK_DGRAM
    if target.is_stream and not tcp_probe.permitted():
        raise UsageError(
            f"to trace {target} takes CAP_NET_RAW and CAP_NET_ADMIN: run it as root",
            f"by UDP it takes no privileges: netecho trace {target.host}",
        )
    addresses, _ = await resolve(reactor, target, kind, options.ip_options, patience)
    if target.is_stream:
        first, address, _ = await connect(reactor, addresses, _ip_options(options, 0), patience)
        tracer = _Tracer(reactor, options, address, observer)
        await tracer.connect(first)
    else:
        tracer = _opened(reactor, options, addresses, observer)
    return await tracer.run(interrupt)


def _opened(reactor: Reactor, options: TraceOptions, addresses: list[Address], observer: Observer) -> _Tracer:
    """Return a trace to the first address that there is a route to."""
    refused: UnreachableError | None = None
    for address in addresses:
        tracer = _Tracer(reactor, options, address, observer)
        try:
            tracer.open()
        except UnreachableError as error:
            refused = refused or error
        else:
            return tracer
    raise refused or UnreachableError(f"{options.target} has no address")


def _payloads(options: TraceOptions) -> Payloads:
    if options.target.traits.is_stamp:
        estimate = clock_state().estimate
        return StampPayloads(estimate.encode(), options.stamp_options.key)
    token = os.urandom(8)
    return EchoPayloads(token) if options.size is None else EchoPayloads(token, options.size)


def _ip_options(options: TraceOptions, index: int) -> IpOptions:
    """Return the options of a flow: each has a source port of its own."""
    source = options.ip_options.source
    if source is None or not source[1]:
        return options.ip_options
    return options.ip_options._replace(source=(source[0], source[1] + index))


class _Tracer:
    """One trace to one address."""

    def __init__(self, reactor: Reactor, options: TraceOptions, address: Address, observer: Observer) -> None:
        self._reactor = reactor
        self._options = options
        self._observer = observer
        self._names = Names(reactor, wanted=options.names)
        self._clock = run_clock.now
        self._address = address
        self._timer: DelayedCall | None = None
        self._frame: DelayedCall | None = None
        self._done: Deferred[None] = Deferred()
        """Fires when all is over."""
        self._interrupted = False
        self._retransmits: int | None = None
        self._sent = 0
        plan = options.plan
        host = address.host.partition("%")[0]
        self._session = Session(plan, [_payloads(options) for _ in range(plan.flows)], self._clock(), host)
        self._session.listener = self._answered
        self._raw = RawIcmp.open(reactor, address.family, self._session, self._clock)
        self._acks: RawAcks | None = None
        self._flows: list[FlowSocket | StreamFlow] = []
        self._reverse: Reverse | None = None

    def open(self) -> None:
        """Open a socket for each flow. Raises UnreachableError, UsageError."""
        errors = self._raw is None
        try:
            for index in range(self._options.plan.flows):
                ip_options = _ip_options(self._options, index)
                args = (self._reactor, self._session, index, self._address, ip_options, self._clock)
                whole = self._options.size is not None
                self._flows.append(FlowSocket(*args, errors=errors, whole=whole))
        except BaseException:
            self._close()
            raise
        if self._raw is not None:
            self._raw.flows = self._flows
        if self._options.reverse:
            self._begin_back()

    def _begin_back(self) -> None:
        """Have the way back traced too, on the same sockets."""
        flows = [each for each in self._flows if isinstance(each, FlowSocket)]
        estimate, key = clock_state().estimate.encode(), self._options.stamp_options.key
        senders = [ReturnSender(estimate, key, random.randrange(1, 1 << 16)) for _ in flows]
        here = flows[0].flow.source.partition("%")[0]
        self._reverse = reverse = Reverse(self._options.plan, senders, self._clock(), here)
        reverse.listener = self._answered
        reverse.hurry = self._pump_soon
        self._session.is_beside = reverse.is_ours
        for each in flows:
            each.reverse = reverse

    async def connect(self, first: socket.socket) -> None:
        """Connect each flow but the first, which is connected. Raises UnreachableError."""
        options = self._options
        try:
            await self._stream(0, first)
            for index in range(1, options.plan.flows):
                ip_options = _ip_options(options, index)
                sock, _, _ = await connect(
                    self._reactor, [self._address], ip_options, options.plan.timeout + 5 * SECOND
                )
                await self._stream(index, sock)
            sock = tcp_probe.raw_tcp(self._address.family, self._address.port or 0)
        except BaseException:
            self._close()
            raise
        self._acks = RawAcks(self._reactor, sock, self._session, self._clock)
        self._acks.flows = [each for each in self._flows if isinstance(each, StreamFlow)]

    async def _stream(self, index: int, sock: socket.socket) -> None:
        """Have a flow of a connection, on which TLS is agreed on first if that is its target's."""
        flow = StreamFlow(self._reactor, self._session, index, sock, self._clock, self._pump)
        self._flows.append(flow)
        if self._options.target.is_secure:
            from netecho.net.trace.secured import secure

            patience = self._options.plan.timeout + 5 * SECOND
            flow.over = await secure(self._reactor, sock, self._options.target.host, patience)

    def _descriptors(self) -> Iterator[Descriptor]:
        yield from self._flows
        if self._raw is not None:
            yield self._raw
        if self._acks is not None:
            yield self._acks

    async def run(self, interrupt: Interrupt) -> Traced:
        """Trace until all is sent and answered or given up."""
        first = self._flows[0].flow
        self._started, self._began = time.time_ns(), self._clock()
        self._head = Head(
            id=str(uuid.uuid4()),
            target=self._options.target,
            settings=self._options.settings,
            label=self._options.label,
            as_table=self._options.as_table,
            address=self._address.host,
            local=first.source,
            ports=tuple(each.flow.source_port for each in self._flows),
            started=self._started,
            raw=self._raw is not None,
        )
        self._observer.started(self._head)
        self._session.begin(self._clock())
        try:
            for each in self._descriptors():
                each.start()
            if self._observer.follows:
                self._draw()
            interrupt.tell(self._interrupt)
            self._pump()
            await self._done
            took = self._clock() - self._began
            self._retransmits = self._sent_again()
        finally:
            self._close()
        if not self._interrupted:
            await self._all_names()
        return self._traced(took)

    def _interrupt(self) -> None:
        self._interrupted = True
        self._finish()

    def _pump(self) -> None:
        """Send what is due, give up what is overdue, and come back when there is more to do."""
        if self._done.called:
            return
        session, reverse = self._session, self._reverse
        now = self._clock()
        session.settle(now)
        for due in session.due(now):
            flow = self._flows[due.flow]
            flow.send(due, time.time_ns())
            if flow.error is None:
                self._sent += 1
            elif not self._sent:
                self._done.errback(unreachable(self._address, flow.error))
                return
        if reverse is not None:
            self._pump_back(reverse, now)
        at = self._next_deadline()
        if at is None:
            self._finish()
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._reactor.callLater(max(0, at - self._clock()) / SECOND, self._pump)

    def _pump_soon(self) -> None:
        self._reactor.callLater(0, self._pump)

    def _pump_back(self, reverse: Reverse, now: int) -> None:
        reverse.settle(now)
        for ask in reverse.due(now):
            flow = self._flows[ask.flow]
            if isinstance(flow, FlowSocket):
                flow.send_back(ask, time.time_ns())

    def _next_deadline(self) -> int | None:
        """Return when there is something to do; None: all is over."""
        back = None if self._reverse is None else self._reverse.next_deadline()
        found = [at for at in (self._session.next_deadline(), back) if at is not None]
        return min(found, default=None)

    def _answered(self, answer: Answer) -> None:
        if answer.address is not None:
            self._names.ask(answer.address)
        self._observer.answered(answer)
        if self._options.plan.one_at_a_time or self._next_deadline() is None:
            self._pump_soon()

    def _draw(self) -> None:
        self._observer.show(self._traced(self._clock() - self._began))
        self._frame = self._reactor.callLater(1 / FRAMES, self._draw)

    def _finish(self) -> None:
        self._session.stop()
        if self._reverse is not None:
            self._reverse.stop()
        if not self._done.called:
            self._done.callback(None)

    def _close(self) -> None:
        for call in (self._timer, self._frame):
            if call is not None and call.active():
                call.cancel()
        for each in self._descriptors():
            each.close()

    async def _all_names(self) -> None:
        """Wait for the names that are still looked up, for a while."""
        waits = int(PATIENCE * 50)
        while self._names.busy and waits:
            waits -= 1
            slept: Deferred[None] = Deferred()
            self._reactor.callLater(1 / 50, slept.callback, None)
            await slept

    def _sent_again(self) -> int | None:
        """Return how many segments of our connections were sent again; None where there are no connections."""
        counts = [each.retransmits() or 0 for each in self._flows if isinstance(each, StreamFlow)]
        return sum(counts) if counts else None

    def _traced(self, took: int) -> Traced:
        return Traced(
            head=self._head,
            trace=self._session.result(),
            names=dict(self._names.found),
            duration=took,
            interrupted=self._interrupted,
            reverse=None if self._reverse is None else self._reverse.result(),
            retransmits=self._retransmits,
        )
