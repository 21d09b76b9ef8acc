"""Work in slices: nobody's turn is lost, and no pass of the reactor is longer than a slice and a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.net.server.turns import SLICE, Turns

if TYPE_CHECKING:
    from collections.abc import Callable

TURN = SLICE // 4


class Passes:
    """A reactor that passes when it is told to, and whose clock goes on only as turns take their time."""

    def __init__(self) -> None:
        self.spent = 0
        self.taken: list[str] = []
        self._calls: list[Callable[[], None]] = []
        reactor: Any = self
        self.turns = Turns(reactor, lambda: self.spent)

    def callLater(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds == 0
        self._calls.append(call)

    def turn(self, name: str, times: int = 1) -> None:
        """Queue work of so many turns."""

        def take() -> None:
            self.spent += TURN
            self.taken.append(name)
            if times > 1:
                self.turn(name, times - 1)

        self.turns.add(take)

    def pass_(self) -> int:
        """One pass: how long it took."""
        before = self.spent
        calls, self._calls = self._calls, []
        for call in calls:
            call()
        return self.spent - before


def test_a_pass_ends_after_a_slice_and_the_rest_follows_in_order() -> None:
    passes = Passes()
    for name in "abcdefghij":
        passes.turn(name)
    assert [passes.pass_() for _ in range(4)] == [SLICE, SLICE, 2 * TURN, 0]
    assert "".join(passes.taken) == "abcdefghij"


def test_work_without_end_leaves_the_others_their_turn() -> None:
    passes = Passes()
    passes.turn("flood", 1000)
    passes.turn("one")
    passes.pass_()
    assert passes.taken[1] == "one"
