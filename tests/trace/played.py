"""A session against a path that is made up: who answers which TTL, and what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.trace.checksum import Flow
from netecho.trace.payloads import EchoPayloads
from netecho.trace.plan import Plan
from netecho.trace.quote import IcmpError, Quote
from netecho.trace.session import Session
from netecho.units import MICROSECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.trace.flow import Due
    from netecho.trace.result import Trace

TARGET = "198.51.100.9"
PATH = ("10.0.1.2", "10.0.2.2", "10.0.3.2", TARGET)
WALL = 1_700_000_000 * SECOND


def session(plan: Plan | None = None) -> Session:
    """One that has not begun."""
    plan = plan or Plan(rounds=1)
    made = Session(plan, [EchoPayloads(b"token%03d" % n) for n in range(plan.flows)], 0, TARGET)
    for n in range(plan.flows):
        made.opened(n, Flow("192.0.2.1", 40_000 + n, TARGET, 7007))
    return made


def expired(payload: bytes, **quoted: object) -> IcmpError:
    """Time Exceeded that quotes a payload."""
    return IcmpError(family=4, type=11, code=0, quote=Quote(payload=payload, **quoted))  # type: ignore[arg-type]


def played(
    plan: Plan,
    *,
    path: Callable[[Due], tuple[str, ...]] = lambda _: PATH,
    lost: Callable[[Due], bool] = lambda _: False,
    rtt: Callable[[Due], int] = lambda _: 100 * MICROSECOND,
    tos: int | None = None,
) -> Trace:
    """Return what a trace makes of it: `path` of each packet, which of them are `lost`, and how long they take."""
    made = session(plan)
    while (now := made.next_deadline()) is not None:
        made.settle(now)
        for due in made.due(now):
            payload = made.payload(due, WALL + now)
            made.sent(due, payload, now).tx_timestamp = WALL + now
            routers = path(due)
            if lost(due):
                continue
            at = now + rtt(due)
            if due.ttl >= len(routers):
                if routers[-1] == TARGET:
                    made.replied(due.flow, TARGET, payload, at, WALL + at)
            elif routers[due.ttl - 1]:
                made.quoted(due.flow, routers[due.ttl - 1], expired(payload, tos=tos), at, WALL + at)
    return made.result()
