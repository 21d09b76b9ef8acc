"""Every help text: listed, titled, short in its paragraphs, and written in what a terminal and man can show."""

from __future__ import annotations

from pathlib import Path

import pytest

import netecho.help
from netecho.cli import front_page
from netecho.help import manpages
from netecho.help.markup import Code, Items, Paragraph, Table, read
from netecho.help.topics import TOPICS, source, subject
from netecho.report.terminal.help_text import laid_out

FOLDER = Path(netecho.help.__file__).parent
LONGEST = 60
"""Words of a paragraph; what needs more is two things."""


def test_the_list_has_every_text_and_of_commands_those_that_say_so() -> None:
    assert sorted(TOPICS) == sorted(path.stem for path in FOLDER.glob("*.md"))
    # What is both is shown as a topic, which must say where the options are.
    both = [topic for topic in TOPICS if topic in front_page.COMMANDS]
    assert all(f"`netecho {topic} --help`" in source(topic) for topic in both)


@pytest.mark.parametrize("topic", TOPICS)
def test_its_title_fits_a_line_of_the_list(topic: str) -> None:
    assert source(topic).startswith(f"# {topic}: ")
    assert all(len(line) <= 80 for line in front_page.table([(topic, subject(topic))]))


@pytest.mark.parametrize("topic", TOPICS)
def test_no_paragraph_is_long(topic: str) -> None:
    paragraphs = [block.text for block in read(source(topic)) if isinstance(block, Paragraph)]
    entries = [entry for block in read(source(topic)) if isinstance(block, Items) for entry in block.entries]
    assert [text for text in paragraphs + entries if len(text.split()) > LONGEST] == []


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_keeps_to_the_width_but_for_what_is_copied(topic: str, width: int) -> None:
    copied = {
        line.strip() for block in read(source(topic)) if isinstance(block, Code) for line in block.text.split("\n")
    }
    lines = laid_out(topic, source(topic), width=width).splitlines()
    assert [line for line in lines if len(line) > width and line.strip() not in copied] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_all_its_words_are_shown_and_none_of_its_marks(topic: str) -> None:
    shown = laid_out(topic, source(topic), width=80)
    assert [mark for mark in ("`", "**", "<!--", "## ", "| ---", "](") if mark in _without_code(shown, topic)] == []
    for block in read(source(topic)):
        if isinstance(block, Table):
            assert all(len(row) == len(block.header) for row in block.rows), block


@pytest.mark.parametrize("topic", TOPICS)
def test_the_man_page_that_is_installed_is_current(topic: str) -> None:
    installed = manpages.FOLDER / f"{manpages.name(topic)}.7"
    assert installed.read_text(encoding="utf-8") == manpages.page(topic), "run: python -m netecho.help.manpages"


def test_there_are_no_other_man_pages() -> None:
    assert {path.stem for path in manpages.FOLDER.iterdir()} == {manpages.name(topic) for topic in TOPICS}


def test_a_colour_terminal_gets_bold_and_nothing_else_gets_an_escape() -> None:
    assert "\x1b[1m" in laid_out("stamp", source("stamp"), width=80, color=True)
    assert "\x1b" not in laid_out("stamp", source("stamp"), width=80)


def _without_code(shown: str, topic: str) -> str:
    for block in read(source(topic)):
        if isinstance(block, Code):
            for line in block.text.splitlines():
                shown = shown.replace(line, "")
    return shown
