r"""Bytes that came from a peer, made safe to show: a terminal obeys what it is sent, and a peer may know that.

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
    """Return printable text that stands for `data` and for nothing else."""
    # A byte that is no UTF-8 becomes a lone surrogate, which is not printable, and its own byte again below.
    return "".join(_shown(character) for character in data.decode("utf-8", "surrogateescape"))


def printable(text: str) -> str:
    """Return text that came from elsewhere (a file, a certificate) as it is, but for what a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else escaped(each.encode("utf-8", "surrogatepass")) for each in text)


def printable_values(value: T) -> T:
    """Return a document with every string in it printable: what is shown of one, a saved file may have made up."""
    safe: Any = value
    if isinstance(value, str):
        safe = printable(value)
    elif isinstance(value, dict):
        safe = {printable(key): printable_values(inner) for key, inner in value.items()}
    elif isinstance(value, list):
        safe = [printable_values(inner) for inner in value]
    return cast("T", safe)


def unescaped(text: str) -> bytes:
    """Return the bytes that `escaped` was given. Raises ValueError for what it never writes."""
    return _ESCAPE.sub(_meant, text.encode("utf-8", "surrogatepass"))


def _shown(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    # Not printable: controls, and what turns the reading direction or takes no room at all (Unicode's C and Z).
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _meant(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 16)])
    try:
        return _LONG[match[2]]
    except KeyError:
        raise ValueError(f"no escape that netecho writes: {match[0]!r}") from None
