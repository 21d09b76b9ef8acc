"""What keys do to the table of a monitor: its order, what is in it, and which target is looked into."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from netecho.report.terminal import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_FILTER = 60
_PAGE = 10
_MOVES = {"k": -1, keys.UP: -1, "j": 1, keys.DOWN: 1, keys.PAGE_UP: -_PAGE, keys.PAGE_DOWN: _PAGE}


class Order(StrEnum):
    """What the targets are ordered by, in the order in which a key goes through them."""

    WORST = "worst"
    LOSS = "loss"
    DELAY = "delay"
    NAME = "name"


class Browsing:
    """What was asked for so far. Targets are known by their names, which no two share."""

    def __init__(self) -> None:
        self.order = Order.WORST
        self.paused = False
        self.filter = ""
        self.is_typing = False
        """Whether the filter is being typed."""
        self.selected: str | None = None
        self.opened: str | None = None
        self.wants_end = False

    def press(self, key: str, listed: Sequence[str]) -> None:
        """Take in a key; `listed` are the targets of the table in its order."""
        if self.is_typing:
            self._type(key)
        elif key in _MOVES:
            self._move(_MOVES[key], listed)
        elif key in (keys.HOME, keys.END):
            self._move(len(listed) if key == keys.END else -len(listed), listed)
        elif key == keys.ENTER:
            self._open(listed)
        elif key in (keys.ESCAPE, keys.BACKSPACE):
            self._back()
        else:
            self._command(key)

    def _command(self, key: str) -> None:
        if key == "q":
            self.wants_end = True
        elif key == "s":
            orders = tuple(Order)
            self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        elif key in ("p", " "):
            self.paused = not self.paused
        elif key == "/":
            self.is_typing, self.opened = True, None

    def _type(self, key: str) -> None:
        if key == keys.ENTER:
            self.is_typing = False
        elif key == keys.ESCAPE:
            self.is_typing, self.filter = False, ""
        elif key == keys.BACKSPACE:
            self.filter = self.filter[:-1]
        elif len(key) == 1:
            self.filter = (self.filter + key)[:LONGEST_FILTER]

    def _move(self, by: int, listed: Sequence[str]) -> None:
        if not listed:
            return
        if self.selected in listed:
            place = min(len(listed) - 1, max(0, listed.index(self.selected) + by))
        else:
            place = len(listed) - 1 if by >= len(listed) else 0
        self.selected = listed[place]
        if self.opened is not None:
            self.opened = self.selected

    def _open(self, listed: Sequence[str]) -> None:
        if self.opened is not None:
            self.opened = None
        elif listed:
            self.selected = self.selected if self.selected in listed else listed[0]
            self.opened = self.selected

    def _back(self) -> None:
        if self.opened is not None:
            self.opened = None
        elif self.filter:
            self.filter = ""
        else:
            self.selected = None
