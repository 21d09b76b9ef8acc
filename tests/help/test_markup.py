"""The part of Markdown that help texts are written in."""

from __future__ import annotations

import pytest

from netecho.help.markup import Block, Code, Heading, Items, Paragraph, Span, Table, read, spans


@pytest.mark.parametrize(
    ("source", "block"),
    [
        ("## A section\n", Heading("A section")),
        ("one line\nand another\n", Paragraph("one line and another")),
        ("- one\n- two,\n  of two lines\n", Items(("one", "two, of two lines"))),
        ("```sh\nfirst\n\n  last\n```\n", Code("first\n\n  last\n")),
        ("```text\n```\n", Code("")),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |\n| x | |\n", Table(("a", "b"), (("1", "2"), ("x", "")))),
        ("| a |\n| --- |\n| one \\| two |\n", Table(("a",), (("one | two",),))),
        ("<!-- for the tests\nalone -->\ntext\n", Paragraph("text")),
        ("```sh\n# not a title\n- not an item\n```\n", Code("# not a title\n- not an item\n")),
    ],
)
def test_a_block(source: str, block: Block) -> None:
    assert list(read(f"# topic: subject\n\n{source}")) == [block]


def test_blocks_end_where_another_begins() -> None:
    source = "# topic: subject\n\none\n\ntwo\n```sh\nthree\n```\nfour\n"
    assert list(read(source)) == [Paragraph("one"), Paragraph("two"), Code("three\n"), Paragraph("four")]


def test_marks_inside_a_line() -> None:
    assert list(spans("take `-i 0`, **now**.")) == [
        Span("take ", strong=False),
        Span("-i 0", strong=True),
        Span(", ", strong=False),
        Span("now", strong=True),
        Span(".", strong=False),
    ]
    assert list(spans("`a`")) == [Span("a", strong=True)]
    assert list(spans("2 * 3 ** 4")) == [Span("2 * 3 ** 4", strong=False)]
    assert list(spans("")) == []
