"""Which transports answer: what was silent is tried again, before anything is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netecho.diagnose.finding import CHECKS
from netecho.diagnose.services import parse_services
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.loss import LinkError
from netecho.net.diagnose.battery import Battery, DiagnoseOptions
from netecho.net.diagnose.services import LOST_SYN, measure
from tests.diagnose.observations import losing, run, schedule

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run
    from netecho.net.reactor.interfaces import Reactor
    from netecho.target import Target


class Answering(Battery):
    """A battery to which services answer only when they are waited for this long; and nobody else does."""

    patience = 0
    scheme = ""

    async def measure(self, target: Target, **plan: Any) -> Run:
        """Answer, or be silent as a port is that a firewall drops."""
        if target.scheme == self.scheme and plan["timeout"] >= self.patience:
            return run(schedule(1, 6))
        if target.is_stream:
            raise LinkError("no connection", None, Loss(LossReason.TIMEOUT))
        return run(losing(schedule(1, 6), lambda _: True))


def played(host: str, scheme: str, patience: int) -> tuple[Battery, Outcome]:
    options = DiagnoseOptions(services=parse_services(host), checks=frozenset(CHECKS))
    battery = Answering(cast("Reactor", MemoryReactorClock()), options)
    battery.scheme, battery.patience = scheme, patience
    outcomes: list[Outcome] = []
    Deferred.fromCoroutine(measure(battery)).addCallback(outcomes.append)
    return battery, outcomes[0]


@pytest.mark.parametrize("scheme", ["tcp", "udp", "stamp"])
def test_where_all_are_silent_each_is_tried_again_and_for_longer(scheme: str) -> None:
    battery, _ = played("192.0.2.1", scheme, LOST_SYN)
    assert [each.target.scheme for each in battery.reached if each.answer == "echo"] == [scheme]


def test_what_is_silent_to_the_end_is() -> None:
    battery, _ = played("192.0.2.1", "", 0)
    assert {each.answer for each in battery.reached} == {"silent"}
