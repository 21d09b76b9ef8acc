"""The lane: descriptors behind one descriptor, dispatched as a reactor would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from zope.interface.verify import verifyObject

from tests.net.server.serving import House, pair

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from twisted.python.failure import Failure


class Noting:
    """A descriptor that notes what is done to it, and answers as it is told to."""

    def __init__(self, sock: socket.socket, read: Any = None, write: Any = None) -> None:
        self.sock = sock
        self.notes: list[Any] = []
        self._read, self._write = read, write

    def fileno(self) -> int:
        return self.sock.fileno()

    def logPrefix(self) -> str:
        return "noting"

    def _done(self, what: str, answer: Any) -> Any:
        self.notes.append(what)
        if isinstance(answer, ZeroDivisionError):
            raise answer
        return answer() if callable(answer) else answer

    def doRead(self) -> Any:
        return self._done("read", self._read)

    def doWrite(self) -> Any:
        return self._done("write", self._write)

    def readConnectionLost(self, reason: Failure) -> None:
        self.notes.append(("half", reason.type))

    def connectionLost(self, reason: Failure) -> None:
        self.notes.append(("lost", reason.type))


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.fdset.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = pair()
    yield one, other
    one.close()
    other.close()


def test_it_is_a_reactor_to_its_transports(house: House) -> None:
    assert verifyObject(IReactorFDSet, house.fdset)


def test_it_is_ready_when_one_of_its_own_is(house: House, ends: tuple[socket.socket, socket.socket]) -> None:
    reader = Noting(ends[0])
    house.fdset.addReader(reader)
    assert not house.is_ready()
    ends[1].send(b"x")
    assert house.is_ready()
    house.pass_()
    assert reader.notes == ["read"]


def test_only_what_is_wanted_is_told(house: House, ends: tuple[socket.socket, socket.socket]) -> None:
    both = Noting(ends[0])
    ends[1].send(b"x")
    house.fdset.addReader(both)
    house.fdset.addWriter(both)
    assert house.fdset.getReaders() == house.fdset.getWriters() == [both]
    house.pass_()
    house.fdset.removeReader(both)
    house.pass_()
    house.fdset.removeWriter(both)
    assert not house.is_ready()
    assert both.notes == ["read", "write", "write"]
    assert house.fdset.getReaders() == house.fdset.getWriters() == []


def test_wanting_twice_is_wanting_once(house: House, ends: tuple[socket.socket, socket.socket]) -> None:
    reader = Noting(ends[0])
    house.fdset.addReader(reader)
    house.fdset.addReader(reader)
    house.fdset.removeReader(reader)
    house.fdset.removeReader(reader)
    assert house.fdset.removeAll() == []


def test_everything_can_be_taken_away(house: House, ends: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = Noting(ends[0]), Noting(ends[1])
    house.fdset.addReader(reader)
    house.fdset.addWriter(writer)
    assert house.fdset.removeAll() == [reader, writer]
    assert not house.is_ready()


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (CONNECTION_DONE, ("half", ConnectionDone)),
        (CONNECTION_LOST, ("lost", ConnectionLost)),
    ],
)
def test_the_end_of_reading(
    house: House, ends: tuple[socket.socket, socket.socket], why: Exception, told: tuple[str, type]
) -> None:
    reader = Noting(ends[0], read=why)
    house.fdset.addReader(reader)
    ends[1].send(b"x")
    house.pass_()
    assert reader.notes == ["read", told]
    assert not house.is_ready()


def test_the_end_of_writing(house: House, ends: tuple[socket.socket, socket.socket]) -> None:
    writer = Noting(ends[0], write=CONNECTION_DONE)
    house.fdset.addWriter(writer)
    house.pass_()
    assert writer.notes == ["write", ("lost", ConnectionDone)]


@pytest.mark.parametrize(("wanted", "told"), [("addReader", "read"), ("addWriter", ("lost", ConnectionLost))])
def test_a_peer_that_is_gone(house: House, ends: tuple[socket.socket, socket.socket], wanted: str, told: Any) -> None:
    descriptor = Noting(ends[0], read=CONNECTION_LOST)
    getattr(house.fdset, wanted)(descriptor)
    ends[1].close()
    house.pass_()
    assert descriptor.notes[0] == told


def test_a_bug_costs_one_connection(
    house: House, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[None] = []
    monkeypatch.setattr("netecho.net.reactor.epoll_fdset.log.err", lambda: logged.append(None))
    reader = Noting(ends[0], read=ZeroDivisionError())
    house.fdset.addReader(reader)
    ends[1].send(b"x")
    house.pass_()
    assert reader.notes == ["read", ("lost", ZeroDivisionError)]
    assert len(logged) == 1


def test_one_that_is_closed_by_another_in_the_same_pass_is_left_alone(
    house: House, ends: tuple[socket.socket, socket.socket]
) -> None:
    readers: list[Noting] = []

    def close_the_other() -> None:
        for each in readers:
            if not each.notes:
                house.fdset.removeReader(each)

    readers += [Noting(end, read=close_the_other) for end in ends]
    for each in readers:
        house.fdset.addReader(each)
    ends[0].send(b"x")
    ends[1].send(b"x")
    house.pass_()
    assert sorted(len(each.notes) for each in readers) == [0, 1]
