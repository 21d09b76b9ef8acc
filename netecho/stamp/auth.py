"""The HMAC of authenticated mode and of the HMAC TLV: HMAC-SHA-256, its first 16 octets (RFC 8762 section 4.4)."""

from __future__ import annotations

import hmac

HMAC_LENGTH = 16
"""Octets of it."""
SHORTEST_KEY = 16
"""Octets. RFC 2104 section 3 discourages keys shorter than the hash's output: these are as strong as what is sent."""


def truncated_hmac(key: bytes, text: bytes | bytearray) -> bytes:
    """Return the HMAC of `text`."""
    return hmac.digest(key, text, "sha256")[:HMAC_LENGTH]


def is_authentic(key: bytes, text: bytes | bytearray, claimed: bytes | bytearray) -> bool:
    """Tell whether `claimed` is the HMAC of `text`, in a time that does not depend on where they differ."""
    return hmac.compare_digest(truncated_hmac(key, text), claimed)


def parse_key(data: bytes) -> bytes:
    """Read the content of a key file: the key as it stands, without white space around it, or `hex:` and its octets.

    Raises ValueError, with what is wrong.
    """
    text = data.strip()
    if text.startswith(b"hex:"):
        try:
            text = bytes.fromhex(text[4:].decode("ascii"))
        except ValueError:
            raise ValueError("what follows hex: are not pairs of hexadecimal digits") from None
    if not text:
        raise ValueError("there is no key in it")
    if len(text) < SHORTEST_KEY:
        raise ValueError(f"a key of {len(text)} octets can be guessed; it has at least {SHORTEST_KEY}")
    return text
