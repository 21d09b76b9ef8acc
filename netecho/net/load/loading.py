"""A load process: `python -m netecho.net.load.loading`. It does nothing else, so that it disturbs no measurement.

It reads its order, opens flows, one more each interval as long as that helps, and reports ten times a second what has
arrived. It ends when its standard input does, when the bytes it may move are moved, or when a flow is over.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from statistics import fmean, median
from typing import TYPE_CHECKING

from netecho.load.growth import Growth
from netecho.load.parameters import ID, INC, INP, MNP
from netecho.net.linux import run_clock, tcp_memory
from netecho.net.linux.parent_death import die_with_parent
from netecho.net.load.http_flow import FlowError, HttpFlow, RefusedError
from netecho.net.load.orders import Order, report
from netecho.net.load.wire import trust
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 100 * MILLISECOND
NICENESS = 5
"""The probes, in another process, are to be on time: this one gets a third of a processor that both want."""
STALLED = 5 * SECOND
"""How long nothing may move before it is given up."""
STILL = 2 * SECOND
"""How long it may have been so at the end of a phase, and be no more than what waits behind a lost segment."""


class Loading:
    """The flows of one direction."""

    def __init__(
        self, order: Order, write: Callable[[bytes], object], clock: Callable[[], int] = run_clock.now
    ) -> None:
        self._order = order
        self._tls = trust(order.tls, order.name)
        self._write = write
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._flows: list[HttpFlow] = []
        self._growth = Growth()
        self._saturated_at: int | None = None
        self._smoothed: list[tuple[int, int]] = []
        self._short_of_memory: bool | None = None
        self._bytes = 0
        self._moved_at = 0

    def run(self, ending: int) -> None:
        """Put load on until descriptor `ending` says that it is over."""
        self._selector.register(ending, selectors.EVENT_READ)
        reason, refused = None, False
        try:
            self._run()
        except FlowError as error:
            reason, refused = str(error), isinstance(error, RefusedError)
        self._read(self._clock())
        self._look_at_memory()
        facts = [each for flow in self._flows if (each := flow.sender()) is not None]
        retransmits = [each.retransmits for each in facts if each.retransmits is not None]
        limited = [each.send_window_limited for each in facts if each.send_window_limited is not None]
        self._write(
            report(
                {
                    "ended": reason,
                    "refused": refused,
                    "saturated_at": self._saturated_at,
                    "retransmits": sum(retransmits) if retransmits else None,
                    "window_limited": round(fmean(limited)) if limited else None,
                    "short_of_memory": self._short_of_memory,
                    "smoothed": self._smoothed,
                }
            )
        )
        for flow in self._flows:
            flow.abort()
        self._selector.close()

    def _run(self) -> None:
        self._open(self._order.flows or INP)
        now = self._moved_at = self._clock()
        self._read(now)
        tick, interval, before = now + TICK, now + ID, 0
        while True:
            for key, mask in self._selector.select(max(0, tick - self._clock()) / SECOND):
                if key.data is None:
                    self._see_that_it_moves(self._clock(), STILL)
                    return
                self._move(key.data, mask)
            now = self._clock()
            if now >= tick:
                tick = now + TICK
                self._read(now)
                self._see_that_it_moves(now, STALLED)
            if now >= interval:
                interval += ID
                self._judge(now, self._bytes - before)
                before = self._bytes

    def _see_that_it_moves(self, now: int, longest: int) -> None:
        if now - self._moved_at > longest:
            raise FlowError(f"nothing moved for {(now - self._moved_at) / SECOND:.0f} s")

    def _move(self, flow: HttpFlow, mask: int) -> None:
        wanted = flow.events
        flow.ready(mask)
        if flow.events != wanted:
            self._selector.modify(flow.sock, flow.events, flow)
        if sum(each.moved for each in self._flows) >= self._order.max_bytes:
            raise FlowError("the bytes that were allowed are moved (--max-bytes)")

    def _read(self, now: int) -> None:
        """Report what has arrived by now."""
        smoothed = []
        for flow in self._flows:
            arrived = flow.arrived
            if arrived > flow.reported:
                flow.reported = arrived
                # That of a flow that stands still is of the time before it did: perhaps of its handshake.
                rtt = flow.smoothed_rtt
                smoothed += [] if rtt is None else [rtt]
        arrived = sum(flow.reported for flow in self._flows)
        if arrived > self._bytes:
            self._moved_at, self._bytes = now, arrived
        if smoothed:
            self._smoothed.append((now, round(median(smoothed))))
        self._write(report({"at": now, "bytes": self._bytes, "flows": len(self._flows)}))

    def _judge(self, now: int, moved: int) -> None:
        self._look_at_memory()
        more = self._growth.interval(moved)
        if self._saturated_at is None and self._growth.saturated:
            self._saturated_at = now
        if more and self._order.flows is None:
            self._open(min(INC, MNP - len(self._flows)))

    def _look_at_memory(self) -> None:
        short = tcp_memory.is_short()
        if short is not None:
            self._short_of_memory = self._short_of_memory or short

    def _open(self, number: int) -> None:
        for _ in range(number):
            flow = HttpFlow(self._order, self._tls)
            self._flows.append(flow)
            self._selector.register(flow.sock, flow.events, flow)


def main() -> None:
    """Read the order, and obey it."""
    die_with_parent()
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    order = Order.read(sys.stdin.buffer.readline())
    Loading(order, lambda line: os.write(1, line)).run(0)


if __name__ == "__main__":
    main()
