"""A monitor under systemd, which is played by a socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from twisted.internet.task import Clock

from netecho.net.monitor.service import Service
from netecho.net.server.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Manager:
    """systemd's end, and a service."""

    def __init__(self, path: str, **environ: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(path)
        self.clock = Clock()
        self.service = Service(self.clock, Notifier({"NOTIFY_SOCKET": path, **environ}))

    def heard(self) -> list[str]:
        said = []
        while True:
            try:
                said.append(self._socket.recv(4096).decode().split("\nMONOTONIC")[0])
            except BlockingIOError:
                return said

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "n"), WATCHDOG_USEC="30000000")
    yield manager
    manager.close()


def test_it_is_told_when_targets_are_monitored_and_gives_signs_of_life(manager: Manager) -> None:
    manager.service.ready("monitoring 3 targets")
    assert manager.heard() == ["READY=1\nSTATUS=monitoring 3 targets", "WATCHDOG=1"]
    manager.clock.advance(15)
    manager.clock.advance(15)
    assert manager.heard() == ["WATCHDOG=1"] * 2
    manager.service.stop()
    assert manager.heard() == ["STOPPING=1"]
    manager.clock.advance(100)
    assert manager.heard() == []


def test_reading_the_configuration_again_is_told_whatever_becomes_of_it(manager: Manager) -> None:
    def read() -> None:
        with manager.service.reloading():
            raise ValueError

    manager.service.ready("x")
    manager.heard()
    with pytest.raises(ValueError):  # noqa: PT011 - any will do
        read()
    assert manager.heard() == ["RELOADING=1", "READY=1\nSTATUS=x"]


def test_without_a_watchdog_there_is_nothing_to_come() -> None:
    clock = Clock()
    service = Service(clock, Notifier({}))
    service.ready("x")
    assert clock.getDelayedCalls() == []
    service.stop()
