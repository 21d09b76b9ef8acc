"""Limits that hold for several processes together: exactly, and also when one of them was killed."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.echo.limits import Gate, Limits
from netecho.net.server.shared_limits import SharedLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

SALT = bytes(16)


@pytest.fixture
def shared() -> Iterator[SharedLimits]:
    limits = SharedLimits(Limits(connections=4, per_client=2), 3, SALT)
    yield limits
    limits.close()


def test_all_workers_count_against_one_limit(shared: SharedLimits) -> None:
    gates = [shared.gate(worker) for worker in range(3)]
    assert [gates[number % 3].enter(f"192.0.2.{number}") for number in range(4)] == [None] * 4
    assert gates[0].enter("192.0.2.9") == "4 connections are open (--max-connections)"
    gates[1].leave("192.0.2.1")
    assert gates[2].enter("192.0.2.9") is None


def test_a_client_counts_at_whatever_worker_it_is(shared: SharedLimits) -> None:
    one, two, three = (shared.gate(worker) for worker in range(3))
    assert one.enter("a") is None
    assert two.enter("a") is None
    assert three.enter("a") == "2 connections of this client are open (--max-per-client)"
    one.leave("a")
    assert three.enter("a") is None


def test_handshakes_at_all_workers_count_against_one_share(shared: SharedLimits) -> None:
    one, two = shared.gate(0), shared.gate(1)
    assert [one.enter("a", handshake=True), two.enter("b", handshake=True)] == [None, None]
    assert two.enter("c", handshake=True) == "2 TLS handshakes are under way (half of --max-connections)"
    assert two.enter("c") is None
    one.end_handshake()
    assert two.enter("d", handshake=True) is None


def test_what_a_worker_held_that_was_killed_is_free_again(shared: SharedLimits) -> None:
    one, two = shared.gate(0), shared.gate(1)
    assert [one.enter("a"), one.enter("b"), one.enter("b"), two.enter("a")] == [None] * 4
    shared.clear(0)
    assert shared.open == 1
    assert [two.enter("a"), two.enter("b"), two.enter("b")] == [None] * 3
    assert two.enter("a") is not None


def test_it_is_seen_by_who_opens_the_same_file(shared: SharedLimits) -> None:
    other = SharedLimits(shared.limits, 3, SALT, os.dup(shared.descriptor))
    other.gate(1).enter("a")
    shared.rate.roll(1)
    other.rate.roll(1)
    assert (shared.open, shared.rate.take_many("a", 30_000), other.rate.take_many("a", 30_000)) == (1, 30_000, 20_000)
    other.close()


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.sampled_from("abcdefgh")), max_size=80),
    st.sampled_from([None, 1, 4, 40]),
    st.sampled_from([None, 1, 3]),
)
def test_it_lets_in_whom_one_process_would(
    steps: list[tuple[bool, int, str]], connections: int | None, per_client: int | None
) -> None:
    limits = Limits(connections=connections, per_client=per_client)
    shared, gate = SharedLimits(limits, 3, SALT), Gate(limits)
    opened: list[tuple[int, str]] = []
    for entering, worker, client in steps:
        if entering:
            refused = gate.enter(client)
            assert shared.gate(worker).enter(client) == refused
            opened += [(worker, client)] * (refused is None)
        elif (worker, client) in opened:
            gate.leave(client)
            shared.gate(worker).leave(client)
            opened.remove((worker, client))
        assert shared.open == gate.open
    shared.close()


def test_many_clients_that_come_and_go_need_no_more_room() -> None:
    shared = SharedLimits(Limits(connections=40, per_client=1), 2, SALT)
    gate = shared.gate(0)
    for number in range(5_000):
        assert gate.enter(str(number)) is None
        if number >= 30:
            gate.leave(str(number - 30))
    shared.close()


def _enter_and_leave(descriptor: int, limits: Limits, worker: int, most: multiprocessing.Queue[int]) -> None:
    shared = SharedLimits(limits, 4, SALT, descriptor)
    gate = shared.gate(worker)
    seen = 0
    for number in range(2_000):
        if gate.enter("a") is None:
            seen = max(seen, shared.open)
            if number % 3:
                os.sched_yield()
            gate.leave("a")
    most.put(seen)


def test_processes_that_race_for_the_last_place_never_get_more() -> None:
    limits = Limits(connections=3, per_client=3)
    shared = SharedLimits(limits, 4, SALT)
    context = multiprocessing.get_context("fork")
    most: multiprocessing.Queue[int] = context.Queue()
    processes = [
        context.Process(target=_enter_and_leave, args=(shared.descriptor, limits, worker, most)) for worker in range(4)
    ]
    for process in processes:
        process.start()
    assert max(most.get() for _ in processes) <= 3
    for process in processes:
        process.join()
    assert shared.open == 0
    shared.close()
