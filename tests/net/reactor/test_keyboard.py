"""Keys of a terminal: read in the foreground alone, and the terminal's modes put back."""

from __future__ import annotations

import os
import termios
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.reactor.keyboard import Keyboard

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bench:
    """A terminal that is another's or this process's, and a reactor that knows who reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leader, self.follower = os.openpty()
        self.readers: set[Any] = set()
        self.typed: list[bytes] = []
        self.foreground = True
        self.usual = self.modes
        self.keyboard = Keyboard(self, self.follower, self.typed.append)  # type: ignore[arg-type]

        def tcgetpgrp(descriptor: int) -> int:
            assert descriptor == self.follower
            return os.getpgrp() + (not self.foreground)

        monkeypatch.setattr(os, "tcgetpgrp", tcgetpgrp)

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    @property
    def modes(self) -> list[Any]:
        return termios.tcgetattr(self.follower)

    @property
    def is_reading(self) -> bool:
        lines = bool(self.modes[3] & (termios.ICANON | termios.ECHO))
        assert bool(self.readers) is not lines
        return bool(self.readers)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(monkeypatch)
    yield bench
    bench.keyboard.release()
    os.close(bench.leader)
    os.close(bench.follower)


def test_keys_come_as_they_are_pressed_and_the_terminal_is_put_back(bench: Bench) -> None:
    bench.keyboard.take()
    assert bench.is_reading
    assert bench.modes[3] & termios.ISIG  # Ctrl-C stays a signal
    os.write(bench.leader, b"q")
    bench.keyboard.doRead()
    assert bench.typed == [b"q"]
    bench.keyboard.release()
    assert not bench.is_reading
    assert bench.modes == bench.usual
    bench.keyboard.follow()
    assert not bench.is_reading


def test_in_the_background_nothing_is_read_and_nothing_set(bench: Bench) -> None:
    bench.foreground = False
    bench.keyboard.take()
    assert not bench.is_reading
    bench.foreground = True
    bench.keyboard.follow()
    assert bench.is_reading
    bench.foreground = False
    os.write(bench.leader, b"ls")
    bench.keyboard.doRead()
    assert (bench.readers, bench.typed) == (set(), [])
    bench.keyboard.release()
    assert bench.modes != bench.usual  # whoever has it now has set it as they want it


def test_a_terminal_that_is_not_its_own_is_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def tcgetpgrp(_: int) -> int:
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(os, "tcgetpgrp", tcgetpgrp)
    bench.keyboard.take()
    assert not bench.is_reading


def test_a_terminal_that_is_hung_up_is_read_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.keyboard.take()

    def read(*_: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as hung_up:
        hung_up.setattr(os, "read", read)
        bench.keyboard.doRead()
    assert not bench.readers
