"""An echo finds its probe whatever a stream does to boundaries, and a network to datagrams."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from netecho.measure.matching import HUNTED, DatagramMatcher, Match, StreamMatcher, alike, first_difference
from netecho.measure.payload import MARK_SIZE, Payloads
from netecho.measure.plan import Pattern, Plan

PATTERNS: list[Pattern] = ["random", "zeros", "counter"]


def payloads(**settings: Any) -> Payloads:
    return Payloads(Plan(seed=1, **settings))


def stream(given: Payloads, issued: int, first: int = 0) -> StreamMatcher:
    return StreamMatcher(given, first, lambda: issued)


def datagrams(given: Payloads, outstanding: list[int], issued: int) -> DatagramMatcher:
    return DatagramMatcher(given, dict.fromkeys(outstanding), lambda: issued)


def flip(data: bytes, *places: int) -> bytes:
    changed = bytearray(data)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)


# Payloads


@pytest.mark.parametrize("pattern", PATTERNS)
@given(size=st.integers(0, 2000), index=st.integers(0, 2**40))
def test_a_payload_has_its_size_and_is_the_same_when_asked_again(pattern: Pattern, size: int, index: int) -> None:
    of = payloads(pattern=pattern, sizes=(size,))
    assert len(of.of(index)) == size == of.size(index)
    assert of.of(index) == of.of(index)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_marked_payload_says_which_probe_it_is(pattern: Pattern) -> None:
    of = payloads(pattern=pattern, sizes=(MARK_SIZE,))
    assert of.claimed(of.of(123456789)) == 123456789


def test_another_runs_mark_is_not_ours() -> None:
    stale = Payloads(Plan(seed=2)).of(3)
    assert payloads().claimed(stale) is None


def test_patterns_fill_what_the_mark_leaves() -> None:
    assert payloads(pattern="zeros").of(1)[MARK_SIZE:] == bytes(64 - MARK_SIZE)
    assert payloads(pattern="counter", sizes=(600,)).of(1)[MARK_SIZE:] == bytes(n % 256 for n in range(MARK_SIZE, 600))


def test_what_the_user_gives_is_sent_as_it_is() -> None:
    of = payloads(payload=b"hello", sizes=(5,))
    assert of.of(0) == of.of(99) == b"hello"


# Comparing


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_first_difference_is_where_the_two_part(one: bytes, other: bytes) -> None:
    at = first_difference(one, other)
    if at is None:
        assert one == other
    else:
        assert one[:at] == other[:at]
        assert one[at : at + 1] != other[at : at + 1]


def test_likeness_counts_the_bytes_in_place() -> None:
    assert alike(b"", b"") == 1
    assert alike(b"abcd", b"abcd") == 1
    assert alike(b"abcd", b"abXd") == 0.75
    assert alike(b"ab", b"abcd") == 0.5


# Streams


@given(st.data())
def test_replies_are_found_whatever_their_boundaries(data: st.DataObject) -> None:
    sizes = tuple(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=5)))
    of = payloads(sizes=sizes)
    whole = b"".join(of.of(n) for n in range(10))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))) | {0, len(whole)})
    matcher = stream(of, 10)
    found = [m for a, b in pairwise(cuts) for m in matcher.feed(whole[a:b])]
    assert found == [Match(n, None) for n in range(10)]


def test_a_whole_reply_is_known_at_a_glance_and_anything_else_is_not() -> None:
    of = payloads()
    matcher = stream(of, 4)
    assert matcher.whole(of.of(0)) is None, "not before it is known where the echo begins"
    assert list(matcher.feed(of.of(0))) == [Match(0, None)]
    assert [matcher.whole(of.of(1)) for _ in range(2)] == [1, 1], "asking consumes nothing"
    matcher.skip(2)
    assert matcher.whole(of.of(3)) is None
    assert matcher.whole(of.of(2)[:63]) is None
    assert list(matcher.feed(of.of(2)[:63])) == []
    assert matcher.whole(of.of(3)) is None
    assert list(matcher.feed(of.of(2)[63:])) == [Match(2, None)]
    assert matcher.whole(of.of(3)) == 3
    assert matcher.whole(of.of(4)) is None, "nobody is owed it"


@given(st.integers(0, 639), st.integers(1, 64))
def test_a_wrong_byte_is_found_at_its_offset_and_spoils_no_other_reply(place: int, cut: int) -> None:
    of = payloads()
    echoed = flip(b"".join(of.of(n) for n in range(10)), place)
    matcher = stream(of, 10)
    found = [m for at in range(0, 640, cut) for m in matcher.feed(echoed[at : at + cut])]
    assert found == [Match(n, place % 64 if n == place // 64 else None) for n in range(10)]


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50), st.booleans())
def test_a_banner_is_told_apart_from_the_echo_that_follows(banner: bytes, cut: int, sent_before: bool) -> None:
    of = payloads()
    issued = [2 if sent_before else 0]
    matcher = StreamMatcher(of, 0, lambda: issued[0])
    found: list[Match | bytes] = []
    for at in range(0, len(banner), cut):
        found += matcher.feed(banner[at : at + cut])
    issued[0] = 2
    found += matcher.feed(of.of(0) + of.of(1))
    assert [m for m in found if isinstance(m, Match)] == [Match(0, None), Match(1, None)]
    assert b"".join(m for m in found if isinstance(m, bytes)) == banner


@pytest.mark.parametrize("size", [10, 64, 300])
def test_a_wrong_first_reply_is_its_own_and_spoils_no_other(size: int) -> None:
    of, issued = payloads(), [1]
    matcher = StreamMatcher(of, 0, lambda: issued[0])
    assert list(matcher.feed(b"?" * size, 5)) == []
    issued[0] = 2
    found = list(matcher.feed(of.of(1), 7))
    assert found[-1] == Match(1, None)
    expected: dict[int, list[Match | bytes]] = {
        10: [b"?" * 10],
        64: [Match(0, 0)],
        300: [b"?" * 236, Match(0, 0)],
    }
    assert found[:-1] == expected[size]


def test_where_no_mark_follows_position_decides_at_last() -> None:
    matcher = stream(payloads(), 1)
    assert list(matcher.feed(b"?" * 63, 5)) == []
    assert not matcher.undecided
    assert list(matcher.decide()) == []
    assert list(matcher.feed(b"?", 6)) == []
    assert matcher.undecided
    assert list(matcher.decide()) == [Match(0, 0)]
    assert matcher.received_at == 6


def test_bytes_that_came_before_a_probe_was_sent_do_not_answer_it() -> None:
    issued = [1]
    matcher = StreamMatcher(payloads(), 0, lambda: issued[0])
    assert list(matcher.feed(b"?" * 128, 5)) == []
    issued[0] = 2
    assert list(matcher.decide()) == [Match(0, 0), b"?" * 64]


PIECES = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=90),
        st.tuples(st.sampled_from(["echo", "wrong", "part", "send"]), st.integers(0, 9)),
        st.just("decide"),
    ),
    max_size=30,
)


@given(PIECES, st.sampled_from([1, 8, 12, 64]), st.booleans())
def test_every_byte_is_accounted_for_once_whatever_a_server_says(pieces: list[Any], size: int, given: bool) -> None:
    of = payloads(sizes=(size,), **({"payload": b"x" * size} if given else {}))
    issued = [1]
    matcher = StreamMatcher(of, 0, lambda: issued[0])
    fed, accounted, answered = 0, 0, []
    for piece in pieces:
        found: list[Match | bytes] = []
        if piece == "decide":
            found += matcher.decide()
        elif isinstance(piece, tuple) and piece[0] == "send":
            issued[0] += piece[1]
        else:
            data = piece if isinstance(piece, bytes) else of.of(piece[1])
            if isinstance(piece, tuple) and piece[0] == "wrong":
                data = flip(data, piece[1] % size)
            if isinstance(piece, tuple) and piece[0] == "part":
                data = data[: max(1, piece[1])]
            fed += len(data)
            found += matcher.feed(data)
        accounted += sum(of.size(each.number) if isinstance(each, Match) else len(each) for each in found)
        answered += [each.number for each in found if isinstance(each, Match)]
    held, _, cut = matcher.close()
    assert accounted + len(held) + cut == fed
    assert answered == sorted(set(answered)), "each probe is answered once, in the order of sending"
    assert all(number < issued[0] for number in answered)


def test_a_server_that_only_talks_is_not_kept_in_memory() -> None:
    matcher = stream(payloads(), 1)
    shown = sum(len(m) for _ in range(100) for m in matcher.feed(bytes(HUNTED)) if isinstance(m, bytes))
    assert shown > 98 * HUNTED


def test_bytes_nobody_is_owed_are_given_back_as_they_are() -> None:
    of = payloads()
    assert list(stream(of, 1).feed(of.of(0) + b"more")) == [Match(0, None), b"more"]


def test_reading_is_bounded_by_what_the_next_reply_lacks() -> None:
    of = payloads()
    matcher = stream(of, 1)
    assert matcher.wanted == 64
    list(matcher.feed(of.of(0)[:5]))
    assert matcher.wanted == 59
    list(matcher.feed(of.of(0)[5:20]))
    assert matcher.wanted == 44
    list(matcher.feed(of.of(0)[20:]))
    assert matcher.wanted == 0


def test_a_new_connection_begins_with_the_first_probe_sent_on_it() -> None:
    of = payloads()
    assert list(stream(of, 8, first=7).feed(of.of(7))) == [Match(7, None)]


# Datagrams


@pytest.mark.parametrize("pattern", PATTERNS)
@given(st.permutations(range(8)))
def test_datagrams_are_matched_in_any_order(pattern: Pattern, order: list[int]) -> None:
    of = payloads(pattern=pattern)
    matcher = datagrams(of, list(range(8)), 8)
    assert [matcher.match(of.of(n)) for n in order] == [Match(n, None) for n in order]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(st.integers(0, 63))
def test_an_altered_datagram_is_found_by_its_likeness_wherever_it_was_altered(pattern: Pattern, place: int) -> None:
    of = payloads(pattern=pattern)
    matcher = datagrams(of, [3], 8)
    assert matcher.match(flip(of.of(3), place)) == Match(3, place)


@given(st.integers(0, 63), st.integers(0, 20))
def test_an_altered_random_datagram_is_told_from_all_that_are_out(place: int, index: int) -> None:
    of = payloads()
    assert datagrams(of, list(range(21)), 21).match(flip(of.of(index), place)) == Match(index, place)


def test_an_altered_copy_of_an_answered_datagram_is_found_too() -> None:
    of = payloads()
    assert datagrams(of, [9], 10).match(flip(of.of(4), 7)) == Match(4, 7)


@pytest.mark.parametrize("length", [12, 20, 63])
def test_a_cut_datagram_is_corrupt_where_it_ends(length: int) -> None:
    of = payloads()
    assert datagrams(of, [0, 1], 2).match(of.of(1)[:length]) == Match(1, length)


def test_a_lengthened_datagram_is_corrupt_where_it_should_have_ended() -> None:
    of = payloads()
    assert datagrams(of, [0, 1], 2).match(of.of(1) + b"!") == Match(1, 64)


@given(st.binary(max_size=100))
def test_rubbish_is_nobodys_echo(data: bytes) -> None:
    assert datagrams(payloads(), list(range(20)), 20).match(data) is None


def test_a_probe_that_was_never_sent_is_not_answered() -> None:
    of = payloads()
    assert datagrams(of, [0], 1).match(of.of(5)) is None


@pytest.mark.parametrize("size", [1, 2, 8, MARK_SIZE - 1])
def test_short_payloads_are_matched_by_their_low_octets(size: int) -> None:
    of = payloads(sizes=(size,))
    matcher = datagrams(of, [997, 998, 999], 1000)
    assert [matcher.match(of.of(n)) for n in (998, 997, 999)] == [Match(998, None), Match(997, None), Match(999, None)]


def test_a_short_duplicate_is_the_newest_probe_with_these_octets() -> None:
    of = payloads(sizes=(1,))
    assert datagrams(of, [], 1000).match(of.of(990)) == Match(990, None)


def test_given_payloads_are_taken_in_the_order_of_sending() -> None:
    of = payloads(payload=b"hello", sizes=(5,))
    assert datagrams(of, [4, 5, 6], 7).match(b"hello") == Match(4, None)
    assert datagrams(of, [], 7).match(b"hello") == Match(6, None)
    assert datagrams(of, [4], 7).match(b"hallo") == Match(4, 1)
