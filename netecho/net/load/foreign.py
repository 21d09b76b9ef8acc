"""Probes on connections of their own: `python -m netecho.net.load.foreign`, beside the load, as new requests feel it.

Ten times a second a connection is made, the small resource asked for, and both are timed ("foreign probes" of
draft-ietf-ippm-responsiveness-09 section 4.2). It ends when its standard input does.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.net.linux import run_clock
from netecho.net.linux.parent_death import die_with_parent
from netecho.net.load.orders import Order, report
from netecho.net.load.wire import connecting, trust
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.client.tls import Client

INTERVAL = 100 * MILLISECOND
"""From one to the next: without TLS each is some 1,000 bytes, 80 kbit/s in all."""
MOST = 128
"""Under way at once; beyond them none is begun."""

_received = bytearray(65_536)


class Probe:
    """One of them."""

    def __init__(self, order: Order, tls: Client | None, now: int) -> None:
        self._wire = connecting(order.address, order.port, tls)
        self.sock = self._wire.sock
        self._request = order.headers("GET", "Connection: close")
        self._began = now
        self._connected = 0
        self._asked = 0
        self._answer = b""

    @property
    def events(self) -> int:
        """What to watch it for."""
        return self._wire.wants or (selectors.EVENT_WRITE if self._request else selectors.EVENT_READ)

    def ready(self, now: int) -> dict[str, int | None] | None:
        """Go on; return what it took, once the answer has come. Raises OSError, UnreachableError."""
        if self._wire.wants:
            self._connected = self._connected or now
            self._wire.shake_hands()
        elif self._request:
            self._asked = now
            self._request = self._request[self._wire.send(self._request) :]
        elif self._answered():
            connected = self._connected or self._asked
            return {
                "at": now,
                "tcp": connected - self._began,
                "tls": self._asked - connected if self._connected else None,
                "http": now - self._asked,
            }
        return None

    def _answered(self) -> bool:
        size = self._wire.receive(_received)
        self._answer += _received[:size]
        if size and b"\r\n\r\n" not in self._answer.removesuffix(b"\r\n\r\n"):
            return False
        if not self._answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise ConnectionError
        return True


def run(order: Order, ending: int, write: Callable[[bytes], object], clock: Callable[[], int] = run_clock.now) -> None:
    """Probe until descriptor `ending` says that it is over."""
    with selectors.DefaultSelector() as selector:
        selector.register(ending, selectors.EVENT_READ)
        _probe(order, selector, write, clock)
        for key in selector.get_map().values():
            if key.data is not None:
                key.data.sock.close()


def _probe(
    order: Order, selector: selectors.BaseSelector, write: Callable[[bytes], object], clock: Callable[[], int]
) -> None:
    due, tls = clock(), trust(order.tls, order.name)
    while True:
        now = clock()
        if now >= due:
            due = max(due + INTERVAL, now)
            if len(selector.get_map()) <= MOST:
                _begin(order, tls, selector, now)
        for key, _ in selector.select(max(0, due - clock()) / SECOND):
            if key.data is None:
                return
            _go_on(selector, key.data, write, clock())


def _begin(order: Order, tls: Client | None, selector: selectors.BaseSelector, now: int) -> None:
    try:
        probe = Probe(order, tls, now)
    except OSError:
        return
    selector.register(probe.sock, probe.events, probe)


def _go_on(selector: selectors.BaseSelector, probe: Probe, write: Callable[[bytes], object], now: int) -> None:
    watched = probe.events
    try:
        found = probe.ready(now)
        if found is None:
            if probe.events != watched:
                selector.modify(probe.sock, probe.events, probe)
            return
        write(report(found))
    except BlockingIOError:
        return
    except (OSError, UnreachableError):
        pass  # one that failed says nothing of the time
    selector.unregister(probe.sock)
    probe.sock.close()


def main() -> None:
    """Read the order, and obey it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(Order.read(sys.stdin.buffer.readline()), 0, lambda line: os.write(1, line))


if __name__ == "__main__":
    main()
