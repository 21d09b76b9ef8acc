"""Errors that a send reports: of a datagram sent before, which says nothing of this one, or of this one."""

from __future__ import annotations

import errno
import os
import socket
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.task import Clock

from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.datagram import DatagramLink
from netecho.net.client.driver import SessionDriver
from netecho.net.client.loss import LinkError
from netecho.net.client.resolve import Address
from netecho.net.linux.timestamp_cmsg import ORIGIN_ICMP, QueuedError
from netecho.net.reactor.timer import Timer
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.errors import NetechoError


class Bench:
    """A link whose socket gives these errors, one a send, and then takes what it is given."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.taken: list[bytes] = []
        self.trouble: list[str] = []
        self.met_last: NetechoError | None = None
        self.clock = Clock()
        self.recorder = Recorder()
        plan = Plan(count=1, interval=Fraction(MILLISECOND), timeout=SECOND)
        self.session = Session(plan, self.recorder)
        driver = SessionDriver(Timer(self.clock, clock=self.now), self.session)
        address = Address(socket.AF_INET, ("192.0.2.1", 7))
        self.link = DatagramLink(driver, Payloads(plan), address, self.met)
        port: Any = SimpleNamespace(socket=self, timestamps=None, pending_tx=None, connected=True)
        self.link.port = port
        driver.start(self.link, self.now())

    def now(self) -> int:
        return round(self.clock.seconds() * 1e9)

    def met(self, error: NetechoError, number: int | None) -> None:
        self.met_last = error
        self.trouble.append(errno.errorcode[number or 0])

    def send(self, data: bytes) -> None:
        if self.errors:
            raise OSError(number := self.errors.pop(0), os.strerror(number))
        self.taken.append(data)


def test_who_refused_is_told_beside_that_it_was() -> None:
    """A diagnosis tells a router's refusal from the far end's by it."""
    bench = Bench()
    refusal = QueuedError(errno.ECONNREFUSED, ORIGIN_ICMP, 3, 3, 0, "10.0.0.9")
    bench.link.port = cast("Any", SimpleNamespace(timestamps=SimpleNamespace(error=refusal)))
    assert bench.link.report_queued_error()
    error = bench.met_last
    assert isinstance(error, LinkError)
    assert error.sentence == "connection refused: 192.0.2.1:7"
    assert error.why == Loss(LossReason.REFUSED, "ICMP port unreachable from 10.0.0.9")


# What Linux makes of ICMP and ICMPv6 errors (icmp_err_convert, icmpv6_err_convert).
BY_ICMP = [
    *(errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENOPROTOOPT, errno.EPROTO, errno.EOPNOTSUPP),
    *(errno.ENETUNREACH, errno.ENONET, errno.EACCES, errno.EMSGSIZE),
]


@pytest.mark.parametrize("number", BY_ICMP, ids=errno.errorcode.get)
def test_an_error_of_an_earlier_datagram_is_reported_and_this_one_is_sent(number: int) -> None:
    bench = Bench(number)
    assert len(bench.taken) == 1
    assert bench.trouble == [errno.errorcode[number]]
    assert bench.recorder.summary().lost == 0


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EACCES], ids=errno.errorcode.get)
def test_an_error_that_is_there_again_is_of_this_one(number: int) -> None:
    bench = Bench(number, number)
    assert bench.taken == []
    assert bench.trouble == [errno.errorcode[number]]
    assert bench.recorder.summary().lost == 1


@pytest.mark.parametrize("first", BY_ICMP, ids=errno.errorcode.get)
def test_further_errors_of_earlier_ones_may_come_between_two_sends(first: int) -> None:
    bench = Bench(first, errno.ECONNREFUSED, errno.EHOSTUNREACH)
    assert len(bench.taken) == 1
    assert bench.trouble == [errno.errorcode[first], "ECONNREFUSED", "EHOSTUNREACH"]
    assert bench.recorder.summary().lost == 0


def test_a_flood_of_errors_has_no_datagram_tried_for_ever() -> None:
    bench = Bench(*[errno.ECONNREFUSED] * 1000)
    assert bench.taken == []
    assert len(bench.errors) >= 990
    assert bench.recorder.summary().lost == 1


def test_other_errors_are_of_this_one_at_once() -> None:
    bench = Bench(errno.ENOBUFS)
    assert bench.taken == []
    assert bench.recorder.summary().lost == 1
