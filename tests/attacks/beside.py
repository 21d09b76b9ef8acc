"""The client that behaves: it asks for little, waits for the answer, and notes how long that took."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from tests.attacks.attack import LOOPBACK

if TYPE_CHECKING:
    from tests.attacks.attack import Victim

INTERVAL = 0.02
PATIENCE = 2.0
"""Seconds an answer is waited for; then it is lost."""


class Behaving:
    """Asks from now until `stop`, over a connection made before the attack or by datagrams."""

    def __init__(self, victim: Victim, transport: str, source: str = LOOPBACK) -> None:
        self.took: list[float] = []
        self.lost = 0
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self._sock = socket.socket(socket.AF_INET, kind)
        self._sock.settimeout(PATIENCE)
        self._sock.bind((source, 0))
        self._sock.connect((LOOPBACK, victim.ports[transport]))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._sock.close()

    def p99(self) -> float:
        """Milliseconds."""
        return sorted(self.took)[int(len(self.took) * 0.99)] * 1e3 if self.took else float("inf")

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(INTERVAL):
            number += 1
            # Raw mode returns the line, text mode the line in words; cut to its length over UDP. The number is known
            # by its length: an answer that comes too late is not taken for the next one's.
            line = b"%08d" % number + b" " * (32 + number % 7) + b"\n"
            began = time.perf_counter()
            try:
                self._sock.send(line)
                while not self._is_answer(self._sock.recv(4096), line):
                    pass
            except TimeoutError:
                self.lost += 1
            except OSError:
                self.lost += 1
                return
            else:
                self.took.append(time.perf_counter() - began)

    @staticmethod
    def _is_answer(data: bytes, line: bytes) -> bool:
        return line[:9] in data
