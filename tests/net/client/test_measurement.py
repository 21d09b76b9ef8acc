"""A whole run over links that the test plays: what ends it, and what does not."""

from __future__ import annotations

import errno
import socket
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from netecho.errors import UnreachableError
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.net.client.job import IpOptions, Job, TlsOptions
from netecho.net.client.link import LinkContext, OpenedLink
from netecho.net.client.measurement import probe
from netecho.net.client.resolve import Address
from netecho.net.client.transports import TRANSPORTS, Transport
from netecho.net.reactor.runner import Interrupt
from netecho.target import parse_target
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.probe import Probe
    from netecho.measure.result import Result, Start
    from netecho.net.client.driver import SessionDriver

REFUSED = UnreachableError("connection refused: 127.0.0.1:7007")


class PlayedLink:
    """A link in whose socket a reply may lie; sending on it may meet an ICMP error."""

    stays_open = False

    def __init__(self, network: Network, driver: SessionDriver) -> None:
        self._network = network
        self._driver = driver
        self._replies: list[int] = []

    def send(self, probe: Probe) -> None:
        self._driver.session.sent(probe, self._driver.clock())
        if self in self._network.answered:
            self._replies.append(probe.index)
        if self is self._network.links[-1]:
            self._network.context.trouble(REFUSED, errno.ECONNREFUSED)

    def poll(self) -> None:
        while self._replies:
            self._driver.session.answered(self._replies.pop(), self._driver.clock())

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


class Network:
    """Hard errors at the last connection's probe, and replies in the sockets of those that were `answered`."""

    context: LinkContext

    def __init__(self, answered: list[int]) -> None:
        self.links: list[PlayedLink] = []
        self._answered = answered

    @property
    def answered(self) -> list[PlayedLink]:
        return [self.links[n] for n in self._answered]

    def prepare(self, context: LinkContext) -> Any:
        self.context = context

        async def open_link(driver: SessionDriver) -> OpenedLink:
            self.links.append(PlayedLink(self, driver))
            return OpenedLink(link=self.links[-1], address=Address(socket.AF_INET, ("127.0.0.1", 7007)))

        return open_link


class Silent:
    """A reporter that nobody reads."""

    follows = False

    def started(self, start: Start) -> None:
        pass

    def tell(self, event: Event) -> None:
        pass


def run(monkeypatch: pytest.MonkeyPatch, network: Network, connections: int) -> list[Any]:
    """Probe once a connection, until that has ended or a timeout would be next; the list gets how it ended."""
    monkeypatch.setitem(TRANSPORTS, "udp", Transport(socket.SOCK_DGRAM, network.prepare))
    plan = Plan(count=1, connections=connections, interval=Fraction(0), timeout=SECOND)
    job = Job(
        target=parse_target("udp://127.0.0.1:7007"),
        plan=plan,
        ip_options=IpOptions(),
        tls_options=TlsOptions(),
        settings={},
    )
    ended: list[Any] = []
    reactor: Any = Clock()
    running = Deferred.fromCoroutine(probe(reactor, Interrupt(), job, Recorder(), Silent()))
    running.addBoth(ended.append)
    return ended


@pytest.mark.parametrize("answered", [[1], [0], [0, 1]], ids=["the same", "another", "both"])
def test_a_reply_beside_a_hard_error_counts_and_the_run_is_not_ended_by_it(
    monkeypatch: pytest.MonkeyPatch, answered: list[int]
) -> None:
    """The system reports an ICMP error before it gives out what it has received."""
    network = Network(answered)
    ended = run(monkeypatch, network, 2)
    if len(answered) < 2:
        assert ended == []  # what was not answered may yet be
        return
    result: Result = ended[0]
    assert (result.summary.sent, result.summary.received) == (2, 2)


def test_a_hard_error_and_no_reply_end_the_run_with_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    (failure,) = run(monkeypatch, Network([]), 2)
    assert failure.value is REFUSED


def test_the_time_of_day_at_which_it_began_is_as_exact_as_documents_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the microsecond: events that are counted from it have the same times of day in a saved run."""
    monkeypatch.setattr("time.time_ns", lambda: 1_764_000_000_123_456_789)
    (result,) = run(monkeypatch, Network([0, 1]), 2)
    assert result.start.started == 1_764_000_000_123_456_000
