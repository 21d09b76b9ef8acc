"""The way back against a real reflector and a path that is made up: who answers which TTL, and what is lost."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from netecho.stamp.location import Endpoint
from netecho.stamp.return_traces import IcmpQuote
from netecho.trace.plan import Plan
from netecho.trace.reverse import Reverse
from netecho.units import MICROSECOND
from tests.stamp.returns import NEAR, WALL, Far

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.trace.reverse import Ask, WayBack
    from netecho.trace.session import Answer

HERE = "192.0.2.1"
BACK = ("10.0.4.1", "10.0.3.1", "10.0.2.1", HERE)
RTT, STEP, PROCESSING = 100 * MICROSECOND, 30 * MICROSECOND, 70 * MICROSECOND


class Back:
    """All flows of the way back, each with an endpoint of its own at the far end."""

    def __init__(
        self,
        plan: Plan | None = None,
        *,
        path: Callable[[Ask], tuple[str, ...]] = lambda _: BACK,
        lost: Callable[[Ask], bool] = lambda _: False,
        key: bytes | None = None,
        controlled: bool = True,
    ) -> None:
        plan = plan or Plan(rounds=2)
        self.far = [
            Far(key, controlled=controlled, source=Endpoint(NEAR.address, 40_000 + n)) for n in range(plan.flows)
        ]
        for each in self.far:
            each.reflector = self.far[0].reflector
        self.reverse = Reverse(plan, [each.sender for each in self.far], 0, HERE)
        self.answers: list[Answer] = []
        self.reverse.listener = self.answers.append
        self.asks: list[tuple[int, Ask]] = []
        """What was sent, and when."""
        self._path = path
        self._lost = lost

    def play(self) -> WayBack:
        """Trace to the end."""
        while (now := self.reverse.next_deadline()) is not None:
            self.reverse.settle(now)
            for ask in self.reverse.due(now):
                self.asks.append((now, ask))
                self._send(ask, now)
        return self.reverse.result()

    def _send(self, ask: Ask, now: int) -> None:
        reverse, far = self.reverse, self.far[ask.flow]
        if reverse.session is not None and ask.due is not None:
            payload = reverse.session.payload(ask.due, WALL + now)
            reverse.session.sent(ask.due, payload, now).tx_timestamp = WALL + now
        else:
            payload = reverse.collect(ask.flow, WALL + now)
        if self._lost(ask):
            return
        far.now = now
        reply = far.take(payload)
        data = bytes(reply.timestamped(WALL + now + PROCESSING))
        assert len(data) == len(payload)
        routers = self._path(ask)
        if reply.stepped is None or reply.ttl >= len(routers):
            at = now + RTT + PROCESSING
            assert reverse.replied(ask.flow, data, at, WALL + at, WALL + at)
            return
        head = far.reflector.head_length
        far.reflector.return_traces.sent(reply.stepped, data[:head], WALL + now + PROCESSING)
        router = routers[reply.ttl - 1]
        if router:
            packed = ipaddress.ip_address(router).packed
            received = WALL + now + PROCESSING + reply.ttl * STEP
            quote = IcmpQuote(far.source, data, packed, 3 if ":" in router else 11, 0, received, exact=True)
            far.reflector.return_traces.quoted(quote, head)
