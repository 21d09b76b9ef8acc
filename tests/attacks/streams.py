"""Attacks over connections."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import TYPE_CHECKING

from tests.attacks.handshake_drip import client_hello

if TYPE_CHECKING:
    from tests.attacks.attack import Deadline, Victim

CLIENTS = 250
"""Below the default limit for one address, so that the client that behaves is let in beside them."""


def newline_flood(victim: Victim, deadline: Deadline) -> None:
    """Each byte asks for a whole answer, on as many connections as one address may have; the answers are read."""
    _send_and_read(victim, deadline, b"\n" * 8192)


def bulk(victim: Victim, deadline: Deadline) -> None:
    """As many bytes as there is room for, on as many connections as one address may have; what comes is read."""
    _send_and_read(victim, deadline, bytes(1 << 18))


def never_reading(victim: Victim, deadline: Deadline) -> None:
    """Send for ever and read nothing: what is owed must not pile up in the server."""
    with victim.connections(CLIENTS) as socks:
        living = [*socks]
        while living and not deadline.is_over():
            _, room, _ = select.select([], living, [], 0.1)
            for sock in room:
                _send(sock, b"x" * 997 + b"\n\n\n", living)
            if not room:
                deadline.rest(0.05)


def long_lines(victim: Victim, deadline: Deadline) -> None:
    """The longest lines, whose answers are many times as long, and nobody reads them."""
    line = b"y" * 65_535 + b"\n"
    with victim.connections(CLIENTS) as socks:
        living, sent = [*socks], dict.fromkeys(socks, 0)
        while living and not deadline.is_over():
            _, room, _ = select.select([], living, [], 0.1)
            for sock in room:
                sent[sock] += _send(sock, line[sent[sock] % len(line) :], living)
            if not room:
                deadline.rest(0.05)


def _send_and_read(victim: Victim, deadline: Deadline, data: bytes) -> None:
    with victim.connections(CLIENTS) as socks:
        living = [*socks]
        while living and not deadline.is_over():
            ready, room, _ = select.select(living, living, [], 0.1)
            for sock in room:
                _send(sock, data, living)
            for sock in ready:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    if not sock.recv(1 << 20) and sock in living:
                        living.remove(sock)


def _send(sock: socket.socket, data: bytes, living: list[socket.socket]) -> int:
    """Send what there is room for; a connection that is over is no longer among the living."""
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        living.remove(sock)
        return 0


def idle(victim: Victim, deadline: Deadline) -> None:
    """Hold every place, and say nothing."""
    with victim.connections(CLIENTS):
        while not deadline.is_over():
            deadline.rest(0.1)


def slow(victim: Victim, deadline: Deadline) -> None:
    """A byte now and then on each connection, so that none is ever silent."""
    with victim.connections(CLIENTS) as socks:
        while not deadline.is_over():
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.send(b"x")
            deadline.rest(0.2)


def churn(victim: Victim, deadline: Deadline) -> None:
    """Connect and close, as fast as it goes."""
    while not deadline.is_over():
        sock = victim.connect()
        if sock is not None:
            sock.close()


def resets(victim: Victim, deadline: Deadline) -> None:
    """Connect, ask for much, and reset."""
    while not deadline.is_over():
        sock = victim.connect()
        if sock is None:
            continue
        with contextlib.suppress(OSError):
            sock.send(b"r" * 10_000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def handshake_drip(victim: Victim, deadline: Deadline) -> None:
    """TLS handshakes at a byte a second; a place that was taken away is taken again."""
    hello = client_hello()
    with contextlib.ExitStack() as stack:
        sent: dict[socket.socket, int] = {}
        while not deadline.is_over():
            for _ in range(CLIENTS - len(sent)):
                sock = victim.connect("tls")
                if sock is not None:
                    sent[stack.enter_context(sock)] = 0
            for sock, at in list(sent.items()):
                try:
                    sent[sock] += sock.send(hello[at : at + 1])
                except OSError:
                    del sent[sock]
            deadline.rest(1)
