r"""Bytes received from a peer, made safe to print: a terminal obeys control sequences in whatever is printed.

What is printable stays (in UTF-8); everything else is `\xNN`, a backslash is doubled. So nothing is lost:
`unescaped` gives the bytes back, which is how a saved run is read.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

T = TypeVar("T")

_SHORT = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
_LONG = {b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def escaped(data: bytes) -> str:
    """Return printable text for `data`, different for different bytes."""
    # A byte that is no UTF-8 becomes a lone surrogate, which is not printable, and its own byte again below.
    return "".join(_shown(character) for character in data.decode("utf-8", "surrogateescape"))


def printable(text: str) -> str:
    """Return text from a file or a certificate, with everything that is not printable escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else escaped(each.encode("utf-8", "surrogatepass")) for each in text)


def printable_values(value: T) -> T:
    """Return a document with every string in it printable: a saved file may contain anything."""
    safe: Any = value
    if isinstance(value, str):
        safe = printable(value)
    elif isinstance(value, dict):
        safe = {printable(key): printable_values(inner) for key, inner in value.items()}
    elif isinstance(value, list):
        safe = [printable_values(inner) for inner in value]
    return cast("T", safe)


def unescaped(text: str) -> bytes:
    """Return the bytes that `escaped` was given. Raises ValueError for text that it never returns."""
    return _ESCAPE.sub(_byte_of, text.encode("utf-8", "surrogatepass"))


def _shown(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    # Not printable: control, bidirectional and zero-width characters (Unicode's categories C and Z).
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _byte_of(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 16)])
    try:
        return _LONG[match[2]]
    except KeyError:
        raise ValueError(f"no escape that netecho writes: {match[0]!r}") from None
