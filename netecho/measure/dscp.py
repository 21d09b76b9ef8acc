"""DSCP as people write it: a number, or the name that an RFC gave it."""

from __future__ import annotations

import re

from netecho.errors import UsageError

_CLASS_SELECTORS = {f"CS{n}": 8 * n for n in range(8)}  # RFC 2474
_ASSURED = {f"AF{x}{y}": 8 * x + 2 * y for x in range(1, 5) for y in range(1, 4)}  # RFC 2597
# RFC 3246, RFC 5865, RFC 8622, RFC 2474
DSCP = {"DF": 0, "LE": 1, **_CLASS_SELECTORS, **_ASSURED, "VA": 44, "EF": 46}
_HINT = "a number up to 63, or a name such as EF, AF41, CS1 or LE"


def parse_dscp(text: str) -> int:
    """Read a DSCP from a number (`46`, `0x2e`) or a name (`EF`, `AF41`, `CS1`). Raises UsageError."""
    name = DSCP.get(text.upper())
    if name is not None:
        return name
    if not re.fullmatch(r"[0-9]{1,9}|0[xX][0-9a-fA-F]{1,9}", text):
        raise UsageError(f"{text!r} is not a DSCP", _HINT)
    value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    if value > 63:
        raise UsageError(f"{text!r} is above 63, the largest DSCP", _HINT)
    return value
