"""Servers that are told what to do wrong, in a thread of the test: each conversation is a plain function.

with datagrams(bytes.upper) as server: ...         # answers every datagram with what the function makes of it
with streams(conversation) as server: ...          # `conversation(connection)` for each, one after the other
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"


class Rogue:
    """A listening socket served by a thread. `heard` is set when the first client has said or done something."""

    def __init__(self, listener: socket.socket, serve: Callable[[Rogue], None]) -> None:
        self.listener = listener
        self.heard = threading.Event()
        self.served = 0
        """Datagrams or connections taken so far."""
        self.client: tuple[str, int] = ("", 0)
        """The address the last one came from."""
        self.address: tuple[str, int] = listener.getsockname()[:2]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self.address[1]

    def _run(self, serve: Callable[[Rogue], None]) -> None:
        # The sockets are shut from outside when the test is over, or by a client that is gone.
        with contextlib.suppress(OSError):
            serve(self)

    def holds(self, connection: socket.socket) -> socket.socket:
        """Have it closed with the server."""
        self._open.append(connection)
        return connection

    def stop(self) -> None:
        """Close everything, as a server that dies does. May be called twice."""
        for each in (self.listener, *self._open):
            # A thread that blocks in accept or recv is woken by shutdown, not by close.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join()


@contextlib.contextmanager
def _running(rogue: Rogue) -> Iterator[Rogue]:
    try:
        yield rogue
    finally:
        rogue.stop()


@contextlib.contextmanager
def datagrams(answer: Callable[[bytes], bytes | None], port: int = 0, host: str = LOOPBACK) -> Iterator[Rogue]:
    """Answer each datagram with what `answer` makes of it; None is silence."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    listener.bind((host, port))

    def serve(rogue: Rogue) -> None:
        while True:
            data, client = listener.recvfrom(65535)
            if client is None:  # pragma: no cover  woken by shutdown
                return
            rogue.served += 1
            rogue.client = client
            reply = answer(data)
            if reply is not None:
                listener.sendto(reply, client)
            rogue.heard.set()

    with _running(Rogue(listener, serve)) as rogue:
        yield rogue


@contextlib.contextmanager
def streams(conversation: Callable[[socket.socket], None], port: int = 0, host: str = LOOPBACK) -> Iterator[Rogue]:
    """Take connections one after the other; each is closed when its conversation returns or its client is gone."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def serve(rogue: Rogue) -> None:
        while True:
            connection, rogue.client = listener.accept()
            rogue.served += 1
            rogue.heard.set()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with rogue.holds(connection), contextlib.suppress(OSError):
                conversation(connection)

    with _running(Rogue(listener, serve)) as rogue:
        yield rogue


def echo(connection: socket.socket) -> None:
    """A conversation: RFC 862."""
    while data := connection.recv(65536):
        connection.sendall(data)


def silence(connection: socket.socket) -> None:
    """A conversation: takes everything, says nothing."""
    while connection.recv(65536):
        pass
