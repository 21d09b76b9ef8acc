"""How long a reply takes to leave, learnt from the replies before it."""

from __future__ import annotations

from netecho.net.server.egress import Egress
from netecho.units import SECOND


class TestEgress:
    def test_nothing_is_added_before_enough_is_known(self) -> None:
        egress = Egress()
        for _ in range(7):
            assert egress.asks
            egress.record(20_000)
            assert egress.least == 0
        egress.record(20_000)
        assert egress.least == 10_000

    def test_half_of_the_shortest_is(self) -> None:
        egress = Egress()
        for took in range(10_000, 50_000, 1_000):
            egress.record(took)
        egress.record(8_000)
        assert egress.least == 4_000

    def test_a_clock_that_was_set_says_nothing(self) -> None:
        egress = Egress()
        for _ in range(40):
            egress.record(-SECOND)
        assert egress.least == 0
        for _ in range(40):
            egress.record(SECOND)
        assert egress.least == 500_000

    def test_then_only_some_are_asked_for(self) -> None:
        egress = Egress()
        for _ in range(40):
            egress.record(20_000)
        assert [egress.asks for _ in range(9)] == [False] * 7 + [True] * 2
