"""Text mode: a line for a line, whatever the segments they come in."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from netecho.echo.text import (
    LONGEST_LINE,
    LONGEST_REPLY,
    MOST_PLACES,
    TOO_LONG,
    Conversation,
    TextMode,
    answer_datagram,
)

PLAIN = TextMode()
LOGOFF = TextMode(logoff="BYE")


def said_to(conversation: Conversation, segment: bytes, room: int = 1 << 30) -> bytes:
    """What is said to what has come, taken in bites of `room` bytes."""
    conversation.feed(segment)
    return rest(conversation, room)


def rest(conversation: Conversation, room: int = 1 << 30) -> bytes:
    """All that is still to be said."""
    said = b""
    while conversation.pending:
        said += conversation.take(room)
    return said


def talk(text_mode: TextMode, *segments: bytes, room: int = 1 << 30) -> tuple[bytes, str | None]:
    """What is said to these segments and the FIN after them, and why the server closes, if it does."""
    conversation = Conversation(text_mode)
    said = b"".join(said_to(conversation, segment, room) for segment in segments)
    conversation.end()
    return said + rest(conversation, room), conversation.ending


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (b"hello\n", b"You sent: hello\n"),
        (b"hello\r\n", b"You sent: hello\r\n"),
        (b"a\nb\r\nc\n", b"You sent: a\nYou sent: b\r\nYou sent: c\n"),
        (b"\n", b"You sent: \n"),
        (b"no newline", b"You sent: no newline\n"),
        (b"", b""),
        ("grüß ☃\n".encode(), "You sent: grüß ☃\n".encode()),
        (b"\xff\n", b"Error: not valid UTF-8\n"),
        (b"\xff\r\nfine\n", b"Error: not valid UTF-8\r\nYou sent: fine\n"),
        (b"\xc3", b"Error: not valid UTF-8\n"),
        (b"\xed\xa0\x80\n", b"Error: not valid UTF-8\n"),  # a surrogate, encoded
        (b"a\rb\n", b"You sent: a\rb\n"),
        (b"{}\n", b"You sent: {}\n"),
        (b"\x00\x1b[2J\n", b"You sent: \x00\x1b[2J\n"),
    ],
)
def test_lines_and_their_answers(came: bytes, said: bytes) -> None:
    assert talk(PLAIN, came) == (said, None)


@pytest.mark.parametrize(
    ("reply", "said"),
    [("{}", b"x\n"), ("<{}|{}>", b"<x|x>\n"), ("got it", b"got it\n"), ("{0} {line}", b"{0} {line}\n"), ("", b"\n")],
)
def test_the_template(reply: str, said: bytes) -> None:
    assert talk(TextMode(reply=reply), b"x\n") == (said, None)


def test_an_error_reply_of_ones_own() -> None:
    assert talk(TextMode(error="?"), b"\xff\n")[0] == b"?\n"


class TestLogoff:
    def test_what_came_before_it_is_answered_and_what_comes_after_is_not(self) -> None:
        assert talk(LOGOFF, b"a\nBYE now\nb\n") == (b"You sent: a\n", "logoff")

    def test_it_needs_no_newline(self) -> None:
        assert talk(LOGOFF, b"BYE") == (b"", "logoff")

    def test_it_counts_at_the_start_of_a_line_only(self) -> None:
        assert talk(LOGOFF, b"no BYE\nbye\nBY\n") == (b"You sent: no BYE\nYou sent: bye\nYou sent: BY\n", None)

    def test_it_is_the_word_in_whatever_pieces(self) -> None:
        assert talk(LOGOFF, b"B", b"Y", b"E") == (b"", "logoff")

    def test_it_may_be_any_characters(self) -> None:
        assert talk(TextMode(logoff="tschüß"), "tschüß\n".encode()) == (b"", "logoff")

    def test_it_is_found_in_a_line_that_is_not_utf_8(self) -> None:
        assert talk(LOGOFF, b"BYE\xff\n") == (b"", "logoff")

    def test_nothing_is_said_after_it(self) -> None:
        conversation = Conversation(LOGOFF)
        said_to(conversation, b"BYE\n")
        assert said_to(conversation, b"more\n") == b""
        conversation.end()
        assert rest(conversation) == b""


class TestLongLines:
    LONGEST = b"x" * LONGEST_LINE
    ERROR = TOO_LONG.encode() + b"\n"

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
    def test_the_longest_is_answered(self, ending: bytes) -> None:
        said, closing = talk(PLAIN, self.LONGEST + ending)
        assert said == b"You sent: " + self.LONGEST + (ending or b"\n")
        assert closing is None

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"", b"\nmore\n"])
    def test_one_byte_more_is_an_error_and_the_end(self, ending: bytes) -> None:
        assert talk(PLAIN, self.LONGEST + b"x" + ending) == (self.ERROR, "line too long")

    def test_the_error_comes_before_the_line_ends(self) -> None:
        conversation = Conversation(PLAIN)
        assert said_to(conversation, self.LONGEST) == b""
        assert said_to(conversation, b"x") == self.ERROR

    def test_lines_before_it_are_answered(self) -> None:
        assert talk(PLAIN, b"a\n" + self.LONGEST + b"x")[0] == b"You sent: a\n" + self.ERROR

    def test_an_error_reply_of_ones_own(self) -> None:
        assert talk(TextMode(error="?"), self.LONGEST + b"x") == (b"?\n", "line too long")


# Bytes that meet the parser's edges much more often than random ones would.
PIECES = st.one_of(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"B", b"BY", b"BYE", b"\xc3", b"\xbc", b"\xe2\x98\x83", b"\xff"]),
    st.binary(max_size=8),
    st.integers(LONGEST_LINE - 3, LONGEST_LINE + 3).map(lambda size: b"x" * size),
)
STREAMS = st.lists(PIECES, max_size=20).map(b"".join)


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a stream at these places."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:stop] for start, stop in itertools.pairwise(places)]


@given(STREAMS, st.lists(st.integers(0, 1 << 20), max_size=30), st.sampled_from([PLAIN, LOGOFF]))
def test_any_split_is_answered_as_the_whole(stream: bytes, cuts: list[int], text_mode: TextMode) -> None:
    assert talk(text_mode, *split(stream, cuts)) == talk(text_mode, stream)


@given(st.lists(PIECES.filter(lambda piece: len(piece) < 100), max_size=8).map(b"".join))
def test_byte_by_byte_is_answered_as_the_whole(stream: bytes) -> None:
    assert talk(LOGOFF, *(stream[at : at + 1] for at in range(len(stream)))) == talk(LOGOFF, stream)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40), max_size=10))
def test_every_line_of_text_has_its_own_answer(lines: list[str]) -> None:
    came = "".join(line + "\n" for line in lines).encode()
    assert talk(PLAIN, came)[0].decode() == "".join(f"You sent: {line}\n" for line in lines)


@given(STREAMS, st.integers(1, 200), st.sampled_from([PLAIN, LOGOFF, TextMode(reply="{}{}"), TextMode(reply="")]))
def test_however_little_is_taken_at_a_time_it_is_the_same(stream: bytes, room: int, text_mode: TextMode) -> None:
    assert talk(text_mode, stream, room=room) == talk(text_mode, stream)


class TestBounds:
    """What is made at once is bounded, whatever came."""

    ROOM = 4096
    WIDEST = TextMode(reply="{}" * MOST_PLACES + "x" * (LONGEST_REPLY - 2 * MOST_PLACES))

    @pytest.mark.parametrize("came", [b"\n" * 65_507, b"\r\n" * 30_000, b"\xff\n" * 30_000, b"ab\n" * 20_000])
    @pytest.mark.parametrize("text_mode", [PLAIN, WIDEST, TextMode(error="e" * 4000)], ids=["plain", "widest", "error"])
    def test_a_flood_of_lines_is_answered_in_bites(self, came: bytes, text_mode: TextMode) -> None:
        conversation = Conversation(text_mode)
        conversation.feed(came)
        for _ in range(10):
            assert 0 < len(conversation.take(self.ROOM)) <= self.ROOM + 17 * (LONGEST_REPLY + 48)
        assert conversation.pending

    def test_a_long_line_is_held_once_however_often_it_is_said(self) -> None:
        conversation = Conversation(self.WIDEST)
        conversation.feed(b"y" * LONGEST_LINE + b"\n")
        tracemalloc.start()
        first = conversation.take(self.ROOM)
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(first) <= self.ROOM + LONGEST_LINE
        assert held < 4 * LONGEST_LINE
        assert peak < 6 * LONGEST_LINE
        assert len(first) + len(rest(conversation, self.ROOM)) == MOST_PLACES * LONGEST_LINE + LONGEST_REPLY - 31

    @pytest.mark.parametrize("came", [b"y" * 60_000 + b"\n", b"\n" * 60_000])
    def test_nothing_is_kept_for_a_client_once_it_has_its_answers(self, came: bytes) -> None:
        tracemalloc.start()
        conversation = Conversation(PLAIN)
        conversation.feed(bytes(bytearray(came)))
        rest(conversation)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < len(came) / 2, "nothing of what came, and what the tracers of a coverage need"

    def test_the_answer_to_a_datagram_is_not_made_beyond_its_length(self) -> None:
        tracemalloc.start()
        answer = answer_datagram(self.WIDEST, b"\n" * 65_507)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer is not None
        assert len(answer) == 65_507
        assert peak < 8 * 65_507


class TestDatagrams:
    def test_an_answer_is_cut_to_the_length_of_its_request(self) -> None:
        assert answer_datagram(PLAIN, b"hello\n") == b"You se"

    def test_it_is_whole_where_it_fits(self) -> None:
        assert answer_datagram(TextMode(reply="{}"), b"hello") == b"hello"

    def test_no_character_is_cut_in_two(self) -> None:
        assert answer_datagram(TextMode(reply="ü{}"), b"abc") == "üa".encode()
        assert answer_datagram(TextMode(reply="aü{}"), b"ab") == b"a"

    def test_an_empty_one_is_answered_with_an_empty_one(self) -> None:
        assert answer_datagram(PLAIN, b"") == b""

    def test_the_logoff_word_is_answered_with_nothing(self) -> None:
        assert answer_datagram(LOGOFF, b"BYE\n") is None

    @given(st.binary(max_size=300))
    def test_no_answer_is_longer_than_its_request(self, datagram: bytes) -> None:
        answer = answer_datagram(LOGOFF, datagram)
        assert answer is None or len(answer) <= len(datagram)
