"""`netecho help`: topics, commands by the same name, and what is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netecho.cli import front_page
from netecho.help.topics import TOPICS, subject

if TYPE_CHECKING:
    from tests.program import Netecho


def test_without_a_topic_it_lists_all_there_is(netecho: Netecho) -> None:
    ended = netecho("help")
    assert (ended.code, ended.err) == (0, "")
    for topic in TOPICS:
        assert subject(topic) in ended.out
    for name, purpose in front_page.COMMANDS.items():
        assert f"  {name} " in ended.out
        assert purpose in ended.out


def test_a_topic_is_its_title_and_its_text_at_the_width_there_is(netecho: Netecho) -> None:
    wide, narrow = netecho("help", "matching"), netecho("help", "matching", COLUMNS="50")
    assert (wide.code, wide.err) == (0, "")
    assert wide.out.startswith(f"matching: {subject('matching')}\n\n")
    assert wide.out.split() == narrow.out.split()
    assert len(narrow.out.splitlines()) > len(wide.out.splitlines())


@pytest.mark.parametrize("name", [name for name in front_page.COMMANDS if name not in TOPICS])
def test_a_command_is_its_own_help(name: str, netecho: Netecho) -> None:
    assert netecho("help", name).out == netecho(name, "--help").out


@pytest.mark.parametrize(
    ("word", "hint"), [("stam", "perhaps stamp; netecho help lists them"), ("??", f"one of {', '.join(TOPICS)}, or")]
)
def test_what_is_neither_is_a_usage_error_with_what_there_is(word: str, hint: str, netecho: Netecho) -> None:
    ended = netecho("help", word)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"netecho: there is no help topic {word!r}\n  {hint}")
