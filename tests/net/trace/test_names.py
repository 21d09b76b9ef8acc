"""Names of addresses: looked up beside the measurement, each once, and of a bounded number of addresses."""

from __future__ import annotations

import queue
import socket
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.trace import names
from netecho.net.trace.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable


class Calls:
    """A reactor that is called from threads, and makes the calls when it is told to."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[Callable[..., object], tuple[object, ...]]] = queue.Queue()

    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> None:  # noqa: A002 - as Twisted has it
        self._waiting.put((callable, args))

    def finish(self, looked_up: Names) -> None:
        """Make all calls until nothing is looked up any more."""
        while looked_up.busy:
            call, args = self._waiting.get(timeout=30)
            call(*args)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system's resolver is asked for: it knows names of 10.0.0.0/8 alone."""
    seen: list[str] = []

    def answered(sockaddr: Any, _: int) -> tuple[str, str]:
        seen.append(sockaddr[0])
        if not sockaddr[0].startswith("10."):
            raise socket.gaierror
        return f"r{sockaddr[0].rpartition('.')[2]}.example.net", "0"

    monkeypatch.setattr("netecho.net.trace.names.socket.getnameinfo", answered)
    return seen


def test_each_address_is_looked_up_once(asked: list[str]) -> None:
    calls = Calls()
    looked_up = Names(calls)
    for address in ("10.0.0.1", "192.0.2.1", "10.0.0.1"):
        looked_up.ask(address)
    calls.finish(looked_up)
    assert sorted(asked) == ["10.0.0.1", "192.0.2.1"]
    assert looked_up.found == {"10.0.0.1": "r1.example.net"}


def test_none_is_where_none_is_wanted(asked: list[str]) -> None:
    looked_up = Names(Calls(), wanted=False)
    looked_up.ask("10.0.0.1")
    assert not looked_up.busy
    assert asked == []


def test_whoever_forges_addresses_has_a_bounded_number_looked_up(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST", 20)
    calls = Calls()
    looked_up = Names(calls)
    for n in range(50):
        looked_up.ask(f"192.0.2.{n}")
    calls.finish(looked_up)
    assert len(asked) == 20
