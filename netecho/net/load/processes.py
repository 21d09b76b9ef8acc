"""Starting a load process, hearing of it, ending it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol

from netecho.load.run import Exchange, Reading, Transfer
from netecho.net import python_child

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.python.failure import Failure

    from netecho.net.load.orders import Order
    from netecho.net.reactor.interfaces import Reactor

GRACE = 3.0
"""Seconds that a process may take to end once it was told to."""


class Child(ProcessProtocol):
    """One process, started at once: what it reported, when it began to, and its end."""

    transport: Any

    def __init__(self, reactor: Reactor, order: Order, arrived: Callable[[Reading], None] | None = None) -> None:
        """Start it; `arrived` is told what a load has come to as soon as it is reported."""
        self.order = order
        self.begun: Deferred[None] = Deferred()
        """Fires at the first report, or at the end."""
        self.ended: Deferred[None] = Deferred()
        self.reports: list[dict[str, Any]] = []
        self.failed = ""
        """What it wrote to standard error."""
        self._reactor = reactor
        self._arrived = arrived
        self._rest = b""
        self._over = False
        module = "netecho.net.load.foreign" if order.kind == "small" else "netecho.net.load.loading"
        try:
            reactor.spawnProcess(
                self,
                sys.executable,
                python_child.command(module),
                python_child.environment(),
                childFDs={0: "w", 1: "r", 2: "r"},
            )
        except OSError as error:  # a limit of processes, no memory
            self.failed = os.strerror(error.errno or 0).lower()
            self._end()

    def connectionMade(self) -> None:
        """Give it its order."""
        self.transport.write(self.order.line())

    def outReceived(self, data: bytes) -> None:
        """Take in its reports."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        reports = [json.loads(line) for line in lines]
        self.reports += reports
        if self._arrived is not None:
            for each in reports:
                if "bytes" in each:
                    self._arrived(_reading(each))
        if lines:
            self._begin()

    def errReceived(self, data: bytes) -> None:
        """Keep what it complains of."""
        self.failed = (self.failed + data.decode("utf-8", "replace"))[-2000:]

    def processEnded(self, reason: Failure) -> None:
        """Tell of its end."""
        del reason
        self._end()

    def stop(self) -> Deferred[None]:
        """Have it end; what is returned fires when it has."""
        if not self._over:
            self.transport.closeStdin()
            later = self._reactor.callLater(GRACE, self._kill)
            self.ended.addBoth(lambda _: later.cancel() if later.active() else None)
        return self.ended

    def transfer(self) -> Transfer:
        """Return what came of a load."""
        readings = [_reading(each) for each in self.reports if "bytes" in each]
        last = next((each for each in self.reports if "ended" in each), None)
        kind = self.order.kind
        if kind == "small":
            raise AssertionError("that is no load")
        if last is None:
            said = self.failed.strip().rpartition("\n")[2] or "it was killed"
            return Transfer(direction=kind, readings=tuple(readings), ended=f"its process failed: {said}")
        return Transfer(
            direction=kind,
            readings=tuple(readings),
            saturated_at=last["saturated_at"],
            retransmits=last["retransmits"],
            window_limited=last["window_limited"],
            short_of_memory=last["short_of_memory"],
            smoothed_rtts=tuple((at, rtt) for at, rtt in last["smoothed"]),
            ended=last["ended"],
            refused=last["refused"],
        )

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return what came of foreign probes."""
        return tuple(Exchange(**each) for each in self.reports)

    def _end(self) -> None:
        self._over = True
        self._begin()
        self.ended.callback(None)

    def _begin(self) -> None:
        if not self.begun.called:
            self.begun.callback(None)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


def _reading(report: Mapping[str, Any]) -> Reading:
    return Reading(report["at"], report["bytes"], report["flows"])
