"""The part of Markdown that the help texts are written in, read to blocks.

    # topic: what it is about       the first line
    ## Heading
    a paragraph, of several lines
    - an item
      of a list
    | a | table |                   its first row is the header
    ```language                     a block that is shown as it stands
    <!-- a note for the tests -->   shown to nobody

Inside a paragraph, an item or a cell: `code` and **strong**. Anything else is text, so a text that uses more of
Markdown than this would show it; the tests look for that. A library that reads all of Markdown would bring the
layout of a web page along: here a heading is bold and that is all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```\w*\n(?P<code>(?:.*\n)*?)```$|(?P<lines>(?:^(?!```).+\n)+)", re.MULTILINE)
_MARKED = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")
_RULE = re.compile(r"\|( *:?-+:? *\|)+")


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text, on one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list, an entry a line."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that are shown as they stand, for copying."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the header apart."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Items | Code | Table


class Span(NamedTuple):
    """Text of one kind; `strong` is what is typed, and what is stressed."""

    text: str
    strong: bool


def read(source: str) -> Iterator[Block]:
    """Return the blocks of a text after its title, in order."""
    _, _, body = source.partition("\n")
    for found in _BLOCK.finditer(_COMMENT.sub("", body)):
        yield _block(found["lines"].splitlines()) if found["code"] is None else Code(found["code"])


def _block(lines: list[str]) -> Block:
    first = lines[0]
    if first.startswith("## "):
        return Heading(first.removeprefix("## "))
    if first.startswith("|"):
        header, *rows = (_cells(line) for line in lines if not _RULE.fullmatch(line))
        return Table(header, tuple(rows))
    if first.startswith("- "):
        entries = "\n".join(lines).removeprefix("- ").split("\n- ")
        return Items(tuple(" ".join(entry.split()) for entry in entries))
    return Paragraph(" ".join(lines))


def _cells(line: str) -> tuple[str, ...]:
    # Inside a cell a bar is written `\|`, as everywhere in Markdown.
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return tuple(cell.strip().replace(r"\|", "|") for cell in cells)


def spans(text: str) -> Iterator[Span]:
    """Return the parts of a paragraph, an entry or a cell, without their marks."""
    end = 0
    for found in _MARKED.finditer(text):
        if found.start() > end:
            yield Span(text[end : found.start()], strong=False)
        yield Span(found[1] or found[2], strong=True)
        end = found.end()
    if end < len(text):
        yield Span(text[end:], strong=False)
