"""Messages read into the same memory, held against what Python's own `recvmsg` makes of them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.net.linux import sockopts
from netecho.net.linux.cmsg import control_messages
from netecho.net.linux.recvmsg import Entries, Message
from netecho.net.linux.timestamping import SocketTimestamps
from tests.net.linux.ancillary import laid_out

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not sockopts.LINUX, reason="the layout is Linux's")


@pytest.fixture
def near() -> Iterator[socket.socket]:
    """A socket that is its own far end, and does not wait."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        sock.setblocking(False)
        yield sock


def test_it_is_what_recvmsg_says(near: socket.socket) -> None:
    near.setsockopt(socket.IPPROTO_IP, sockopts.IP_RECVTTL, 1)
    near.setsockopt(socket.IPPROTO_IP, sockopts.IP_RECVTOS, 1)
    message = Message(100, 256)
    for payload in (b"hello", b"", bytes(range(100))):
        near.send(payload)
        near.send(payload)
        assert message.receive(near.fileno(), 100) == len(payload)
        data, ancillary, _, _ = near.recvmsg(100, 256)
        assert (bytes(message.data[: len(payload)]), message.ancillary()) == (data, ancillary)
        assert len(ancillary) == 2


def test_no_more_is_taken_than_there_is_room_for_or_was_asked_for(near: socket.socket) -> None:
    message = Message(8, 64)
    for asked, came in ((100, 8), (3, 3)):
        near.send(b"0123456789")
        assert message.receive(near.fileno(), asked) == came
    assert message.data == b"01234567"


def test_where_nothing_waits_what_came_before_stays(near: socket.socket) -> None:
    near.setsockopt(socket.IPPROTO_IP, sockopts.IP_RECVTTL, 1)
    message = Message(100, 256)
    near.send(b"hello")
    message.receive(near.fileno(), 100)
    before = bytes(message.data), message.ancillary()
    assert message.receive(near.fileno(), 100) == -1
    assert (bytes(message.data), message.ancillary()) == before


def test_errors_are_those_of_recvmsg(near: socket.socket) -> None:
    message, entries = Message(100, 64), Entries(2, 64)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        near.connect(gone.getsockname())
    near.send(b"to nobody")
    with pytest.raises(ConnectionRefusedError):
        message.receive(near.fileno(), 100)
    near.close()
    for receive in (message.receive, entries.receive):
        with pytest.raises(OSError, match="Bad file descriptor"):
            receive(near.fileno(), 0)


def test_an_error_queue_is_taken_as_far_as_there_is_room(near: socket.socket) -> None:
    assert SocketTimestamps.enable(near) is not None
    for _ in range(5):
        near.send(b"stamped")
    entries = Entries(2, 256)
    seen = []
    while came := entries.receive(near.fileno(), sockopts.MSG_ERRQUEUE):
        assert came <= 2
        seen += [[kind for _, kind, _ in entries.ancillary(index)] for index in range(came)]
    assert seen == [[sockopts.SO_TIMESTAMPING, sockopts.IP_RECVERR]] * 5


MESSAGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100), st.binary(max_size=40)), max_size=5)


@given(MESSAGES)
def test_control_messages_are_found_one_after_the_other(messages: list[tuple[int, int, bytes]]) -> None:
    assert control_messages(laid_out(messages)) == messages


@given(st.binary(max_size=100))
def test_whatever_lies_there_is_read_to_the_end(control: bytes) -> None:
    assert len(control_messages(control)) <= len(control) // 12
