"""Both ways on one socket, against the reflector's own: what is asked for, and which reply is of which way."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, cast

import pytest

from netecho.net.client.job import IpOptions
from netecho.net.client.resolve import Address
from netecho.net.linux import run_clock
from netecho.net.server.settings import ReflectorSettings
from netecho.net.trace.flow_socket import FlowSocket
from netecho.stamp.return_sender import ReturnSender
from netecho.trace.payloads import StampPayloads
from netecho.trace.plan import Plan
from netecho.trace.reverse import Reverse
from netecho.trace.session import Session
from tests.net.server.serving import StillReactor
from tests.net.server.test_stamp import UNSURE, Mirror, host, mirror

if TYPE_CHECKING:
    from netecho.net.reactor.interfaces import Reactor

__all__ = ["host", "mirror"]  # fixtures
PLAN = Plan(rounds=1, max_hops=2)


class Both:
    """A flow with its way back to a mirror on this machine, one hop away."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        start = run_clock.now()
        self.session = Session(PLAN, [StampPayloads(UNSURE.encode(), None)], start, mirror.host)
        address = Address(mirror.family, mirror.socket.getsockname())
        reactor = cast("Reactor", StillReactor())
        self.flow = FlowSocket(reactor, self.session, 0, address, IpOptions(), run_clock.now, errors=True)
        self.reverse = Reverse(PLAN, [ReturnSender(UNSURE.encode(), None, 9)], start, mirror.host)
        self.flow.reverse = self.reverse
        self.session.is_beside = self.reverse.is_ours

    def turn(self, *, answered: bool = True) -> None:
        """Send what is due of both ways, and read what comes."""
        now = run_clock.now()
        for due in self.session.due(now):
            self.flow.send(due, time.time_ns())
        for ask in self.reverse.due(now):
            self.flow.send_back(ask, time.time_ns())
        if answered:
            self.mirror.listener.doRead()
        self.flow.doRead()


def test_each_reply_is_of_the_way_that_it_was_asked_for(mirror: Mirror) -> None:
    both = Both(mirror)
    with contextlib.closing(both.flow):
        both.turn()
        there = both.session.result()
        assert [(hop.kind, hop.addresses) for hop in there.hops] == [("target", (mirror.host,))]
        both.turn()
        back = both.reverse.result()
        assert back.state == "traced"
        assert back.trace is not None
        assert [(hop.kind, hop.addresses) for hop in back.trace.hops] == [("target", (mirror.host,))]
        assert (back.trace.hops[0].rtt.max or 0) > 0
        assert (both.session.result().foreign, both.session.result().late) == (0, 0)


def test_an_error_about_a_request_of_the_way_back_is_no_forgery(mirror: Mirror) -> None:
    both = Both(mirror)
    with contextlib.closing(both.flow):
        both.turn()
        mirror.listener.stop()
        mirror.socket.close()
        both.turn(answered=False)
        assert (both.session.result().foreign, both.session.result().late) == (0, 0)


@pytest.mark.parametrize("symmetrical", [False, True])
def test_a_far_end_that_may_not_is_known_by_its_first_reply(host: str, symmetrical: bool) -> None:
    settings = ReflectorSettings(symmetrical=symmetrical)
    with contextlib.closing(Mirror(host, reflector_settings=settings)) as mirror:
        both = Both(mirror)
        with contextlib.closing(both.flow):
            both.turn()
            assert both.reverse.result().state == ("unknown" if symmetrical else "traced")
