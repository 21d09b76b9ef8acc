"""The names of addresses, looked up in a few threads beside the measurement, which waits for none of them."""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.net.reactor.interfaces import ReactorThreads

AT_ONCE = 4
MOST = 256
"""Addresses that are looked up: whoever forges their source could send any number."""


class Names:
    """What is known of names by now."""

    def __init__(self, reactor: ReactorThreads, *, wanted: bool = True) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._waiting: deque[str] = deque()
        self._asked: set[str] = set()
        self._running = 0
        self.found: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Whether answers are still to come."""
        return bool(self._running)

    def ask(self, address: str) -> None:
        """Have an address looked up, once."""
        if self._wanted and address not in self._asked and len(self._asked) < MOST:
            self._asked.add(address)
            self._waiting.append(address)
            self._next()

    def _next(self) -> None:
        if self._waiting and self._running < AT_ONCE:
            self._running += 1
            # Daemons: a resolver that does not answer does not keep the program from ending.
            threading.Thread(target=self._look_up, args=(self._waiting.popleft(),), daemon=True).start()

    def _look_up(self, address: str) -> None:
        try:
            name = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
        except (OSError, UnicodeError):
            name = ""
        self._reactor.callFromThread(self._answered, address, name)

    def _answered(self, address: str, name: str) -> None:
        self._running -= 1
        if name and name != address:
            self.found[address] = name
        self._next()
