import pytest
from hypothesis import given, strategies as st

from netecho.report.escape import escaped, unescaped


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain", "plain"),
        ("Grüße".encode(), "Grüße"),
        (b"line\r\n\ttab", r"line\r\n\ttab"),
        (rb"a\b", r"a\\b"),
        (b"\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("\x9b31m".encode(), r"\xc2\x9b31m"),  # the C1 form of ESC [
        ("abc\u202egnp.exe".encode(), r"abc\xe2\x80\xaegnp.exe"),  # turns the reading direction
        (b"\x00\x7f", r"\x00\x7f"),
        ("\u2028".encode(), r"\xe2\x80\xa8"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(data: bytes, shown: str) -> None:
    assert escaped(data) == shown


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_a_peer_sends_is_printable_and_comes_back(data: bytes) -> None:
    shown = escaped(data)
    assert shown.isprintable()
    assert unescaped(shown) == data


@pytest.mark.parametrize("text", [r"\q", r"\xZZ", "\\\n"])
def test_escapes_that_are_never_written_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no escape"):
        unescaped(text)
