"""Probes on connections of their own: `python -m netecho.net.load.foreign`, beside the load, as new requests feel it.

Ten times a second a connection is made, the small resource asked for, and both are timed ("foreign probes" of
draft-ietf-ippm-responsiveness-09 section 4.2). It ends when its standard input does.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import sys
from typing import TYPE_CHECKING

from netecho.net.linux import run_clock
from netecho.net.linux.parent_death import die_with_parent
from netecho.net.load.orders import Order, report
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 100 * MILLISECOND
"""From one to the next: without TLS each is some 1,000 bytes, 80 kbit/s in all."""
MOST = 128
"""Under way at once; beyond them none is begun."""


class Probe:
    """One of them."""

    def __init__(self, order: Order, now: int) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in order.address else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self._order = order
        self._began = now
        self._asked = 0
        self._answer = b""
        if self.sock.connect_ex((order.address, order.port)) not in (0, errno.EINPROGRESS):
            self.sock.close()
            raise ConnectionError

    def connected(self, now: int) -> None:
        """Ask."""
        self.sock.send(self._order.headers("GET", "Connection: close"))
        self._asked = now

    def received(self, now: int) -> dict[str, int] | None:
        """Return what it took, once the answer has come. Raises OSError."""
        data = self.sock.recv(65_536)
        self._answer += data
        if data and b"\r\n\r\n" not in self._answer.removesuffix(b"\r\n\r\n"):
            return None
        if not self._answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise ConnectionError
        return {"at": now, "tcp": self._asked - self._began, "http": now - self._asked}


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
    due = clock()
    while True:
        now = clock()
        if now >= due:
            due = max(due + INTERVAL, now)
            if len(selector.get_map()) <= MOST:
                _begin(order, selector, now)
        for key, mask in selector.select(max(0, due - clock()) / SECOND):
            if key.data is None:
                return
            _go_on(selector, key.data, mask, write, clock())


def _begin(order: Order, selector: selectors.BaseSelector, now: int) -> None:
    try:
        probe = Probe(order, now)
    except OSError:
        return
    selector.register(probe.sock, selectors.EVENT_WRITE, probe)


def _go_on(
    selector: selectors.BaseSelector, probe: Probe, mask: int, write: Callable[[bytes], object], now: int
) -> None:
    try:
        if mask & selectors.EVENT_WRITE:
            probe.connected(now)
            selector.modify(probe.sock, selectors.EVENT_READ, probe)
            return
        found = probe.received(now)
        if found is None:
            return
        write(report(found))
    except OSError:
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
