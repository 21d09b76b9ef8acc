"""Descriptors behind one descriptor, dispatched as a reactor would."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from zope.interface.verify import verifyObject

from netecho.net.reactor.epoll_fdset import EpollFDSet
from netecho.net.reactor.interfaces import for_twisted
from netecho.units import SECOND
from tests.net.server.serving import ServerParts, StillReactor, pair

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from twisted.python.failure import Failure


class Noting:
    """A descriptor that notes what is done to it, and answers as it is told to."""

    def __init__(self, sock: socket.socket, read: Any = None, write: Any = None) -> None:
        self.sock = sock
        self.notes: list[Any] = []
        self.read: Any = read
        self._write = write

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
        return self._done("read", self.read)

    def doWrite(self) -> Any:
        return self._done("write", self._write)

    def readConnectionLost(self, reason: Failure) -> None:
        self.notes.append(("half", reason.type))

    def connectionLost(self, reason: Failure) -> None:
        self.notes.append(("lost", reason.type))


@pytest.fixture
def parts() -> Iterator[ServerParts]:
    parts = ServerParts()
    yield parts
    parts.fdset.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = pair()
    yield one, other
    one.close()
    other.close()


def test_it_is_a_reactor_to_its_transports(parts: ServerParts) -> None:
    assert verifyObject(IReactorFDSet, parts.fdset)


def test_it_is_ready_when_one_of_its_own_is(parts: ServerParts, ends: tuple[socket.socket, socket.socket]) -> None:
    reader = Noting(ends[0])
    parts.fdset.addReader(reader)
    assert not parts.is_ready()
    ends[1].send(b"x")
    assert parts.is_ready()
    parts.pass_()
    assert reader.notes == ["read"]


def test_only_what_is_wanted_is_told(parts: ServerParts, ends: tuple[socket.socket, socket.socket]) -> None:
    both = Noting(ends[0])
    ends[1].send(b"x")
    parts.fdset.addReader(both)
    parts.fdset.addWriter(both)
    assert parts.fdset.getReaders() == parts.fdset.getWriters() == [both]
    parts.pass_()
    parts.fdset.removeReader(both)
    parts.pass_()
    parts.fdset.removeWriter(both)
    assert not parts.is_ready()
    assert both.notes == ["read", "write", "write"]
    assert parts.fdset.getReaders() == parts.fdset.getWriters() == []


def test_wanting_twice_is_wanting_once(parts: ServerParts, ends: tuple[socket.socket, socket.socket]) -> None:
    reader = Noting(ends[0])
    parts.fdset.addReader(reader)
    parts.fdset.addReader(reader)
    parts.fdset.removeReader(reader)
    parts.fdset.removeReader(reader)
    assert parts.fdset.removeAll() == []


def test_everything_can_be_taken_away(parts: ServerParts, ends: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = Noting(ends[0]), Noting(ends[1])
    parts.fdset.addReader(reader)
    parts.fdset.addWriter(writer)
    assert parts.fdset.removeAll() == [reader, writer]
    assert not parts.is_ready()


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (CONNECTION_DONE, ("half", ConnectionDone)),
        (CONNECTION_LOST, ("lost", ConnectionLost)),
    ],
)
def test_the_end_of_reading(
    parts: ServerParts, ends: tuple[socket.socket, socket.socket], why: Exception, told: tuple[str, type]
) -> None:
    reader = Noting(ends[0], read=why)
    parts.fdset.addReader(reader)
    ends[1].send(b"x")
    parts.pass_()
    assert reader.notes == ["read", told]
    assert not parts.is_ready()


def test_the_end_of_writing(parts: ServerParts, ends: tuple[socket.socket, socket.socket]) -> None:
    writer = Noting(ends[0], write=CONNECTION_DONE)
    parts.fdset.addWriter(writer)
    parts.pass_()
    assert writer.notes == ["write", ("lost", ConnectionDone)]


@pytest.mark.parametrize(("wanted", "told"), [("addReader", "read"), ("addWriter", ("lost", ConnectionLost))])
def test_a_peer_that_is_gone(
    parts: ServerParts, ends: tuple[socket.socket, socket.socket], wanted: str, told: Any
) -> None:
    descriptor = Noting(ends[0], read=CONNECTION_LOST)
    getattr(parts.fdset, wanted)(descriptor)
    ends[1].close()
    parts.pass_()
    assert descriptor.notes[0] == told


def test_a_bug_costs_one_connection(
    parts: ServerParts, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[None] = []
    monkeypatch.setattr("netecho.net.reactor.epoll_fdset.log.err", lambda: logged.append(None))
    reader = Noting(ends[0], read=ZeroDivisionError())
    parts.fdset.addReader(reader)
    ends[1].send(b"x")
    parts.pass_()
    assert reader.notes == ["read", ("lost", ZeroDivisionError)]
    assert len(logged) == 1


def test_one_that_is_closed_by_another_in_the_same_pass_is_left_alone(
    parts: ServerParts, ends: tuple[socket.socket, socket.socket]
) -> None:
    readers: list[Noting] = []

    def close_the_other() -> None:
        for each in readers:
            if not each.notes:
                parts.fdset.removeReader(each)

    readers += [Noting(end, read=close_the_other) for end in ends]
    for each in readers:
        parts.fdset.addReader(each)
    ends[0].send(b"x")
    ends[1].send(b"x")
    parts.pass_()
    assert sorted(len(each.notes) for each in readers) == [0, 1]


class TestManyAreReady:
    """A pass ends after some time, whoever is ready, and the next one begins with those that had no turn."""

    @pytest.fixture
    def readers(self) -> Iterator[list[Noting]]:
        pairs = [pair() for _ in range(100)]
        for _, other in pairs:
            other.send(b"x")
        yield [Noting(one) for one, _ in pairs]
        for one, other in pairs:
            one.close()
            other.close()

    def test_a_pass_ends_and_nobody_is_passed_over(self, readers: list[Noting]) -> None:
        now = 0

        def takes_long() -> None:
            nonlocal now
            now += SECOND

        fdset = EpollFDSet(for_twisted(StillReactor()), lambda: now)
        with contextlib.closing(fdset):
            for reader in readers:
                reader.read = takes_long
                fdset.addReader(reader)
            fdset.doRead()
            turns = sum(len(reader.notes) for reader in readers)
            assert 0 < turns < len(readers)
            for _ in range(-(-len(readers) // turns)):
                fdset.doRead()
            assert all(reader.notes for reader in readers)
            assert max(len(reader.notes) for reader in readers) <= 2

    def test_all_have_their_turn_in_one_pass_where_it_is_short(self, readers: list[Noting]) -> None:
        ticks = itertools.count(step=1000)
        with contextlib.closing(EpollFDSet(for_twisted(StillReactor()), lambda: next(ticks))) as fdset:
            for reader in readers:
                fdset.addReader(reader)
            fdset.doRead()
            assert all(reader.notes for reader in readers)

    def test_it_says_whether_there_are_many(self, readers: list[Noting]) -> None:
        crowded: list[bool] = []
        fdset = EpollFDSet(for_twisted(StillReactor()), lambda: 0 if not crowded else SECOND)
        with contextlib.closing(fdset):
            for reader in readers:
                reader.read = lambda: crowded.append(fdset.is_crowded)
                fdset.addReader(reader)
            fdset.doRead()
            for reader in readers[3:]:
                fdset.removeReader(reader)
            fdset.doRead()
        assert crowded[0]
        assert crowded[-3:] == [False] * 3
