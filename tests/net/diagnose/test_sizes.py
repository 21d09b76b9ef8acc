"""Which sizes are said not to pass, and what became of an echo that did not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netecho.diagnose.finding import CHECKS
from netecho.diagnose.services import parse_services
from netecho.measure.loss_reason import LossReason
from netecho.net.client.reflected_control import Arrived, Asked
from netecho.net.diagnose.battery import Battery, DiagnoseOptions
from netecho.net.diagnose.sizes import TRIES, Datagrams, fate_of_echo
from netecho.stamp.control import Obedience

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.diagnose.mtu_search import Tried
    from netecho.net.client.reflected_control import ReflectedControl
    from netecho.net.reactor.interfaces import Reactor

ICMP = "ICMP fragmentation needed from 192.0.2.1, path MTU 1400"


@pytest.mark.parametrize(
    ("size", "reason", "detail", "interface_mtu", "fate"),
    [
        (1401, LossReason.TOO_LARGE, ICMP, 1500, "refused"),
        # The system remembers what it was told, and refuses by itself.
        (1401, LossReason.TOO_LARGE, "message too long", 1500, "refused"),
        (1500, LossReason.TOO_LARGE, "message too long", 1500, "refused"),
        (1501, LossReason.TOO_LARGE, "message too long", 1500, "local"),
        (1401, LossReason.TOO_LARGE, "message too long", None, "local"),
        (1401, LossReason.TIMEOUT, "", 1500, "vanished"),
    ],
)
def test_whether_a_router_or_this_hosts_interface_refuses_a_size_is_told_apart(
    size: int, reason: LossReason, detail: str, interface_mtu: int | None, fate: str
) -> None:
    assert fate_of_echo(size, reason, detail, interface_mtu).fate == fate


class Control:
    """As much of the socket to a reflector as its sizes are asked of."""

    least = 112


class Asking(Datagrams):
    """A direction in which a size passes in its n-th time, from 0, if that is so."""

    def __init__(self, passes: Callable[[int, int], bool]) -> None:
        options = DiagnoseOptions(services=parse_services("host"), checks=frozenset(CHECKS))
        battery = Battery(cast("Reactor", MemoryReactorClock()), options)
        super().__init__(battery, cast("ReflectedControl", Control()), headers=28, wait=0)
        self.passes = passes
        self.asked: list[int] = []

    async def ask(self, size: int) -> Asked:
        """Answer, or not."""
        self.asked.append(size)
        if not self.passes(size, self.asked.count(size) - 1):
            return Asked(size, 1, None, (), 0, ())
        reply = Arrived(0, 1000, size, 0, 64, 0, 64)
        return Asked(size, 1, Obedience.AS_ASKED, (reply,), 0, ())


def fates(way: Datagrams, *sizes: int) -> dict[int, str]:
    found: list[dict[int, Tried]] = []
    Deferred.fromCoroutine(way.fates(sizes)).addCallback(found.append)
    return {size: tried.fate for size, tried in found[0].items()}


def test_a_size_that_does_not_pass_while_the_smallest_does_has_vanished() -> None:
    way = Asking(lambda size, _: size < 1400)
    assert fates(way, 1000, 1500) == {1000: "passed", 1500: "vanished"}
    assert way.asked.count(1500 - 28) == TRIES


def test_a_time_in_which_nothing_comes_through_says_nothing_of_sizes() -> None:
    """This machine stands still for as long as four packets are waited for."""
    assert fates(Asking(lambda _, n: n > 3), 1400, 1500) == {1400: "passed", 1500: "passed"}


def test_where_nothing_ever_does_it_is_over_some_time() -> None:
    assert fates(Asking(lambda *_: False), 1500) == {1500: "vanished"}
