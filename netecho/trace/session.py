"""A trace as it goes on: what is due, what is outstanding, whom an answer comes from, and what is lost.

The caller sends what `due` returns, says so with `sent`, and hands over what arrives. Times are nanoseconds: `now` of
a clock that nobody sets, timestamps of packets since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.trace.hop import Change, Hop, Step
from netecho.trace.payloads import NUMBERS, is_quote_of
from netecho.trace.quote import TCP, UDP
from netecho.trace.result import FlowResult, HopResult, StepResult, Trace
from netecho.trace.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.trace.checksum import Flow
    from netecho.trace.hop import Kind
    from netecho.trace.payloads import Payloads
    from netecho.trace.plan import Plan
    from netecho.trace.quote import IcmpError, Quote

MOST_CHANGES = 100
"""Changes of the path that are kept."""


class Due(NamedTuple):
    """A packet to send now."""

    flow: int
    number: int
    round: int
    ttl: int


@dataclass(slots=True)
class Outstanding:
    """A packet that was sent and not answered yet."""

    due: Due
    payload: bytes
    sent_at: int
    tx_timestamp: int | None = None
    tx_exact: bool = True
    """Whether that is the kernel's own."""
    segment: int | None = None
    """Of TCP: how many segments the connection had sent with this one."""


class Answer(NamedTuple):
    """What came of one packet: an answer, or none (`address` None)."""

    due: Due
    address: str | None
    kind: Kind | None = None
    rtt: int | None = None
    kernel: bool = False
    """Whether the round trip is by the kernel's clock."""
    meaning: str | None = None


class _FlowState:
    """One flow: a socket."""

    def __init__(self, plan: Plan, start: int, payloads: Payloads) -> None:
        self.schedule = Schedule(plan, start)
        self.payloads = payloads
        self.addresses: Flow | None = None
        self.outstanding: dict[int, Outstanding] = {}
        self.issued = 0
        self.ended = False
        self.ident: int | None = None
        """Of TCP: what a packet's IP ID is more than the number of its segment."""
        self.steps = [Step() for _ in range(plan.max_hops)]
        self.rtt = [Histogram(sparse=True) for _ in range(plan.max_hops)]

    @property
    def searching(self) -> bool:
        """Whether the end of the path is not known, and the first round may still find it."""
        schedule = self.schedule
        return schedule.end is None and (bool(self.outstanding) or (schedule.round == 0 and not schedule.over))


class Session:
    """All flows of a trace to one target."""

    def __init__(self, plan: Plan, payloads: Sequence[Payloads], start: int, destination: str) -> None:
        self._plan = plan
        self._destination = destination
        # The flows of a round leave one after the other, not at once: routers limit what they answer.
        gap = plan.interval // len(payloads)
        self._flows = [_FlowState(plan, start + n * min(gap, plan.spacing), each) for n, each in enumerate(payloads)]
        self._hops = [Hop() for _ in range(plan.max_hops)]
        self._changes: list[Change] = []
        self._clocks: set[str] = set()
        """Whose: `kernel`, `user`."""
        self.foreign = self.late = self.short = 0
        self.listener: Callable[[Answer], None] | None = None
        """Is told of each packet's fate."""

    def opened(self, flow: int, addresses: Flow) -> None:
        """Note which addresses and ports a flow's packets leave with."""
        self._flows[flow].addresses = addresses

    def due(self, now: int) -> list[Due]:
        """Return what is to be sent by now."""
        found = []
        for index, flow in enumerate(self._flows):
            if self._plan.one_at_a_time and flow.outstanding:
                continue
            for number, ttl in flow.schedule.due(now, 1 if self._plan.one_at_a_time else None):
                found.append(Due(index, flow.issued % NUMBERS, number, ttl))
                flow.issued += 1
        return found

    def payload(self, due: Due, wall: int) -> bytes:
        """Return what a packet carries that leaves at `wall`."""
        return self._flows[due.flow].payloads.of(due.number, wall)

    def sent(self, due: Due, payload: bytes, now: int) -> Outstanding:
        """Note that a packet leaves."""
        out = Outstanding(due, payload, now)
        self._flows[due.flow].outstanding[due.number] = out
        return out

    def failed(self, due: Due) -> None:
        """Note that the system did not take a packet."""
        self._flows[due.flow].outstanding.pop(due.number, None)

    def flow_of(self, quote: Quote) -> int | None:
        """Return which flow a packet is of that an ICMP error quotes; None for one of another program.

        One that a NAT has given another source is known by its payload.
        """
        first = self._flows[0].addresses
        if first is None or quote.ports is None or quote.protocol != (TCP if self._plan.one_at_a_time else UDP):
            return None
        if (quote.destination, quote.ports[1]) != (self._destination, first.destination_port):
            return None
        for index, state in enumerate(self._flows):
            if state.addresses is not None and state.addresses.source_port == quote.ports[0]:
                return index
        return next((n for n, state in enumerate(self._flows) if self._quotes(state, quote.payload)), None)

    @staticmethod
    def _quotes(state: _FlowState, payload: bytes) -> bool:
        number = state.payloads.quoted(payload)
        out = None if number is None else state.outstanding.get(number)
        return out is not None and is_quote_of(payload, out.payload, state.payloads.least)

    def quoted(self, flow: int, address: str, error: IcmpError, now: int, rx_timestamp: int | None) -> None:
        """Handle an ICMP error about a packet of this flow."""
        state = self._flows[flow]
        out = self._quoted(state, error)
        if out is None:
            return
        kind: Kind = "router" if error.expired else "refused"
        if error.port_unreachable and address == self._destination:
            kind = "target"
        if kind == "refused" and error.mtu is not None:
            self._hops[out.due.ttl - 1].mtu = error.mtu
        self._note(out, error)
        self._answered(out, address, kind, now, rx_timestamp, None if kind == "router" else error.meaning)

    def _quoted(self, state: _FlowState, error: IcmpError) -> Outstanding | None:
        """Return what an error quotes, where that is outstanding; count it apart where not."""
        quote = error.quote
        if self._plan.one_at_a_time:
            return self._segment(state, quote.ident)
        least = state.payloads.least
        if len(quote.payload) < least or not any(quote.payload[:least]):  # padded with zeroes, before extensions
            out = self._by_checksum(state, error)
            self.short += out is None
            return out
        number = state.payloads.quoted(quote.payload)
        out = None if number is None else state.outstanding.get(number)
        if out is not None and is_quote_of(quote.payload, out.payload, state.payloads.least):
            return out
        if number is not None and out is None and number < state.issued:
            self.late += 1
        else:
            self.foreign += 1
        return None

    def _segment(self, state: _FlowState, ident: int | None) -> Outstanding | None:
        """Return the segment that is outstanding, if the IP ID of the quote is that of its packet."""
        out = next(iter(state.outstanding.values()), None)
        if out is not None and ident is not None and out.segment is not None:
            beyond = (ident - out.segment) & 0xFFFF
            if state.ident is None:
                state.ident = beyond
            if beyond != state.ident:
                out = None
        self.late += out is None
        return out

    def _by_checksum(self, state: _FlowState, error: IcmpError) -> Outstanding | None:
        """Return the one packet that has the quoted checksum: all there is of a quote of 8 bytes."""
        checksum, flow = error.quote.checksum, state.addresses
        if checksum is None or flow is None:
            return None
        found = [out for out in state.outstanding.values() if flow.is_own(checksum, out.payload)]
        return found[0] if len(found) == 1 else None

    def _note(self, out: Outstanding, error: IcmpError) -> None:
        """Keep what else an error tells of the router, and of the packet as it arrived there."""
        hop, quote, flow = self._hops[out.due.ttl - 1], error.quote, self._flows[out.due.flow].addresses
        if quote.tos is not None:
            hop.tos = quote.tos
        if error.labels:
            hop.labels = error.labels
        if quote.source is not None and flow is not None:
            own = (flow.source.partition("%")[0], flow.source_port) == (quote.source, (quote.ports or (0, 0))[0])
            fits = quote.checksum in (None, 0) or flow.is_own(quote.checksum, out.payload)
            hop.translated = not (own and fits)

    def acknowledged(self, flow: int, address: str, now: int, rx_timestamp: int | None) -> None:
        """Handle an ACK of the target's: of TCP, that the segment has got there."""
        out = next(iter(self._flows[flow].outstanding.values()), None)
        if out is not None:
            self._answered(out, address, "target", now, rx_timestamp, None)

    def ended(self, flow: int) -> None:
        """Note that the target has ended the connection: nothing can be sent on it any more."""
        state = self._flows[flow]
        state.ended = True
        state.schedule.stop()
        state.outstanding.clear()

    def replied(self, flow: int, address: str, data: bytes, now: int, rx_timestamp: int | None) -> None:
        """Handle a datagram from the target."""
        state = self._flows[flow]
        number = state.payloads.replied(data)
        out = None if number is None else state.outstanding.get(number)
        if out is not None and state.payloads.is_reply(data, out.payload):
            self._answered(out, address, "target", now, rx_timestamp, None)
        elif number is not None and out is None and number < state.issued:
            self.late += 1
        else:
            self.foreign += 1

    def _answered(
        self, out: Outstanding, address: str, kind: Kind, now: int, rx_timestamp: int | None, meaning: str | None
    ) -> None:
        due = out.due
        state, hop = self._flows[due.flow], self._hops[due.ttl - 1]
        del state.outstanding[due.number]
        rtt, kernel = now - out.sent_at, False
        if rx_timestamp is not None and out.tx_timestamp is not None and 0 < rx_timestamp - out.tx_timestamp <= rtt:
            rtt, kernel = rx_timestamp - out.tx_timestamp, out.tx_exact
        self._clocks.add("kernel" if kernel else "user")
        if kind == "router":
            state.schedule.passed(due.ttl)
        else:
            state.schedule.reached(due.ttl)
        hop.kind, hop.meaning = kind, meaning
        hop.rtt.record(rtt)
        state.rtt[due.ttl - 1].record(rtt)
        before = state.steps[due.ttl - 1].count(address)
        if before is not None and len(self._changes) < MOST_CHANGES:
            at = rx_timestamp or (out.tx_timestamp or 0) + rtt
            self._changes.append(Change(at, due.flow, due.ttl, before, address))
        self._tell(Answer(due, address, kind, rtt, kernel, meaning))

    def _tell(self, answer: Answer) -> None:
        if self.listener is not None:
            self.listener(answer)

    def settle(self, now: int) -> None:
        """Give up what was waited for long enough."""
        for state in self._flows:
            for number, out in list(state.outstanding.items()):
                if now < out.sent_at + self._plan.timeout:
                    break
                del state.outstanding[number]
                state.steps[out.due.ttl - 1].asked += 1
                self._tell(Answer(out.due, None))

    def next_deadline(self) -> int | None:
        """Return when something is due or to be given up; None: all is over."""
        waits = self._plan.one_at_a_time
        free = [flow for flow in self._flows if not (waits and flow.outstanding)]
        found = [at for flow in free if (at := flow.schedule.next_deadline()) is not None]
        for flow in self._flows:
            first = next(iter(flow.outstanding.values()), None)
            if first is not None:
                found.append(first.sent_at + self._plan.timeout)
        return min(found, default=None)

    def stop(self) -> None:
        """Send no more, and wait for nothing."""
        for flow in self._flows:
            flow.schedule.stop()
            flow.outstanding.clear()

    def result(self) -> Trace:
        """Return what is known by now."""
        flows = tuple(self._flow(index) for index in range(len(self._flows)))
        last = max((len(flow.steps) for flow in flows), default=0)
        return Trace(
            hops=tuple(self._hop(ttl, flows) for ttl in range(1, last + 1)),
            flows=flows,
            changes=tuple(self._changes),
            rounds=max(flow.schedule.round for flow in self._flows),
            tos=self._plan.dscp << 2,
            foreign=self.foreign,
            late=self.late,
            short=self.short,
            searching=any(flow.searching for flow in self._flows),
            stamps=None if not self._clocks else "mixed" if len(self._clocks) > 1 else next(iter(self._clocks)),
            rtt=self._end_to_end(),
        )

    def _flow(self, index: int) -> FlowResult:
        state = self._flows[index]
        schedule, addresses = state.schedule, state.addresses
        last = schedule.end or schedule.heard
        steps = tuple(
            StepResult(
                ttl,
                tuple(sorted(step.addresses, key=lambda each: -step.addresses[each])),
                step.asked,
                step.answered,
                step.returns,
            )
            for ttl, step in enumerate(state.steps[:last], 1)
        )
        rtt = state.rtt[schedule.end - 1] if schedule.end else Histogram(sparse=True)
        port = 0 if addresses is None else addresses.source_port
        return FlowResult(
            flow=index, port=port, end=schedule.end, steps=steps, rtt=Distribution.of(rtt), ended=state.ended
        )

    def _end_to_end(self) -> Distribution:
        whole = Histogram(sparse=True)
        for flow in self._flows:
            if flow.schedule.end is not None:
                whole.add(flow.rtt[flow.schedule.end - 1])
        return Distribution.of(whole)

    def _hop(self, ttl: int, flows: tuple[FlowResult, ...]) -> HopResult:
        hop = self._hops[ttl - 1]
        steps = [flow.steps[ttl - 1] for flow in flows if len(flow.steps) >= ttl]
        answers: dict[str, int] = {}
        for state in self._flows:
            for address, count in state.steps[ttl - 1].addresses.items():
                answers[address] = answers.get(address, 0) + count
        return HopResult(
            ttl=ttl,
            kind=hop.kind,
            addresses=tuple(sorted(answers, key=lambda each: -answers[each])),
            asked=sum(step.asked for step in steps),
            answered=sum(step.answered for step in steps),
            rtt=Distribution.of(hop.rtt),
            tos=hop.tos,
            translated=hop.translated,
            labels=hop.labels,
            mtu=hop.mtu,
            meaning=hop.meaning,
        )
