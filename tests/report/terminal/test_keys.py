"""Keys of a terminal: names for those that move, characters for those that type."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.report.terminal import keys
from netecho.report.terminal.keys import Keys


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"q/a", ["q", "/", "a"]),
        (b"\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~", ["up", "down", "page up", "page down", "home", "end"]),
        (b"\r\n\x7f\x08", ["enter", "enter", "backspace", "backspace"]),
        (b"\x1b", [keys.ESCAPE]),
        (b"\x1b[1;5C\x1b[24~x\x01\x00", ["x"]),
        ("ü€".encode(), ["ü", "€"]),
        (b"\xff\xfeq", ["q"]),
    ],
)
def test_each_key_has_a_name_or_types_a_character(data: bytes, expected: list[str]) -> None:
    assert list(Keys().taken(data)) == expected


def test_a_character_may_come_in_parts() -> None:
    taken = Keys()
    euro = "€".encode()
    assert [key for part in (euro[:1], euro[1:]) for key in taken.taken(part)] == ["€"]


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_no_bytes_make_a_key_that_could_be_printed_to_harm(parts: list[bytes]) -> None:
    taken = Keys()
    assert all(key.isprintable() for part in parts for key in taken.taken(part))
