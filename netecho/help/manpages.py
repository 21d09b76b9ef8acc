"""The help texts as man pages, `netecho-TOPIC(7)`: `python -m netecho.help.manpages` writes man/ anew.

They lie in man/ as wheels install them; a test compares them with what is made of the texts today.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netecho.help.markup import Block, Code, Heading, Items, Paragraph, Table, read, spans
from netecho.help.roff import escaped, quoted
from netecho.help.topics import TOPICS, source, subject
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "man"


def name(topic: str) -> str:
    """Return the name of a topic's page: what `man` is asked for."""
    return f"netecho-{topic}"


def page(topic: str) -> str:
    """Return the page of a topic, in the man macros; its tables are for tbl, which man(1) runs where line 1 asks."""
    return "\n".join(_lines(topic)) + "\n"


def _lines(topic: str) -> Iterator[str]:
    yield "'\\\" t"
    yield f'.TH {quoted(name(topic).upper())} 7 "" "netecho {__version__}" "netecho"'
    yield from (".SH NAME", rf"{escaped(name(topic))} \- {escaped(subject(topic))}")
    blocks = list(read(source(topic)))
    if not isinstance(blocks[0], Heading):
        yield ".SH DESCRIPTION"
    for block in blocks:
        yield from _block(block)
    others = [each for each in TOPICS if each != topic]
    yield from (".SH SEE ALSO", ".BR netecho (1),")
    yield from (f".BR {escaped(name(each))} (7){',' if each != others[-1] else ''}" for each in others)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(text):
            yield f".SH {quoted(text.upper())}"
        case Paragraph(text):
            yield from (".PP", _marked(text))
        case Items(entries):
            for entry in entries:
                yield from (r".IP \(bu 2", _marked(entry))
        case Code(text):
            yield from (".PP", ".RS 4", ".nf", escaped(text.rstrip("\n")), ".fi", ".RE")
        case Table(header, rows) if len(header) == 2:  # a term and what it means reads best as man pages have it
            for term, text in rows:
                yield from (".TP", _marked(f"**{term.replace('`', '')}**"), _marked(text) or r"\&")
        case Table(header, rows):
            yield from _table(header, rows)


_LONGEST_CELL = 24
"""Of a column that does not wrap."""


def _table(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    # The last column, and every other one that is long, share what is left of the width, and wrap: ragged, as
    # there is too little room for words to be spread over it.
    columns = list(zip(header, *rows, strict=True))
    wrap = [n == len(header) - 1 or max(map(len, column)) > _LONGEST_CELL for n, column in enumerate(columns)]
    yield from (".TS", " ".join(["lb"] * len(header)), " ".join("lx" if wraps else "l" for wraps in wrap) + ".")
    for row in (header, *rows):
        cells = ((_marked(cell), wraps) for cell, wraps in zip(row, wrap, strict=True))
        yield "\t".join(f"T{{\n.na\n{text}\nT}}" if wraps else text for text, wraps in cells)
    yield ".TE"


def _marked(text: str) -> str:
    parts = (rf"\fB{escaped(span.text)}\fR" if span.strong else escaped(span.text) for span in spans(text))
    return "".join(parts)


def main() -> None:
    """Write every page, and remove those of topics that are no more."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for topic in TOPICS:
        (FOLDER / f"{name(topic)}.7").write_text(page(topic), encoding="utf-8")


if __name__ == "__main__":
    main()
