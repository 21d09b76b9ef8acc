"""What keys do to a monitor's table."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.report.terminal import keys
from netecho.report.terminal.browsing import LONGEST_FILTER, Browsing, Order

NAMES = ("a", "b", "c")
EVERY_KEY = (keys.UP, keys.DOWN, keys.PAGE_UP, keys.PAGE_DOWN, keys.HOME, keys.END, keys.ENTER, keys.ESCAPE)


def after(*pressed: str, listed: tuple[str, ...] = NAMES) -> Browsing:
    browsing = Browsing()
    for key in pressed:
        browsing.press(key, listed)
    return browsing


def test_s_goes_through_the_orders_and_begins_again() -> None:
    assert [after(*"s" * times).order for times in range(5)] == [*Order, Order.WORST]


def test_p_and_space_pause_and_go_on() -> None:
    assert [after(*pressed).paused for pressed in ("", "p", " ", "p ")] == [False, True, True, False]


def test_the_selected_one_stays_within_the_list() -> None:
    assert after(keys.UP).selected == after("j").selected == "a"
    assert after("j", "j", "j", "j").selected == after(keys.END).selected == "c"
    assert after(keys.END, "k").selected == "b"
    assert after(keys.END, keys.PAGE_UP).selected == after(keys.END, keys.HOME).selected == "a"
    assert after("j", listed=()).selected is None


def test_one_that_left_the_list_is_no_longer_where_moving_begins() -> None:
    browsing = after(keys.END)
    browsing.press("j", ("x", "y"))
    assert browsing.selected == "x"


def test_enter_opens_what_is_selected_else_the_first_and_closes_it_again() -> None:
    assert after(keys.ENTER).opened == "a"
    assert after(keys.END, keys.ENTER).opened == "c"
    assert after(keys.ENTER, "j").opened == "b"
    assert after(keys.ENTER, keys.ENTER).opened is None
    assert after(keys.ENTER, keys.ESCAPE).opened is None
    assert after(keys.ENTER, listed=()).opened is None


def test_a_filter_is_typed_kept_changed_and_left() -> None:
    assert (after(*"/ab").filter, after(*"/ab").is_typing) == ("ab", True)
    typed = after(*"/qsp ", keys.ENTER)
    assert (typed.filter, typed.is_typing, typed.wants_end, typed.paused) == ("qsp ", False, False, False)
    assert after(*"/ab", keys.BACKSPACE).filter == "a"
    assert after(*"/ab", keys.ESCAPE).filter == after(*"/ab", keys.ENTER, keys.ESCAPE).filter == ""
    assert len(after("/", *"x" * 500).filter) == LONGEST_FILTER


def test_q_asks_for_the_end() -> None:
    assert not after("j", keys.ENTER).wants_end
    assert after("q").wants_end
    assert after(keys.ENTER, "q").wants_end


@given(st.lists(st.sampled_from([*EVERY_KEY, *"sp/jkx"]), max_size=30), st.lists(st.sampled_from(NAMES), unique=True))
def test_whatever_is_pressed_what_is_selected_is_known(pressed: list[str], listed: list[str]) -> None:
    browsing = after(*pressed, listed=tuple(listed))
    assert {browsing.selected, browsing.opened} <= {None, *listed}
