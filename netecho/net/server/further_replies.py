"""The replies that a reflector sends after the first one to a request (STAMP's TLV 12), some interval apart.

They wait on one timer of the process. How many there may be is bounded for each client and for all, in requests and in
octets: so the memory is, and so is what can be made to leave at one moment by asking for it beforehand. The octets of
a second are `echo.reply_budget`'s, for all workers together; what is pending is bounded in each.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netecho.net.reactor.timer import Pacer, Timer
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.echo.reply_budget import ReplyBudget
    from netecho.net.reactor.interfaces import ReactorTime
    from netecho.stamp.reply_control import ReplyPlan

MOST = 4096
"""Requests of all clients with replies that are to come."""
MOST_OF_CLIENT = 512
OCTETS = 32 * 1024 * 1024
"""In the replies that are to come to all clients."""
OCTETS_OF_CLIENT = 4 * 1024 * 1024

CATCH_UP = 2 * MILLISECOND
"""Lateness that is caught up with, as wake-ups are late by some of it. What was missed for longer is not: replies that
are closer together than was asked for would measure something else."""
_BATCH = 16
"""Replies sent in one go; then what else waits has its turn."""

ALL_PENDING = f"it asked for later replies, and {MOST} requests or {OCTETS >> 20} MiB of replies are pending"
CLIENT_PENDING = (
    f"it asked for later replies, and {MOST_OF_CLIENT} requests or {OCTETS_OF_CLIENT >> 20} MiB of its replies are "
    "pending"
)


class FurtherReplies:
    """All that are to come, of a process."""

    def __init__(self, reactor: ReactorTime, budget: ReplyBudget, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._reactor = reactor
        self._budget = budget
        self._clock = clock
        self._timer: Timer | None = None
        self._series: set[_Series] = set()
        self._octets = 0
        self._of_client: dict[str, tuple[int, int]] = {}
        """Requests and octets; of clients with any."""

    @property
    def pending(self) -> int:
        """Requests with replies that are to come."""
        return len(self._series)

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        """Grant what a plan sends; or return why not, and grant nothing. `schedule` comes next, if at all."""
        if plan.number > 1:
            number, octets = self._of_client.get(client, (0, 0))
            if number >= MOST_OF_CLIENT or octets + plan.pending > OCTETS_OF_CLIENT:
                return CLIENT_PENDING
            if len(self._series) >= MOST or self._octets + plan.pending > OCTETS:
                return ALL_PENDING
        return self._budget.take(client, plan.number * plan.length, now)

    def schedule(self, client: str, plan: ReplyPlan, send: Callable[[int], bool]) -> None:
        """Have `send` called for each further reply with its number, from 1, until it returns False."""
        if self._timer is None:
            self._timer = Timer(self._reactor, clock=self._clock)
        series = _Series(self, client, plan, send)
        self._series.add(series)
        self._count(client, 1, plan.pending)
        series.start(self._timer, self._clock())

    def stop(self) -> None:
        """Send none of them any more."""
        self._series.clear()
        self._of_client.clear()
        self._octets = 0
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def sent(self, client: str, octets: int) -> None:
        """Count a reply that is no longer to come."""
        self._count(client, 0, -octets)

    def ended(self, series: _Series, octets: int) -> None:
        """Forget a request whose last reply was sent, or of which `octets` will never be."""
        self._series.discard(series)
        self._count(series.client, -1, -octets)

    def now(self) -> int:
        """Return the time of the clock."""
        return self._clock()

    def _count(self, client: str, requests: int, octets: int) -> None:
        self._octets += octets
        number, theirs = self._of_client.get(client, (0, 0))
        if number + requests:
            self._of_client[client] = number + requests, theirs + octets
        else:
            self._of_client.pop(client, None)


class _Series:
    """The further replies to one request."""

    __slots__ = ("_due", "_next", "_pacer", "_plan", "_replies", "_send", "client")

    def __init__(self, replies: FurtherReplies, client: str, plan: ReplyPlan, send: Callable[[int], bool]) -> None:
        self.client = client
        self._replies = replies
        self._plan = plan
        self._send = send
        self._next = 1
        self._due = 0
        self._pacer: Pacer | None = None

    def start(self, timer: Timer, now: int) -> None:
        self._pacer = Pacer(timer, self._fire)
        self._due = now + self._plan.interval
        self._pacer.arm(self._due)

    def _fire(self) -> None:
        """Send what is due: one reply, and those that were due while the machine was away for a moment."""
        for _ in range(_BATCH):
            if not self._send_next():
                return
            now = self._replies.now()
            if now < self._due:
                break
        if self._pacer is not None:
            self._pacer.arm(self._due)

    def _send_next(self) -> bool:
        """Send one reply; return whether there are more."""
        plan, replies = self._plan, self._replies
        goes_on = self._send(self._next)
        self._next += 1
        left = plan.number - self._next
        if not goes_on or not left:
            replies.ended(self, (left + 1) * plan.length)
            return False
        replies.sent(self.client, plan.length)
        self._due += plan.interval
        now = replies.now()
        if now - self._due > CATCH_UP:
            self._due = now + plan.interval
        return True
