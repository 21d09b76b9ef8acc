"""The direct dispatch: an event goes to whom it was for."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.linux import sockopts
from netecho.net.reactor.epoll import _made

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not sockopts.LINUX, reason="epoll is Linux's")


class Reader:
    """Reads nothing, and counts how often it was asked to."""

    def __init__(self, sock: socket.socket) -> None:
        self.fileno = sock.fileno
        self.reads = 0
        self.then: Callable[[], None] = lambda: None

    def doRead(self) -> None:
        self.reads += 1
        self.then()

    def logPrefix(self) -> str:
        return "reader"


def test_what_happened_to_a_closed_descriptor_is_not_told_to_the_next_one_of_its_number() -> None:
    """Both have something to read. Whichever is first closes the other, and a new one takes its number over."""
    reactor: Any = _made()
    successors: list[Reader] = []

    def replaced(old: Reader) -> Callable[[], None]:
        def replace() -> None:
            reactor.removeReader(old)
            os.dup2(silent.fileno(), old.fileno())  # closes what had the number
            successors.append(Reader(next(each for each in ends if each.fileno() == old.fileno())))
            reactor.addReader(successors[-1])

        return replace

    with ExitStack() as stack:
        (a, a_peer), (b, b_peer), (silent, silent_peer) = (socket.socketpair() for _ in range(3))
        ends = (a, a_peer, b, b_peer, silent, silent_peer)
        for each in ends:
            stack.enter_context(each)
        first, second = Reader(a), Reader(b)
        first.then, second.then = replaced(second), replaced(first)
        for reader, peer in ((first, a_peer), (second, b_peer)):
            reactor.addReader(reader)
            peer.send(b"x")
        reactor.doPoll(0)
        assert first.reads + second.reads == 1
        assert [each.reads for each in successors] == [0]
        reactor.removeAll()
