"""The way back as it is traced: what the far end is asked for, and what it tells (`stamp.return_trace`).

First each flow asks whether the far end does such a thing at all, and for the cookie that proves our address. Then a
session like that of the way there says which TTL is due. What is sent has always the usual TTL: the TTL is the reply's.
A reply that gets here has passed all the way; of one that does not, the far end tells in a later reply who answered
it. While anything is outstanding that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.trace.payloads import ReturnPayloads
from netecho.trace.quote import IcmpError, Label, Quote
from netecho.trace.session import Session
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.stamp.return_sender import Returned, ReturnSender
    from netecho.stamp.return_trace import Report
    from netecho.trace.flow import Due
    from netecho.trace.plan import Plan
    from netecho.trace.result import Trace
    from netecho.trace.session import Answer

COLLECTING = 1 << 30
"""From this number on are requests that ask for no TTL."""
ATTEMPTS = 4
AGAIN = 500 * MILLISECOND
"""How often, and how long one after the other, the far end is asked whether it does this."""
COLLECT_FIRST, COLLECT_NEXT = 60 * MILLISECOND, 250 * MILLISECOND
"""After a TTL was asked for, and while anything is outstanding, what the far end has heard is asked for."""
LATER = 500 * MILLISECOND
"""How much longer than for an answer from the way there is waited for one that has to be asked for."""
RATE = 200
"""TTLs in a second, of all flows, while the length of the way is not known: a far end takes 256."""

State = Literal["asking", "silent", "unknown", "traced"]
"""Whether the far end does this: that is not known yet; it answers nothing; it does not; it does."""


class Ask(NamedTuple):
    """What is to be sent now: a request for a TTL, or (`due` None) for what the far end has heard."""

    flow: int
    due: Due | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """The way back as it was."""

    state: State
    trace: Trace | None
    """None: there is none."""
    refused: int
    """Requests for a TTL that the far end did not obey."""


class Reverse:
    """The way back of all flows of a trace."""

    def __init__(self, plan: Plan, senders: Sequence[ReturnSender], start: int, here: str) -> None:
        """Begin to ask at `start`; `here`: our address, the end of that way."""
        spacing = max(plan.spacing, len(senders) * 1000 * MILLISECOND // RATE)
        self._plan = replace(plan, timeout=plan.timeout + LATER, spacing=spacing)
        self._senders = senders
        self._here = here
        self.session: Session | None = None
        """None: it is not known yet that the far end does this."""
        self.listener: Callable[[Answer], None] | None = None
        """Is told of each packet's fate."""
        self.hurry: Callable[[], None] | None = None
        """Is called when there may be something to do sooner than was said."""
        self._state: State = "asking"
        self._asked = 0
        self._next = start
        self._answered: set[int] = set()
        """Flows whose first request was answered."""
        self._collects: dict[int, int] = {}
        """When to ask what the far end has heard, by flow."""
        self._collected = 0
        self._refused = 0
        self._stopped = False

    def due(self, now: int) -> list[Ask]:
        """Return what is to be sent by now."""
        if self._stopped:
            return []
        if self._state == "asking":
            return self._ask(now)
        if self.session is None:
            return []
        found = [Ask(due.flow, due) for due in self.session.due(now)]
        for flow in {each.flow for each in found}:
            self._collects[flow] = min(self._collects.get(flow, now + COLLECT_FIRST), now + COLLECT_FIRST)
        for flow, at in list(self._collects.items()):
            if at <= now:
                self._collects[flow] = now + COLLECT_NEXT
                if not self.session.waits_for(flow):
                    del self._collects[flow]
                found.append(Ask(flow, None))
        return found

    def _ask(self, now: int) -> list[Ask]:
        if now < self._next:
            return []
        if self._asked == ATTEMPTS:
            self._begin(now)
            return []
        self._asked += 1
        self._next = now + AGAIN
        return [Ask(flow, None) for flow in range(len(self._senders)) if flow not in self._answered]

    def _begin(self, now: int) -> None:
        """Begin to trace, if the far end does that."""
        if not self._answered:
            self._state = "silent"
            return
        self._state = "traced"
        payloads = [ReturnPayloads(sender) for sender in self._senders]
        self.session = Session(self._plan, payloads, now, self._here)
        self.session.listener = self._tell

    def collect(self, flow: int, wall: int) -> bytes:
        """Return a request for what the far end has heard, which leaves at `wall`."""
        self._collected += 1
        return self._senders[flow].request(COLLECTING + self._collected % COLLECTING, wall, 0)

    def is_ours(self, flow: int, payload: bytes) -> bool:
        """Tell whether a quoted payload is that of a request of the way back."""
        return self._senders[flow].is_ours(payload)

    def replied(self, flow: int, data: bytes, now: int, wall: int, rx_timestamp: int | None) -> bool:
        """Handle a datagram from the far end; return whether it answers a request of the way back."""
        read = self._senders[flow].read(data, wall)
        if read is None:
            return False
        before = self._state
        if self._state in ("asking", "silent"):
            self._first(flow, read, now)
        if self.session is not None:
            for report in read.reports:
                self._reported(flow, report, self.session)
            self._arrived(flow, read, now, rx_timestamp, self.session)
            if read.waiting:
                self._collects[flow] = now
        if self.hurry is not None and (read.waiting or self._state != before):
            self.hurry()
        return True

    def _first(self, flow: int, read: Returned, now: int) -> None:
        self._answered.add(flow)
        if not read.known:
            self._state = "unknown"
        elif len(self._answered) == len(self._senders) or self._state == "silent":
            self._begin(now)

    def _arrived(self, flow: int, read: Returned, now: int, rx_timestamp: int | None, session: Session) -> None:
        """Take in that a reply has got here, which was to leave with some TTL."""
        out = None if read.number >= COLLECTING else session.outstanding(flow, read.number)
        if out is None:
            return
        if read.refused or not read.known:
            self._refused += 1
            session.failed(out.due)
            return
        rtt, kernel = out.round_trip(now, rx_timestamp)
        there = read.t3 - read.t2
        session.told(out, self._here, "target", rtt - there if 0 < there < rtt else rtt, kernel=kernel)

    def _reported(self, flow: int, report: Report, session: Session) -> None:
        """Take in who answered a reply that did not get here."""
        out = session.outstanding(flow, report.sequence & COLLECTING - 1)
        if out is None or not report.host:
            return
        family = 6 if ":" in report.host else 4
        error = IcmpError(family=family, type=report.type, code=report.code, quote=Quote())
        session.told(
            out,
            report.host,
            "router" if error.expired else "refused",
            report.rtt,
            kernel=report.kernel,
            meaning=None if error.expired else error.meaning,
            tos=report.tos,
            labels=(Label.of(report.label),) if report.label else (),
        )

    def _tell(self, answer: Answer) -> None:
        if self.listener is not None:
            self.listener(answer._replace(backward=True))

    def settle(self, now: int) -> None:
        """Give up what was waited for long enough."""
        if self.session is not None:
            self.session.settle(now)

    def next_deadline(self) -> int | None:
        """Return when something is due or to be given up; None: all is over."""
        if self._stopped:
            return None
        if self._state == "asking":
            return self._next
        if self.session is None:
            return None
        at = self.session.next_deadline()
        return None if at is None else min(at, *self._collects.values()) if self._collects else at

    def stop(self) -> None:
        """Send no more, and wait for nothing."""
        self._stopped = True
        if self.session is not None:
            self.session.stop()

    def result(self) -> WayBack:
        """Return what is known by now."""
        trace = None if self.session is None else self.session.result()
        return WayBack(state=self._state, trace=trace, refused=self._refused)
