"""What systemd hands over and what it is told; systemd is played by the test."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from netecho.errors import UsageError
from netecho.net.server.systemd import Notifier, inherited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Handover:
    """Descriptors as systemd leaves them: one after the other from a first one."""

    FIRST = 600

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.count = 0
        self.environ: dict[str, str] = {}

    def give(self, sock: socket.socket, name: str = "unknown") -> None:
        os.dup2(sock.fileno(), self.FIRST + self.count)
        sock.close()
        self.count += 1
        names = [*filter(None, [self.environ.get("LISTEN_FDNAMES")]), name]
        self.environ |= {
            "LISTEN_PID": str(os.getpid()),
            "LISTEN_FDS": str(self.count),
            "LISTEN_FDNAMES": ":".join(names),
        }

    def taken(self) -> list[tuple[str, str]]:
        bound = inherited(self.environ, self.FIRST)
        for each in bound:
            self.stack.callback(each.socket.close)
        return [(each.scheme, each.url.partition(":")[0]) for each in bound]


@pytest.fixture
def handover() -> Iterator[Handover]:
    handover = Handover()
    with handover.stack:
        yield handover


def listening(kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


def test_sockets_are_told_by_what_they_are_and_tls_by_its_name(handover: Handover, tmp_path: Path) -> None:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "s"))
    unix.listen()
    handover.give(listening())
    handover.give(listening(socket.SOCK_DGRAM))
    handover.give(listening(), name="tls")
    handover.give(unix)
    assert handover.taken() == [("tcp", "tcp"), ("udp", "udp"), ("tls", "tls"), ("unix", "unix")]


def test_the_file_of_a_unix_socket_stays_systemds(handover: Handover, tmp_path: Path) -> None:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "s"))
    unix.listen()
    handover.give(unix)
    (bound,) = inherited(handover.environ, handover.FIRST)
    assert (bound.address, bound.path) == (str(tmp_path / "s"), None)
    bound.socket.close()


def test_the_variables_are_not_passed_on(handover: Handover) -> None:
    handover.give(listening())
    handover.taken()
    assert handover.environ == {}


def test_what_is_for_another_process_is_not_taken(handover: Handover) -> None:
    handover.environ |= {"LISTEN_PID": "1", "LISTEN_FDS": "3"}
    assert handover.taken() == []


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "many"}, {"LISTEN_FDS": ""}])
def test_without_systemd_there_is_nothing(environ: dict[str, str]) -> None:
    assert inherited({"LISTEN_PID": str(os.getpid()), **environ}) == []


def wrong_connection() -> socket.socket:
    one, other = socket.socketpair()
    other.close()
    return one


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (wrong_connection, "a connection"),
        (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), "does not serve"),
    ],
)
def test_what_is_no_use(handover: Handover, make: Callable[[], socket.socket], words: str) -> None:
    handover.give(make())
    with pytest.raises(UsageError, match=words):
        handover.taken()


def test_a_descriptor_that_is_no_socket(handover: Handover) -> None:
    handover.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    with open(os.devnull) as null:  # noqa: PTH123
        os.dup2(null.fileno(), handover.FIRST)
    with pytest.raises(UsageError, match="not a socket"):
        handover.taken()
    os.close(handover.FIRST)


class Manager:
    """systemd's end of the notifications."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(address)

    def heard(self) -> Any:
        try:
            return self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return None


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Manager, str]]:
    name = str(tmp_path / "n") if request.param == "path" else f"@netecho-test-{os.getpid()}"
    manager = Manager(name.replace("@", "\0", 1))
    yield manager, name
    manager.socket.close()


def test_what_is_told(manager: tuple[Manager, str]) -> None:
    told, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("listening")
    assert told.heard() == ["READY=1", "STATUS=listening"]
    notifier.reloading()
    first, second = told.heard()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    notifier.ready()
    assert told.heard() == ["READY=1"]
    notifier.alive()
    assert told.heard() == ["WATCHDOG=1"]
    notifier.stopping()
    assert told.heard() == ["STOPPING=1"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2500000"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2500000"}, 2.5),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_when_a_sign_of_life_is_expected(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environ).watchdog == seconds


def test_nobody_there_is_nobodys_trouble() -> None:
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": "/no/such/socket"}).ready("x")
