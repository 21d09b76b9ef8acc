"""In which direction a target's probes were lost: each is booked once, and no count goes back."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.loss import Directions
from netecho.monitor.directions import Located, LossDirections, Lost

ANSWERED, THERE, BACK, DROPPED_HERE, ICMP_ERROR = ".", ">", "<", "#", "!"
SLOT = 5


class Path:
    """A stateful reflector, asked each second: of each probe a letter says what becomes of it, at once."""

    def __init__(self, *, stateful: bool = True, before: int = 0) -> None:
        self.losses = LossDirections(before)
        self.stateful = stateful
        self.lost = before
        self.dropped_here = self.seconds = 0
        self.begin()

    def begin(self) -> None:
        """A new session."""
        self.directions = Directions(remembered=64)
        self.losses.begin(self.directions)
        self.sent = self.reflected = 0

    def play(self, fates: str, *, in_flight: int = 0) -> Lost:
        for fate in fates:
            number, reply = self.sent, self.reflected
            self.sent += 1
            self.reflected += fate not in (THERE, ICMP_ERROR)
            self.seconds += 1
            self.lost += fate in (THERE, BACK, ICMP_ERROR)
            self.dropped_here += fate == DROPPED_HERE
            if fate == ANSWERED:
                self.directions.replied(number, reply if self.stateful else number, stateful=self.stateful)
            before = self.losses.booked
            if fate == ICMP_ERROR:
                self.losses.explain()
            self.losses.settle(
                self.lost,
                in_flight=in_flight,
                dropped_here=self.dropped_here,
                slot_ended=self.seconds % SLOT == 0,
            )
            assert all(now >= then for now, then in zip(self.losses.booked, before, strict=True))
            assert sum(self.losses.booked) <= self.lost
            assert sum(self.losses.located) <= self.losses.booked.unknown
        return self.losses.booked


@pytest.mark.parametrize(
    ("fates", "booked"),
    [
        (".>.<.>>.", Lost(3, 1)),
        (".><.", Lost(1, 1)),
        (".#.<.", Lost(0, 1)),
        (".>", Lost()),
        (".>" + "." * 20, Lost(1)),
        (">>>." + "." * 10, Lost(3)),
        # All but what waits for a reply, which may be two slots' worth.
        ("." + "<" * 20, Lost(unknown=14)),
        ("." + "<" * 20 + ".", Lost(backward=6, unknown=14)),
        # After an outage the next loss has its own direction, not that of the outage.
        ("." + "<" * 20 + ".>.", Lost(1, 6, 14)),
        ("." + "<" * 20 + ".<.", Lost(0, 7, 14)),
        # What an ICMP error tells of is known at once, and the numbers tell of it once more.
        (".!", Lost(1)),
        ("." + "!" * 20 + ".", Lost(20)),
        (".!!.<.!>.", Lost(4, 1)),
        (".!" + ">" * 3 + ".", Lost(4)),
    ],
)
def test_what_is_booked(fates: str, booked: Lost) -> None:
    assert Path().play(fates) == booked


@pytest.mark.parametrize(
    ("fates", "located"),
    [
        ("." + "<" * 20, Located()),
        ("." + "<" * 20 + ".", Located(backward=14)),
        ("." + ">" * 20 + ".", Located(forward=14)),
        ("." + ">" * 20 + ".>.<.", Located(forward=14)),
        ("." + "<" * 20 + "." + "!" * 20 + ".", Located(backward=14)),
        ("." + ">" * 40 + "." + "<" * 40 + ".", Located(34, 33)),
        (".>.<.!.", Located()),
    ],
)
def test_what_is_told_of_losses_that_count_as_unknown_already(fates: str, located: Located) -> None:
    path = Path()
    path.play(fates)
    assert path.losses.located == located


def test_an_outage_that_another_session_ends_stays_unknown() -> None:
    path = Path()
    path.play("." + ">" * 20)
    path.begin()
    path.play("." * 20 + ">.")
    assert (path.losses.booked, path.losses.located) == (Lost(1, 0, 20), Located())


def test_an_icmp_error_of_a_session_that_is_over_takes_no_direction_from_the_next() -> None:
    path = Path()
    path.play(".!!!")
    path.begin()
    assert path.play(".>.>.") == Lost(5)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_of_more_than_there_is_room_for_each_direction_has_its_share(forward: int, backward: int, room: int) -> None:
    told = Located(forward, backward)
    part = told.shared(room)
    assert sum(part) == min(room, sum(told))
    assert min(*part, *told.minus(part)) >= 0
    assert abs(part.forward * sum(told) - forward * sum(part)) <= sum(told)


def test_a_reflector_that_does_not_number_leaves_every_loss_unknown_at_once() -> None:
    assert Path(stateful=False).play(".>.<") == Lost(unknown=2)


def test_what_was_lost_before_there_was_a_session_is_unknown_and_stays() -> None:
    assert Path(before=50).play(".>.") == Lost(1, 0, 50)


def test_another_session_goes_on_with_the_counts() -> None:
    path = Path()
    path.play(".>.<.")
    path.begin()
    assert path.play(".<.") == Lost(1, 2)


def test_a_late_reply_takes_nothing_back_and_the_next_loss_counts() -> None:
    path = Path()
    assert path.play(".<.") == Lost(0, 1)
    path.directions.replied(1, 1, late=True)
    path.losses.settle(path.lost, in_flight=0)
    assert path.losses.booked == Lost(0, 1)
    assert path.play("<.") == Lost(0, 2)


def test_what_is_in_flight_may_be_what_the_numbers_tell_of() -> None:
    path = Path()
    path.play(".")
    path.sent += 1  # not answered, and not given up yet
    path.play(".", in_flight=1)
    path.lost += 1
    path.losses.settle(path.lost, in_flight=0)
    assert path.losses.booked == Lost(1)


@given(st.lists(st.sampled_from([ANSWERED * 3, "<.", ">.", "#.", "!.", "<>.", ">>>.", "!>.", "<<<<"]), max_size=30))
def test_between_replies_that_are_near_every_direction_is_known(parts: list[str]) -> None:
    fates = ANSWERED + "".join(parts).replace("<<<<", "<<<.") + ANSWERED
    there = fates.count(THERE) + fates.count(ICMP_ERROR)
    assert Path().play(fates) == Lost(there, fates.count(BACK))


@given(
    st.lists(
        st.tuples(st.sampled_from([ANSWERED, THERE, BACK, DROPPED_HERE, ICMP_ERROR]), st.integers(1, 30)), max_size=20
    )
)
def test_whatever_happens_the_counts_make_up_the_whole_within_two_slots(parts: list[tuple[str, int]]) -> None:
    path = Path()
    path.play("".join(fate * count for fate, count in parts))
    path.play(ANSWERED * 2 * SLOT)
    assert sum(path.losses.booked) == path.lost


@given(st.lists(st.tuples(st.sampled_from([ANSWERED, THERE, BACK, ICMP_ERROR]), st.integers(1, 30)), max_size=20))
def test_once_replies_come_again_every_direction_is_known(parts: list[tuple[str, int]]) -> None:
    fates = ANSWERED + "".join(fate * count for fate, count in parts) + ANSWERED
    path = Path()
    path.play(fates)
    booked, located = path.losses.booked, path.losses.located
    there = fates.count(THERE) + fates.count(ICMP_ERROR)
    assert (booked.forward + located.forward, booked.backward + located.backward) == (there, fates.count(BACK))
    assert booked.unknown == sum(located)
