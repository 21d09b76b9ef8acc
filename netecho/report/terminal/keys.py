"""Keys, from the bytes that a terminal sends for them (ECMA-48, as xterm and its kin have it)."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END = "up", "down", "page up", "page down", "home", "end"
ENTER, ESCAPE, BACKSPACE = "enter", "escape", "backspace"

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])")
_SEQUENCES = {
    "\x1b[A": UP,
    "\x1b[B": DOWN,
    "\x1bOA": UP,
    "\x1bOB": DOWN,
    "\x1b[5~": PAGE_UP,
    "\x1b[6~": PAGE_DOWN,
    "\x1b[H": HOME,
    "\x1b[F": END,
    "\x1bOH": HOME,
    "\x1bOF": END,
    "\x1b[1~": HOME,
    "\x1b[4~": END,
    "\x1b[7~": HOME,
    "\x1b[8~": END,
}
_SINGLE = {"\r": ENTER, "\n": ENTER, "\x1b": ESCAPE, "\x7f": BACKSPACE, "\b": BACKSPACE}


class Keys:
    """Takes bytes in as they come, and yields a name for each key, or the character that it types."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def taken(self, data: bytes) -> Iterator[str]:
        """Yield the keys; those without a meaning are left out.

        A terminal sends a sequence at once: an escape that nothing follows is the key of that name.
        """
        text = self._decoder.decode(data)
        at = 0
        while at < len(text):
            sequence = _SEQUENCE.match(text, at)
            if sequence is not None:
                at = sequence.end()
                if sequence[0] in _SEQUENCES:
                    yield _SEQUENCES[sequence[0]]
                continue
            letter = text[at]
            at += 1
            if letter in _SINGLE:
                yield _SINGLE[letter]
            elif letter.isprintable():
                yield letter
