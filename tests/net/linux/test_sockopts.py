"""Which congestion control a load has."""

from __future__ import annotations

import contextlib
import socket

import pytest

from netecho.net.linux.sockopts import TCP_CONGESTION, prefer_loss_based


def permitted(name: bytes) -> bool:
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, name)
        return True
    return False


@pytest.mark.parametrize(("number", "wanted", "else_"), [(0, b"reno", b"cubic"), (1, b"cubic", b"reno")])
def test_connections_send_until_packets_are_dropped_by_two_in_turns(number: int, wanted: bytes, else_: bytes) -> None:
    with socket.socket() as sock:
        prefer_loss_based(sock, number)
        name = sock.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16).rstrip(b"\0")
    assert name == (wanted if permitted(wanted) else else_)
