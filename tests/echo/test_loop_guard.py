"""Which datagrams get no answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from netecho.echo.loop_guard import ANSWER_TTL, HOPS, LARGEST_ALLOWANCE, MOST_ENDPOINTS, QUIET, LoopGuard, refusal
from netecho.units import SECOND

FAMILY = {"echo": 7, "discard": 9, "systat": 11, "daytime": 13, "qotd": 17, "chargen": 19, "time": 37}


@pytest.mark.parametrize("port", [*FAMILY.values(), 53, 69, 123, 862, 7007, 7862, 0])
def test_services_that_answer_whatever_comes(port: int) -> None:
    assert refusal(port, 64, 9000) is not None


def test_a_server_on_the_same_port_as_ours() -> None:
    assert refusal(9000, 64, 9000) is not None
    assert refusal(9001, 64, 9000) is None


@given(st.integers(0, HOPS))
def test_an_answer_is_known_by_its_ttl_wherever_it_comes_from(hops: int) -> None:
    assert refusal(40000, ANSWER_TTL - hops, 9000) is not None


@given(st.sampled_from([32, 64, 128, 255]), st.integers(0, HOPS))
def test_whoever_sends_as_systems_do_is_answered(initial: int, hops: int) -> None:
    assert refusal(40000, initial - hops, 9000) is None


def test_where_the_ttl_is_not_known_the_port_decides() -> None:
    assert refusal(40000, None, 9000) is None
    assert refusal(7, None, 9000) is not None


class Peer:
    """What one endpoint sends, and what a guarded server answers."""

    def __init__(self, guard: LoopGuard | None = None, endpoint: str = "192.0.2.1:9999") -> None:
        self.guard = LoopGuard(1) if guard is None else guard
        self.guard.roll(1)
        self.endpoint = endpoint
        self.answers = 0

    def sends(self, data: bytes, answer: bytes | None = None) -> bool:
        """Whether it is answered."""
        if self.guard.is_busy(self.endpoint) and not self.guard.permits(self.endpoint, data):
            return False
        self.guard.answered(self.endpoint, data if answer is None else answer)
        self.answers += 1
        return True

    def loops(self, *forged: bytes, most: int = 100_000) -> int:
        """Return each answer, as an echo does, until there are none; how many were answered."""
        on_their_way = list(forged)
        for _ in range(most):
            if not on_their_way:
                return self.answers
            data = on_their_way.pop(0)
            if self.sends(data):
                on_their_way.append(data)
        raise AssertionError("a loop")


class TestLoopGuard:
    def test_one_forged_packet_makes_fewer_than_a_hundred(self) -> None:
        assert Peer().loops(b"forged") <= 48

    @pytest.mark.parametrize("count", [2, 5, 40, 200])
    def test_several_at_once_end_as_well(self, count: int) -> None:
        Peer().loops(*(b"%d" % number for number in range(count)))

    @pytest.mark.parametrize("count", [2, 5, 20])
    def test_also_the_same_many_times(self, count: int) -> None:
        assert Peer().loops(*[b"same"] * count) <= count * (LARGEST_ALLOWANCE + 2)

    def test_a_loop_over_seconds_ends(self) -> None:
        peer = Peer()
        for turn in range(200):
            peer.guard.roll(turn * SECOND // 40)  # forty turns a second
            if not peer.sends(b"slow"):
                break
        assert peer.answers < 100

    def test_forging_again_gains_no_more_than_the_allowance(self) -> None:
        peer = Peer()
        for number in range(20):
            before = peer.answers
            peer.loops(b"forged %d" % number)
            assert peer.answers - before <= LARGEST_ALLOWANCE + QUIET + 1

    @given(st.lists(st.binary(min_size=8, max_size=100), unique=True, min_size=100, max_size=300))
    def test_new_payloads_are_all_answered(self, payloads: list[bytes]) -> None:
        peer = Peer()
        assert all(peer.sends(data) for data in payloads)

    def test_a_sender_of_new_payloads_is_answered_at_any_rate_and_soon_not_looked_at(self) -> None:
        peer = Peer()
        for number in range(50_000):
            assert peer.sends(number.to_bytes(8, "big") * 8)
        assert not peer.guard.is_busy(peer.endpoint)
        peer.guard.roll(2 * SECOND)
        assert all(peer.sends(number.to_bytes(9, "big")) for number in range(5_000))

    def test_a_sender_of_the_same_again_and_again_loses_few(self) -> None:
        peer = Peer()
        lost = [number for number in range(20_000) if not peer.sends(b"ping")]
        assert len(lost) <= 30
        assert all(later - earlier > 1 for earlier, later in itertools.pairwise(lost))

    def test_a_slow_one_loses_none(self) -> None:
        peer = Peer()
        for second in range(100):
            peer.guard.roll(second * SECOND)
            assert all(peer.sends(b"ping") for _ in range(QUIET))

    def test_a_reflector_of_stamp_that_answers_echoes_falls_silent(self) -> None:
        peer, packet = Peer(), bytes(range(44))
        for number in range(1000):
            if not peer.sends(packet):
                break
            # RFC 8762 section 4.3: its number and time, and those of the packet it answers.
            own = number.to_bytes(4, "big") + (number * 7919).to_bytes(8, "big")
            packet = own + bytes(12) + packet[:12] + bytes(8)
        assert peer.answers <= 48

    def test_in_text_mode_what_was_said_is_what_comes_back(self) -> None:
        peer, data = Peer(), b"forged"
        for _ in range(1000):
            said = b"You sent: " + data
            if not peer.sends(data, said[: len(data)]):
                break
            data = said[: len(data)]
        assert peer.answers <= 50

    def test_others_do_not_push_a_loop_out(self) -> None:
        looping = Peer()
        others = [Peer(looping.guard, f"192.0.2.{number}:1") for number in range(MOST_ENDPOINTS - 1)]
        for turn in range(1000):
            if not looping.sends(b"loop"):
                break
            for other in others:
                other.sends(b"%d" % turn)
        assert looping.answers < 100

    def test_many_are_counted_as_one_by_one(self) -> None:
        guard = LoopGuard(1)
        guard.roll(1)
        assert guard.busy_ones({1: QUIET, 2: QUIET + 1}) == {2}
        assert guard.busy_ones({1: 1}) == {1}
