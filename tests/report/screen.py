"""A terminal for tests: what stands on the screen after everything that was written to it."""

from __future__ import annotations

import re
from io import StringIO

_TOKEN = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]+")
_BEGUN = re.compile(r"\x1b(\[[?0-9;]*)?")


class Terminal(StringIO):
    """Knows what a live view uses of ECMA-48, and no more: it fails on anything else."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = [""]
        self._row = 0
        self._column = 0
        self._cursor = True
        self._normal: tuple[list[str], int, int] | None = None
        """The normal screen and its cursor, while the alternate one is shown."""
        self._begun = ""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """The lines, without blanks at their ends, and without blank lines at the end."""
        return "\n".join(line.rstrip() for line in self._lines).rstrip().split("\n")

    @property
    def at_rest(self) -> bool:
        """Whether the cursor stands at the beginning of a line, and nothing is left switched off."""
        return self._column == 0 and self._cursor and self._normal is None

    def write(self, text: str) -> int:
        text, position = self._begun + text, 0
        self._begun = ""
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None and _BEGUN.fullmatch(text, position):
                self._begun = text[position:]  # the rest of it is still to come
                break
            assert token is not None, f"no terminal knows {text[position:]!r}"
            self._take(token)
            position = token.end()
        return super().write(text)

    def _take(self, token: re.Match[str]) -> None:
        whole, (private, number, final) = token[0], token.groups()
        line = self._lines[self._row]
        if whole == "\r":
            self._column = 0
        elif whole == "\n":
            # As the line discipline has it, a new line begins at the left.
            self._row, self._column = self._row + 1, 0
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif final is None:
            self._lines[self._row] = (
                line[: self._column].ljust(self._column) + whole + line[self._column + len(whole) :]
            )
            self._column += len(whole)
        elif (private, final) == ("", "A"):
            assert self._row >= int(number), "above the top of the screen"
            self._row -= int(number)
        elif (private, number, final) == ("", "2", "K"):
            self._lines[self._row] = ""
        elif (private, final) == ("", "H"):
            row, _, column = number.partition(";")
            self._row, self._column = int(row or 1) - 1, int(column or 1) - 1
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif (private, number) == ("?", "25"):
            self._cursor = final == "h"
        elif (private, number, final) == ("?", "1049", "h"):
            self._normal = self._lines, self._row, self._column
            self._lines, self._row, self._column = [""], 0, 0
        elif (private, number, final) == ("?", "1049", "l"):
            assert self._normal is not None
            self._lines, self._row, self._column = self._normal
            self._normal = None
        else:
            assert (private, final) == ("", "m"), f"no terminal here knows {whole!r}"
