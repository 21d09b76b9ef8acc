"""What an attack is: a function that does its worst to a server until its time is up."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Victim:
    """Where the server listens, by transport."""

    ports: Mapping[str, int]
    source: str = LOOPBACK
    """The address that the attacker's connections are made from."""

    def connect(self, transport: str = "tcp") -> socket.socket | None:
        """A connection that does not block once it is there; None: it was not to be had."""
        sock = socket.socket()
        sock.settimeout(1)
        try:
            sock.bind((self.source, 0))
            sock.connect((LOOPBACK, self.ports[transport]))
        except OSError:
            sock.close()
            return None
        sock.setblocking(False)
        return sock

    @contextlib.contextmanager
    def connections(self, count: int, transport: str = "tcp") -> Iterator[list[socket.socket]]:
        """So many connections at once, or as many as are to be had."""
        socks = [sock for _ in range(count) if (sock := self.connect(transport)) is not None]
        try:
            yield socks
        finally:
            for sock in socks:
                sock.close()


class Deadline:
    """How long an attack goes on."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._at

    def rest(self, seconds: float) -> None:
        """Do nothing for a while, and no longer than to the end."""
        time.sleep(max(min(seconds, self._at - time.monotonic()), 0))


class Attack(Protocol):
    """One attack."""

    __name__: str

    def __call__(self, victim: Victim, deadline: Deadline) -> None: ...
