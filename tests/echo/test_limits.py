"""Who may come in, and how often: exactly as many as allowed, and no memory that a stranger can fill."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.echo.limits import Gate, Limits, RateLimit, client_of
from netecho.units import SECOND


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("uid 0", "uid 1000", False),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


class TestGate:
    def test_so_many_in_all(self) -> None:
        gate = Gate(Limits(connections=2, per_client=None))
        assert gate.enter("a") is None
        assert gate.enter("b") is None
        assert "2 connections are open (--max-connections)" in (gate.enter("c") or "")
        gate.leave("a")
        assert gate.enter("c") is None

    def test_so_many_of_each(self) -> None:
        gate = Gate(Limits(per_client=1))
        assert gate.enter("a") is None
        assert "--max-per-client" in (gate.enter("a") or "")
        assert gate.enter("b") is None
        gate.leave("a")
        assert gate.enter("a") is None

    def test_who_is_refused_is_not_counted(self) -> None:
        gate = Gate(Limits(connections=1))
        gate.enter("a")
        for _ in range(5):
            gate.enter("b")
        assert gate.open == 1

    def test_no_limit(self) -> None:
        gate = Gate(Limits(connections=None, per_client=None))
        assert all(gate.enter("a") is None for _ in range(10_000))

    @given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=60))
    def test_it_keeps_count(self, steps: list[tuple[bool, str]]) -> None:
        gate = Gate(Limits(connections=4, per_client=2))
        inside: list[str] = []
        for entering, client in steps:
            if entering:
                allowed = len(inside) < 4 and inside.count(client) < 2
                assert (gate.enter(client) is None) is allowed
                inside += [client] * allowed
            elif client in inside:
                gate.leave(client)
                inside.remove(client)
            assert gate.open == len(inside)


class TestRateLimit:
    def test_so_many_a_second(self) -> None:
        limit = RateLimit(3, salt=0)
        limit.roll(SECOND)
        assert [limit.take("a") for _ in range(5)] == [1, 1, 1, 0, 0]
        limit.roll(2 * SECOND - 1)
        assert limit.take("a") == 0
        limit.roll(2 * SECOND)
        assert limit.take("a") == 1

    def test_each_source_has_its_own(self) -> None:
        limit = RateLimit(1, salt=0)
        assert limit.take("a") == 1
        assert limit.take("b") == 1
        assert limit.take("a") == 0

    def test_many_at_once(self) -> None:
        limit = RateLimit(10, salt=0)
        assert limit.take_many("a", 7) == 7
        assert limit.take_many("a", 7) == 3
        assert limit.take_many("a", 7) == 0

    @given(
        asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, SECOND // 2)), max_size=60),
        rate=st.sampled_from([None, 1, 3]),
    )
    def test_one_is_as_good_as_many(self, asked: list[tuple[int, int]], rate: int | None) -> None:
        one, many = RateLimit(rate, salt=5), RateLimit(rate, salt=5)
        now = 0
        for source, later in asked:
            now += later
            one.roll(now)
            many.roll(now)
            assert one.take(source) == bool(many.take_many(source, 1))

    def test_no_limit(self) -> None:
        assert RateLimit(None, salt=0).take_many("a", 1 << 40) == 1 << 40

    def test_several_processes_count_in_the_same_memory(self) -> None:
        memory = memoryview(bytearray(RateLimit.MEMORY))
        one, other = RateLimit(3, salt=7, shared=memory), RateLimit(3, salt=7, shared=memory)
        one.roll(SECOND)
        assert (one.take("a"), other.take("a"), one.take("a"), other.take("a")) == (1, 1, 1, 0)
        other.roll(2 * SECOND - 1)
        assert other.take("a") == 0
        other.roll(2 * SECOND)
        assert (other.take("a"), one.take_many("a", 5)) == (1, 2)

    def test_forged_sources_take_no_memory(self) -> None:
        limit = RateLimit(5, salt=0)
        taken = sum(limit.take(source) for source in range(RateLimit.PLACES * 8))
        # However many sources, the places are what is handed out.
        assert taken <= RateLimit.PLACES * 5
