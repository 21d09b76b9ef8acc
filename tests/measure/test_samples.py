"""Which single probes a comparison gets to see."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyDuplicated, ReplyLate, ReplyReceived, StrayReceived
from netecho.measure.samples import Samples
from netecho.measure.stats.reservoir import Reservoir
from netecho.measure.stats.variation import Variation


def kept(values: range | list[int], limit: int, seed: int = 0) -> list[int]:
    reservoir = Reservoir(limit, seed)
    for value in values:
        reservoir.add(value)
    assert reservoir.seen == len(values)
    return reservoir.ordered()


@given(st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_all_are_kept_while_there_is_room(values: list[int]) -> None:
    assert kept(values, 50) == values


@given(st.integers(1, 20), st.integers(0, 300), st.integers(0, 1000))
def test_beyond_that_so_many_in_their_order(limit: int, length: int, seed: int) -> None:
    chosen = kept(range(length), limit, seed)
    assert len(chosen) == min(limit, length)
    assert chosen == sorted(set(chosen))
    assert kept(range(length), limit, seed) == chosen


def test_every_value_has_the_same_chance() -> None:
    times = [0] * 40
    for seed in range(4000):
        for value in kept(range(40), 10, seed):
            times[value] += 1
    # Each is kept 1,000 times on average, with a deviation of 27.
    assert min(times) > 880
    assert max(times) < 1120


def test_a_long_series_is_represented_to_its_end() -> None:
    chosen = kept(range(1_000_000), 100)
    assert all(10 < sum(n // 250_000 == quarter for n in chosen) < 45 for quarter in range(4))


def reply(seq: int, rtt: int, connection: int = 0) -> ReplyReceived:
    return ReplyReceived(connection, seq, seq * 1000, lag=seq, rtt=rtt, response=rtt + seq, size=64, kernel=True)


def test_the_series_of_a_run() -> None:
    samples = Samples()
    for event in (
        reply(0, 100),
        reply(1, 130),
        EchoCorrupted(0, 2, 2000, lag=2, rtt=110, response=112, size=64, kernel=True, offset=0),
        ProbeLost(0, 3, 3000, lag=3, size=64),
        reply(4, 500),
        ReplyLate(0, 3, rtt=2000),
        ReplyDuplicated(0, 4),
        StrayReceived(0, b"hello"),
        reply(5, 490),
    ):
        samples.tell(event)
    assert samples.rtt.ordered() == [100, 130, 110, 500, 490]
    assert samples.response.ordered() == [100, 131, 112, 504, 495]
    assert samples.lag.ordered() == [0, 1, 2, 3, 4, 5]
    assert samples.lost.ordered() == [0, 0, 0, 1, 0, 0]
    assert samples.ipdv.ordered() == [30, 20, 10]


def test_neighbours_are_of_one_connection() -> None:
    samples = Samples()
    for event in (reply(0, 100, 0), reply(0, 900, 1), reply(1, 110, 0), reply(1, 980, 1)):
        samples.tell(event)
    assert samples.ipdv.ordered() == [10, 80]


@given(
    st.permutations(range(12)), st.lists(st.integers(0, 10**6), min_size=12, max_size=12), st.sets(st.integers(0, 11))
)
def test_ipdv_has_the_pairs_of_the_summary_in_whatever_order_replies_arrive(
    order: list[int], rtts: list[int], lost: set[int]
) -> None:
    samples, variation = Samples(), Variation()
    for seq in order:
        if seq not in lost:
            samples.tell(reply(seq, rtts[seq]))
            variation.replied(seq, rtts[seq])
    assert (len(samples.ipdv.ordered()), sum(samples.ipdv.ordered())) == (variation.pairs, variation.ipdv_sum)
