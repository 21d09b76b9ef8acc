"""The system's count of what a socket had no room for: known at once, and not only with the next datagram."""

from __future__ import annotations

import socket
import sys

import pytest

from netecho.net.linux import portable
from netecho.net.linux.drops import dropped

linux = pytest.mark.skipif(sys.platform != "linux", reason="SO_MEMINFO is Linux's")


def flooded() -> socket.socket:
    """A socket to which 50 datagrams were sent, more than it has room for."""
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with far:
        near.bind(("127.0.0.1", 0))
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near.setblocking(False)
        for _ in range(50):
            far.sendto(bytes(1000), near.getsockname())
    return near


@linux
def test_what_there_was_no_room_for_is_counted() -> None:
    with flooded() as near:
        counted = dropped(near)
        read = 0
        while True:
            try:
                near.recv(2000)
            except BlockingIOError:
                break
            read += 1
        assert 0 < read < 50
        assert counted == dropped(near) == 50 - read


@linux
def test_a_fresh_socket_has_dropped_nothing_and_of_a_closed_one_it_is_not_known() -> None:
    near = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert dropped(near) == 0
    near.close()
    assert dropped(near) is None


def test_a_system_that_does_not_count_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "REQUESTED", True)
    with flooded() as near:
        assert dropped(near) is None
