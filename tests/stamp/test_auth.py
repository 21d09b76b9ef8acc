"""The seal: HMAC-SHA-256 cut to 16 octets."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.auth import is_authentic, parse_key, truncated_hmac


def test_the_vector_of_rfc_4231_section_4_2() -> None:
    assert truncated_hmac(b"\x0b" * 20, b"Hi There") == bytes.fromhex("b0344c61d8db38535ca8afceaf0bf12b")


def test_the_vector_of_rfc_4231_section_4_3() -> None:
    assert truncated_hmac(b"Jefe", b"what do ya want for nothing?") == bytes.fromhex("5bdcc146bf60754e6a042426089575c7")


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_it_is_rfc_2104_by_hand(key: bytes, text: bytes) -> None:
    block = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = sha256(bytes(octet ^ 0x36 for octet in block) + text).digest()
    outer = sha256(bytes(octet ^ 0x5C for octet in block) + inner).digest()
    assert truncated_hmac(key, text) == outer[:16]
    assert is_authentic(key, text, outer[:16])


@given(st.integers(0, 127))
def test_any_flipped_bit_breaks_it(bit: int) -> None:
    wrong = (int.from_bytes(truncated_hmac(b"key", b"text")) ^ 1 << bit).to_bytes(16)
    assert not is_authentic(b"key", b"text", wrong)


def test_a_part_of_it_is_not_enough() -> None:
    assert not is_authentic(b"key", b"text", truncated_hmac(b"key", b"text")[:15])
    assert not is_authentic(b"key", b"text", b"")


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"open sesame, please\n", b"open sesame, please"),
        (b"  two words, and more \r\n", b"two words, and more"),
        (b"hex:00ff 10" + b"aa" * 13 + b"\n", b"\x00\xff\x10" + b"\xaa" * 13),
        (b"\xff\xfe" * 8, b"\xff\xfe" * 8),
    ],
)
def test_key_files(data: bytes, key: bytes) -> None:
    assert parse_key(data) == key


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"hex:", b"hex:0", b"hex:zz", b"hex:\xff", b"fifteen octets!", b"hex:00ff10"]
)
def test_files_without_a_key(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|digits"):
        parse_key(data)


@given(st.binary())
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        assert parse_key(data)
