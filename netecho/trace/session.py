"""A trace as it goes on: what is due, what is outstanding, whom an answer comes from, and what is lost.

The caller sends what `due` returns, says so with `sent`, and hands over what arrives. Times are nanoseconds: `now` of
a clock that nobody sets, timestamps of packets since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.trace.flow import Due, FlowState, Outstanding
from netecho.trace.hop import Change, Hop
from netecho.trace.quote import TCP, UDP
from netecho.trace.result import FlowResult, HopResult, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.trace.checksum import Flow
    from netecho.trace.hop import Kind
    from netecho.trace.payloads import Payloads
    from netecho.trace.plan import Plan
    from netecho.trace.quote import IcmpError, Label, Quote

MOST_CHANGES = 100
"""Changes of the path that are kept."""


class Answer(NamedTuple):
    """What came of one packet: an answer, or none (`address` None)."""

    due: Due
    address: str | None
    kind: Kind | None = None
    rtt: int | None = None
    kernel: bool = False
    """Whether the round trip is by the kernel's clock."""
    meaning: str | None = None
    backward: bool = False
    """Whether it is of the way back."""


class Session:
    """All flows of a trace to one target."""

    def __init__(self, plan: Plan, payloads: Sequence[Payloads], start: int, destination: str) -> None:
        self._plan = plan
        self._destination = destination
        # The flows of a round leave one after the other, not at once: routers limit what they answer.
        self._gap = min(plan.interval // len(payloads), plan.spacing)
        self._flows = [FlowState(n, plan, start + n * self._gap, each) for n, each in enumerate(payloads)]
        self._hops = [Hop() for _ in range(plan.max_hops)]
        self._changes: list[Change] = []
        self._clocks: set[str] = set()
        """Whose: `kernel`, `user`."""
        self.listener: Callable[[Answer], None] | None = None
        """Is told of each packet's fate."""
        self.is_beside: Callable[[int, bytes], bool] | None = None
        """Tells whether a flow sent a quoted payload beside the trace's own."""

    def begin(self, start: int) -> None:
        """Begin then: to open all flows may have taken long."""
        for n, flow in enumerate(self._flows):
            flow.schedule.begin(start + n * self._gap)

    def opened(self, flow: int, addresses: Flow) -> None:
        """Note which addresses and ports a flow's packets leave with."""
        self._flows[flow].addresses = addresses

    def due(self, now: int) -> list[Due]:
        """Return what is to be sent by now."""
        return [due for flow in self._flows for due in flow.due(now)]

    def payload(self, due: Due, wall: int) -> bytes:
        """Return what a packet carries that leaves at `wall`."""
        return self._flows[due.flow].payloads.of(due.number, due.ttl, wall)

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
        return next((n for n, state in enumerate(self._flows) if state.is_quoted(quote.payload)), None)

    def quoted(self, flow: int, address: str, error: IcmpError, now: int, rx_timestamp: int | None) -> None:
        """Handle an ICMP error about a packet of this flow."""
        if self.is_beside is not None and self.is_beside(flow, error.quote.payload):
            return
        out = self._flows[flow].quoted(error.quote)
        if out is None:
            return
        kind: Kind = "router" if error.expired else "refused"
        if error.port_unreachable and address == self._destination:
            kind = "target"
        if kind == "refused" and error.mtu is not None:
            self._hops[out.due.ttl - 1].mtu = error.mtu
        self._note(out, error)
        self._answered(out, address, kind, now, rx_timestamp, None if kind == "router" else error.meaning)

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
        out = self._flows[flow].replied(data)
        if out is not None:
            self._answered(out, address, "target", now, rx_timestamp, None)

    def waits_for(self, flow: int) -> bool:
        """Tell whether any packet of a flow is not answered yet."""
        return bool(self._flows[flow].outstanding)

    def outstanding(self, flow: int, number: int) -> Outstanding | None:
        """Return a packet that is not answered yet."""
        return self._flows[flow].outstanding.get(number)

    def told(
        self,
        out: Outstanding,
        address: str,
        kind: Kind,
        rtt: int,
        *,
        kernel: bool,
        meaning: str | None = None,
        tos: int | None = None,
        labels: tuple[Label, ...] = (),
    ) -> None:
        """Handle an answer that somebody else had and measured, at about the time that we hear of it."""
        hop = self._hops[out.due.ttl - 1]
        hop.tos = hop.tos if tos is None else tos
        hop.labels = labels or hop.labels
        self._count(out, address, kind, rtt, kernel=kernel, at=(out.tx_timestamp or 0) + rtt, meaning=meaning)

    def _answered(
        self, out: Outstanding, address: str, kind: Kind, now: int, rx_timestamp: int | None, meaning: str | None
    ) -> None:
        rtt, kernel = out.round_trip(now, rx_timestamp)
        at = rx_timestamp or (out.tx_timestamp or 0) + rtt
        self._count(out, address, kind, rtt, kernel=kernel, at=at, meaning=meaning)

    def _count(
        self, out: Outstanding, address: str, kind: Kind, rtt: int, *, kernel: bool, at: int, meaning: str | None
    ) -> None:
        due = out.due
        state, hop = self._flows[due.flow], self._hops[due.ttl - 1]
        del state.outstanding[due.number]
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
        found = [at for flow in self._flows if not flow.waits and (at := flow.schedule.next_deadline()) is not None]
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
        flows = tuple(flow.result() for flow in self._flows)
        last = max((len(flow.steps) for flow in flows), default=0)
        return Trace(
            hops=tuple(self._hop(ttl, flows) for ttl in range(1, last + 1)),
            flows=flows,
            changes=tuple(self._changes),
            rounds=max(flow.schedule.round for flow in self._flows),
            max_hops=self._plan.max_hops,
            tos=self._plan.dscp << 2,
            foreign=sum(flow.foreign for flow in self._flows),
            late=sum(flow.late for flow in self._flows),
            short=sum(flow.short for flow in self._flows),
            searching=any(flow.searching for flow in self._flows),
            stamps=None if not self._clocks else "mixed" if len(self._clocks) > 1 else next(iter(self._clocks)),
            rtt=self._end_to_end(),
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
