"""A whole server on a reactor that stands still: silent connections end on time, whoever else is connected."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred

from netecho.echo.events import Disconnected
from netecho.echo.limits import Limits
from netecho.net.server.process import Server
from netecho.net.server.settings import ServerSettings
from netecho.net.server.sockets import BoundSocket
from netecho.units import MILLISECOND
from tests.net.server.serving import StillReactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.echo.events import ServerEvent

IDLE = 300 * MILLISECOND
LOOK = 0.05


class Played:
    """A server, and its clients."""

    def __init__(self, stack: ExitStack) -> None:
        self.reactor = StillReactor()
        reactor: Any = self.reactor
        self.events: list[ServerEvent] = []
        self._stack = stack
        self._listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=200))
        self._listening.setblocking(False)
        settings = ServerSettings(limits=Limits(idle=IDLE))
        bound = [BoundSocket("tcp", self._listening)]
        self.server = Server(reactor, settings, bound, None, self.events.append, self.now)
        Deferred.fromCoroutine(self.server.start())

    def now(self) -> int:
        return round(self.reactor.seconds() * 1e9)

    def connect(self) -> socket.socket:
        client = self._stack.enter_context(socket.create_connection(self._listening.getsockname()))
        self.read()
        return client

    def read(self) -> None:
        for reader in list(self.reactor.readers):
            reader.doRead()

    def stop(self) -> None:
        stopped = Deferred.fromCoroutine(self.server.stop())
        while not stopped.called:
            self.reactor.advance(LOOK)
            self.read()


@pytest.fixture
def played() -> Iterator[Played]:
    with ExitStack() as stack:
        made = Played(stack)
        yield made
        made.stop()


@pytest.mark.parametrize("others", [0, 100])
def test_a_silent_connection_is_ended_two_looks_after_its_time_at_most(played: Played, others: int) -> None:
    played.connect()
    talking = [played.connect() for _ in range(others)]
    look = LOOK + 1e-4 * (others + 1)
    ended: list[float] = []
    while not ended and played.reactor.seconds() < 10:
        for client in talking:
            client.send(b"x")
        played.read()
        played.reactor.advance(look)
        played.read()
        ended += [played.reactor.seconds() for event in played.events if isinstance(event, Disconnected)]
    assert [event.reason for event in played.events if isinstance(event, Disconnected)] == ["idle"]
    assert 0.3 <= ended[0] <= 0.3 + 3 * look
