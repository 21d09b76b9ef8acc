"""The budget of load: for each client, for all of them, and fair."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.echo.load_budget import ALL, MOST_CLIENTS, WINDOW, LoadBudget, LoadLimits
from netecho.units import SECOND

LIMITS = LoadLimits(bytes=1000, time=10 * SECOND)


def begun(*clients: str) -> LoadBudget:
    budget = LoadBudget(LIMITS)
    assert [budget.begin(client, 0) for client in clients] == [None] * len(clients)
    return budget


def test_a_client_gets_its_bytes_and_no_more() -> None:
    budget = begun("a")
    assert [budget.take("a", 600) for _ in range(3)] == [600, 400, 0]
    assert "--load-bytes" in (budget.begin("a", 1) or "")


def test_nobody_takes_more_than_is_left_for_the_others() -> None:
    clients = [f"c{n}" for n in range(10)]
    budget = begun(*clients)
    got = [budget.take(client, 10**9) for client in clients]
    assert sum(got) <= ALL * LIMITS.bytes
    assert got[:3] == [1000, 1000, 1000]
    assert all(later > 0 for later in got[:8])


def test_a_client_that_asks_for_little_at_a_time_gets_no_more_than_one_that_asks_for_all() -> None:
    budget, other = begun("a", "b", "c", "d"), begun("a", "b", "c", "d")
    for each in (budget, other):
        for client in "abc":
            each.take(client, 1000)
    assert sum(budget.take("d", 7) for _ in range(1000)) == other.take("d", 10**9)


def test_time_counts_once_however_many_transfers_are_under_way() -> None:
    budget = begun("a", "a")
    assert budget.time_left("a", 4 * SECOND) == 6 * SECOND
    budget.end("a", 4 * SECOND)
    budget.end("a", 6 * SECOND)
    assert budget.time_left("a", 9 * SECOND) == 4 * SECOND
    assert budget.begin("a", 9 * SECOND) is None
    assert "--load-time" in (budget.begin("a", 13 * SECOND) or "")


def test_after_the_window_it_is_whole_again_and_what_is_under_way_stays_counted() -> None:
    budget = begun("a", "b")
    budget.take("a", 1000)
    budget.end("a", 1)
    assert budget.begin("a", WINDOW) is None
    assert budget.take("a", 1000) == 1000
    budget.end("b", WINDOW + SECOND)
    assert budget.time_left("b", WINDOW + SECOND) == 9 * SECOND


def test_the_memory_is_bounded() -> None:
    budget = LoadBudget(LIMITS)
    refused = [budget.begin(str(n), 0) for n in range(MOST_CLIENTS + 5)]
    assert sum(each is not None for each in refused) >= 5


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, WINDOW // 5)), max_size=40))
def test_the_time_of_all_is_the_sum_of_each(steps: list[tuple[str, bool, int]]) -> None:
    limit = 10 * WINDOW
    budget = LoadBudget(LoadLimits(time=limit))
    began: dict[str, list[int]] = {}  # of each transfer under way, or of the window's begin
    spent, now, window = 0, 0, WINDOW
    for client, begins, later in steps:
        now += later
        if begins:
            if now >= window:
                spent, window = 0, now + WINDOW
                began = {name: [now] * len(each) for name, each in began.items()}
            assert budget.begin(client, now) is None
            began.setdefault(client, []).append(now)
        elif began.get(client):
            budget.end(client, now)
            first, *others = began[client]
            began[client] = [first] * len(others)
            spent += 0 if others else now - first
        every = spent + sum(now - each[0] for each in began.values() if each)
        assert budget.time_left("another", now) == min(limit, (ALL * limit - every) // 2)
