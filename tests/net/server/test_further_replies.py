"""Replies that are to come: each when it is due, and never more of them than the bounds allow."""

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from netecho.echo.reply_budget import ALL, ALL_SPENT, CLIENT, CLIENT_SPENT, ReplyBudget
from netecho.net.server.further_replies import (
    ALL_PENDING,
    CLIENT_PENDING,
    MOST,
    MOST_OF_CLIENT,
    OCTETS_OF_CLIENT,
    FurtherReplies,
)
from netecho.stamp.reply_control import LONGEST_WAIT, ReplyPlan

SECOND = 1_000_000_000
LATER = ReplyPlan(100, 2, LONGEST_WAIT)


class Far:
    def __init__(self) -> None:
        self.reactor = Clock()
        self.budget = ReplyBudget(1)
        self.replies = FurtherReplies(self.reactor, self.budget, self.now)
        self.sent: list[tuple[str, int, int]] = []

    def now(self) -> int:
        return round(self.reactor.seconds() * 1e9)

    def ask(self, client: str, plan: ReplyPlan, goes_on: bool = True) -> str | None:
        why = self.replies.take(client, plan, self.now())
        if why is None and plan.number > 1:
            self.replies.schedule(client, plan, lambda number: self._send(client, number, goes_on))
        return why

    def _send(self, client: str, number: int, goes_on: bool) -> bool:
        self.sent.append((client, number, self.now()))
        return goes_on


@pytest.fixture
def far() -> Iterator[Far]:
    far = Far()
    yield far
    far.replies.stop()
    assert far.reactor.getDelayedCalls() == []


def test_each_leaves_an_interval_after_the_one_before(far: Far) -> None:
    assert far.ask("a", ReplyPlan(100, 4, SECOND)) is None
    far.reactor.pump([0.5] * 10)
    assert far.sent == [("a", number, number * SECOND) for number in (1, 2, 3)]
    assert far.replies.pending == 0


def test_after_a_stall_they_are_not_closer_together_than_asked_for(far: Far) -> None:
    far.ask("a", ReplyPlan(100, 5, SECOND))
    far.reactor.advance(2.5)
    far.reactor.pump([0.5] * 8)
    assert [at / SECOND for _, _, at in far.sent] == [2.5, 3.5, 4.5, 5.5]


def test_a_moment_is_caught_up_with(far: Far) -> None:
    far.ask("a", ReplyPlan(100, 8, 500_000))
    far.reactor.advance(0.002)
    assert [number for _, number, _ in far.sent] == [1, 2, 3, 4]
    far.reactor.advance(0.0005)
    assert len(far.sent) == 5


def test_hundreds_of_flows_of_one_client_wait_at_once_and_no_more_than_allowed(far: Far) -> None:
    answers = [far.ask("a", LATER) for _ in range(MOST_OF_CLIENT + 1)]
    assert answers == [None] * MOST_OF_CLIENT + [CLIENT_PENDING]
    far.reactor.advance(LONGEST_WAIT / SECOND)
    far.reactor.pump([0.001] * 100)
    assert len(far.sent) == MOST_OF_CLIENT
    assert far.ask("a", LATER) is None


def test_what_one_client_may_have_pending_is_bounded_in_octets(far: Far) -> None:
    plan = ReplyPlan(8192, 256, 60 * SECOND)
    for _ in range(2):
        assert far.ask("a", plan) is None
        far.reactor.advance(1.5)
    assert 3 * plan.pending > OCTETS_OF_CLIENT
    assert far.ask("a", plan) == CLIENT_PENDING
    assert far.ask("b", plan) is None


def test_all_clients_together_are_bounded(far: Far) -> None:
    for number in range(MOST):
        assert far.ask(f"client {number // 256}", LATER) is None
    assert far.ask("one more", LATER) == ALL_PENDING
    assert far.ask("one more", ReplyPlan(100, 1)) is None


def test_a_series_ends_when_it_cannot_go_on(far: Far) -> None:
    far.ask("a", ReplyPlan(8192, 256, SECOND), goes_on=False)
    far.reactor.pump([1] * 5)
    assert [number for _, number, _ in far.sent] == [1]
    assert far.replies.pending == 0
    assert far.ask("a", ReplyPlan(8192, 250, SECOND)) is None


def test_nothing_is_sent_after_the_end(far: Far) -> None:
    far.ask("a", LATER)
    far.replies.stop()
    far.reactor.advance(LONGEST_WAIT / SECOND + 1)
    assert far.sent == []


class TestBudget:
    def test_a_client_has_its_share_of_a_second(self) -> None:
        budget = ReplyBudget(1)
        assert budget.take("a", CLIENT, 0) is None
        assert budget.take("a", 1, 0) == CLIENT_SPENT
        assert budget.take("b", 1, 0) is None
        assert budget.take("a", 1, SECOND) is None

    def test_so_have_all_together(self) -> None:
        budget = ReplyBudget(1)
        for number in range(ALL // CLIENT):
            assert budget.take(f"client {number}", CLIENT, 0) is None
        assert budget.take("one more", 1, 0) == ALL_SPENT
        assert budget.take("one more", 1, SECOND) is None

    def test_what_is_refused_is_not_counted(self) -> None:
        budget = ReplyBudget(1)
        assert budget.take("a", CLIENT - 10, 0) is None
        assert budget.take("a", 11, 0) == CLIENT_SPENT
        assert budget.take("a", 10, 0) is None

    def test_processes_with_the_same_memory_share_it(self) -> None:
        memory = memoryview(bytearray(ReplyBudget.MEMORY))
        one, two = ReplyBudget(7, memory), ReplyBudget(7, memory)
        assert one.take("a", CLIENT, 0) is None
        assert two.take("a", 1, 0) == CLIENT_SPENT
