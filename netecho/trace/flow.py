"""One flow of a trace as it goes on: which of its packets are outstanding, and which of them an answer is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.trace.hop import Step
from netecho.trace.payloads import NUMBERS, is_quote_of
from netecho.trace.result import FlowResult, StepResult
from netecho.trace.schedule import Schedule

if TYPE_CHECKING:
    from netecho.trace.checksum import Flow
    from netecho.trace.payloads import Payloads
    from netecho.trace.plan import Plan
    from netecho.trace.quote import Quote


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

    def round_trip(self, now: int, rx_timestamp: int | None) -> tuple[int, bool]:
        """Return how long its answer took that is here now, and whether that is by the kernel's clock."""
        own = now - self.sent_at
        if rx_timestamp is not None and self.tx_timestamp is not None and 0 < rx_timestamp - self.tx_timestamp <= own:
            return rx_timestamp - self.tx_timestamp, self.tx_exact
        return own, False


class FlowState:
    """One flow: a socket."""

    def __init__(self, index: int, plan: Plan, start: int, payloads: Payloads) -> None:
        self._index = index
        self._one_at_a_time = plan.one_at_a_time
        self.schedule = Schedule(plan, start, index)
        self.payloads = payloads
        self.addresses: Flow | None = None
        self.outstanding: dict[int, Outstanding] = {}
        self.foreign = self.late = self.short = 0
        """Answers that were not counted: see `Trace`."""
        self.ended = False
        self._issued = 0
        self._ident: int | None = None
        """Of TCP: what a packet's IP ID is more than the number of its segment."""
        self.steps = [Step() for _ in range(plan.max_hops)]
        self.rtt = [Histogram(sparse=True) for _ in range(plan.max_hops)]

    @property
    def searching(self) -> bool:
        """Whether the end of the path is not known, and the first round may still find it."""
        schedule = self.schedule
        return schedule.end is None and (bool(self.outstanding) or (schedule.round == 0 and not schedule.over))

    @property
    def waits(self) -> bool:
        """Whether the next packet waits for the answer to one that is outstanding."""
        return self._one_at_a_time and bool(self.outstanding)

    def due(self, now: int) -> list[Due]:
        """Return what is to be sent by now."""
        found = []
        if not self.waits:
            for number, ttl in self.schedule.due(now, 1 if self._one_at_a_time else None):
                found.append(Due(self._index, self._issued % NUMBERS, number, ttl))
                self._issued += 1
        return found

    def is_quoted(self, payload: bytes) -> bool:
        """Return whether a packet that is outstanding carried a quoted payload."""
        number = self.payloads.quoted(payload)
        out = None if number is None else self.outstanding.get(number)
        return out is not None and is_quote_of(payload, out.payload, self.payloads.least)

    def quoted(self, quote: Quote) -> Outstanding | None:
        """Return what is quoted, where that is outstanding; count it apart where not."""
        if self._one_at_a_time:
            return self._segment(quote.ident)
        least = self.payloads.least
        if len(quote.payload) < least or not any(quote.payload[:least]):  # padded with zeroes, before extensions
            out = self._by_checksum(quote)
            self.short += out is None
            return out
        number = self.payloads.quoted(quote.payload)
        out = None if number is None else self.outstanding.get(number)
        if out is not None and is_quote_of(quote.payload, out.payload, least):
            return out
        self._not_counted(number, out)
        return None

    def replied(self, data: bytes) -> Outstanding | None:
        """Return what the target answers, where that is outstanding; count it apart where not."""
        number = self.payloads.replied(data)
        out = None if number is None else self.outstanding.get(number)
        if out is not None and self.payloads.is_reply(data, out.payload):
            return out
        self._not_counted(number, out)
        return None

    def _not_counted(self, number: int | None, out: Outstanding | None) -> None:
        if number is not None and out is None and number < self._issued:
            self.late += 1
        else:
            self.foreign += 1

    def _segment(self, ident: int | None) -> Outstanding | None:
        """Return the segment that is outstanding, if the IP ID of the quote is that of its packet."""
        out = next(iter(self.outstanding.values()), None)
        if out is not None and ident is not None and out.segment is not None:
            beyond = (ident - out.segment) & 0xFFFF
            if self._ident is None:
                self._ident = beyond
            if beyond != self._ident:
                out = None
        self.late += out is None
        return out

    def _by_checksum(self, quote: Quote) -> Outstanding | None:
        """Return the one packet that has the quoted checksum: all there is of a quote of 8 bytes."""
        checksum, flow = quote.checksum, self.addresses
        if checksum is None or flow is None:
            return None
        found = [out for out in self.outstanding.values() if flow.is_own(checksum, out.payload)]
        return found[0] if len(found) == 1 else None

    def result(self) -> FlowResult:
        """Return what is known by now."""
        schedule = self.schedule
        last = schedule.end or schedule.heard
        rtt = self.rtt[schedule.end - 1] if schedule.end else Histogram(sparse=True)
        return FlowResult(
            flow=self._index,
            port=0 if self.addresses is None else self.addresses.source_port,
            end=schedule.end,
            steps=tuple(_step(ttl, step) for ttl, step in enumerate(self.steps[:last], 1)),
            rtt=Distribution.of(rtt),
            ended=self.ended,
        )


def _step(ttl: int, step: Step) -> StepResult:
    addresses = sorted(step.addresses, key=lambda each: -step.addresses[each])
    return StepResult(ttl, tuple(addresses), step.asked, step.answered, step.returns)
