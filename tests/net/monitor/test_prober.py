"""One probe for `/probe`: it is over when its timeout is, whatever it waits for, and when its reply is in."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.net.client.link import OpenedLink
from netecho.net.client.resolve import Address
from netecho.net.client.transports import TRANSPORTS, Transport
from netecho.net.monitor.prober import probe_once
from netecho.target import parse_target
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe
    from netecho.measure.result import Result
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.link import LinkContext

WHERE = Address(socket.AF_INET, ("192.0.2.1", 7))


class SlowLink:
    """A link that is had, and on which a reply comes, so many seconds later."""

    stays_open = True

    def __init__(self, peer: SlowPeer, driver: SessionDriver) -> None:
        self._peer = peer
        self._driver = driver

    def send(self, probe: Probe) -> None:
        self._driver.session.sent(probe, self._driver.clock())
        self._peer.clock.callLater(self._peer.reply, self._answer, probe.index)

    def _answer(self, index: int) -> None:
        self._driver.session.answered(index, self._driver.clock())
        self._driver.pump()

    def poll(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def close(self) -> None:
        self._peer.closed = True


class SlowPeer:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, opening: float, reply: float) -> None:
        self.clock = Clock()
        self.opening, self.reply = opening, reply
        self.closed = False
        self.ended: list[tuple[Result | None, int]] = []
        monkeypatch.setitem(TRANSPORTS, "tcp", Transport(socket.SOCK_STREAM, self.prepare))
        settings = TargetSettings(
            name="slow", target=parse_target("tcp://192.0.2.1:7"), probing=ProbeSettings(timeout=5 * SECOND)
        )
        reactor: Any = self.clock
        Deferred.fromCoroutine(probe_once(reactor, settings)).addCallback(self.ended.append)

    def prepare(self, _: LinkContext) -> Any:
        async def open_link(driver: SessionDriver) -> OpenedLink:
            opened: Deferred[None] = Deferred()
            self.clock.callLater(self.opening, opened.callback, None)
            await opened
            return OpenedLink(SlowLink(self, driver), WHERE, connect=1)

        return open_link

    def pass_time(self, seconds: int) -> None:
        self.clock.pump([1] * seconds + [0, 0])

    def outcome(self) -> Result:
        (result, _), *_ = self.ended
        assert result is not None
        return result


@pytest.mark.parametrize("opening", [4, 60], ids=["each phase within it", "no connection"])
def test_a_probe_is_given_up_when_its_timeout_is_over_whatever_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, opening: int
) -> None:
    peer = SlowPeer(monkeypatch, opening=opening, reply=4)
    peer.pass_time(4)
    assert not peer.ended
    peer.pass_time(1)
    assert peer.outcome().summary.received == 0
    assert peer.closed is (opening == 4)


def test_a_probe_is_over_with_its_reply_and_no_duplicate_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = SlowPeer(monkeypatch, opening=1, reply=2)
    peer.pass_time(3)
    assert peer.outcome().summary.received == 1
    assert peer.closed
    assert not peer.clock.getDelayedCalls()
