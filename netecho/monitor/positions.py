"""Where the keys and values of a TOML document stand, for messages that point at them: tomllib does not say.

The document has been read by tomllib before, so its syntax is right, and this only walks along it (TOML 1.0). What it
cannot follow has no position, and is looked up at what it is a part of.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys, and indices of arrays."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r'[ \t]*("(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+)[ \t]*')
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")


class Place(NamedTuple):
    """Both count from 1; the column in characters."""

    line: int
    column: int


class Positions:
    """The places of a document's keys and values."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        """How many tables each array of tables has so far."""
        self._walk()

    def key(self, path: Path) -> Place:
        """Return where a key stands, or what it is in."""
        return self._place(self._keys, path)

    def value(self, path: Path) -> Place:
        """Return where a value stands, or what it is in."""
        return self._place(self._values, path)

    def _place(self, places: dict[Path, int], path: Path) -> Place:
        while path and path not in places:
            path = path[:-1]
        offset = places.get(path, 0)
        start = self._text.rfind("\n", 0, offset) + 1
        return Place(self._text.count("\n", 0, offset) + 1, offset - start + 1)

    def _walk(self) -> None:
        text, at = self._text, 0
        table: Path = ()
        while (at := _skip(text, at)) < len(text):
            before = at
            if text[at] == "[":
                table, at = self._header(at)
            else:
                at = self._pair(table, at)
            if at == before:
                return

    def _header(self, at: int) -> tuple[Path, int]:
        """Take in `[a.b]` or `[[a.b]]`; return the path of the table, and where it ends."""
        text, is_array = self._text, self._text.startswith("[[", at)
        names, end = _dotted(text, at + 1 + is_array)
        path: Path = ()
        for n, (name, _) in enumerate(names):
            path = (*path, name)
            if is_array and n == len(names) - 1:
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                self._keys.setdefault(path, at)
                path = (*path, self._arrays[path] - 1)
            self._keys.setdefault(path, at)
            self._values.setdefault(path, at)
        newline = text.find("\n", end)
        return path, len(text) if newline < 0 else newline

    def _pair(self, table: Path, at: int) -> int:
        """Take in `key = value`; return where it ends."""
        names, at = _dotted(self._text, at)
        path = table
        for name, offset in names:
            path = (*path, name)
            self._keys.setdefault(path, offset)
        return self._value(path, _skip(self._text, at + 1))

    def _value(self, path: Path, at: int) -> int:
        text = self._text
        self._values[path] = at
        if text.startswith("[", at):
            return self._items(path, at + 1)
        if text.startswith("{", at):
            return self._inline(path, at + 1)
        match = _STRING.match(text, at) or _SCALAR.match(text, at)
        return at if match is None else match.end()

    def _items(self, path: Path, at: int) -> int:
        text, n = self._text, 0
        while (at := _skip(text, at)) < len(text) and text[at] != "]":
            if text[at] == ",":
                at += 1
                continue
            self._keys[*path, n] = at
            at = self._value((*path, n), at)
            n += 1
        return at + 1

    def _inline(self, path: Path, at: int) -> int:
        text = self._text
        while (at := _skip(text, at)) < len(text) and text[at] != "}":
            before = at
            at = at + 1 if text[at] == "," else self._pair(path, at)
            if at == before:
                break
        return at + 1


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return at if match is None else match.end()


def _dotted(text: str, at: int) -> tuple[list[tuple[str, int]], int]:
    """Return the parts of a key, each with where it begins, and where the key ends."""
    names: list[tuple[str, int]] = []
    while (match := _KEY.match(text, at)) is not None:
        written = match[1]
        names.append((_name(written), match.start(1)))
        at = match.end()
        if not text.startswith(".", at):
            break
        at += 1
    return names, at


def _name(written: str) -> str:
    """Return a key without its quotes."""
    if written[0] == "'":
        return written[1:-1]
    if written[0] == '"':
        name: str = tomllib.loads(f"name = {written}")["name"]
        return name
    return written
