"""TLS handshakes at a byte a second: each holds a place without the client having shown what it is."""

from __future__ import annotations

import resource
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attacks.attack import Deadline

EACH_SOURCE = 250
"""Connections from one address: below the default limit."""


def client_hello() -> bytes:
    """The first message of an honest handshake."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake with nobody")


def drip(port: int, count: int, deadline: Deadline) -> list[float]:
    """Begin so many handshakes from as many addresses of loopback as it takes; the seconds after which each ended."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count + 500, hard)), hard))
    hello = client_hello()
    began: dict[int, float] = {}
    socks: dict[int, socket.socket] = {}
    sent: dict[int, int] = {}
    took: list[float] = []
    poll = select.epoll()
    for number in range(count):
        sock = socket.create_connection(
            ("127.0.0.1", port), timeout=20, source_address=(f"127.0.1.{number // EACH_SOURCE + 1}", 0)
        )
        sock.setblocking(False)
        socks[sock.fileno()] = sock
        began[sock.fileno()] = time.monotonic()
        sent[sock.fileno()] = 0
        poll.register(sock, select.EPOLLIN | select.EPOLLRDHUP)
    dripped = 0.0
    while socks and not deadline.is_over():
        for fd, _ in poll.poll(0.05):
            # The server says nothing to half of a greeting: whatever there is to read is the end.
            poll.unregister(fd)
            took.append(time.monotonic() - began[fd])
            socks.pop(fd).close()
        if time.monotonic() - dripped >= 1:
            dripped = time.monotonic()
            for fd, sock in socks.items():
                try:
                    sock.send(hello[sent[fd] : sent[fd] + 1])
                except OSError:
                    continue  # its end is read in the next round
                sent[fd] += 1
    for sock in socks.values():
        sock.close()
    poll.close()
    return took
