"""Whose a router's address is: the number of the autonomous system that announces its prefix, by a table that is given.

The table is text, a prefix and a number a line, as tools that read routing tables write it (`192.0.2.0/24 64496`);
what follows on a line, empty lines and those that begin with `#` or `;` are passed over.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(r"([0-9A-Fa-f:.]+/[0-9]{1,3})[\s,|]+(?:AS)?([0-9]{1,10})(?![0-9.])", re.IGNORECASE)
LARGEST = 0xFFFF_FFFF


class AsTable:
    """Prefixes and their numbers; the longest that an address is in counts."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read a table. Raises UsageError, with the number of the line that is wrong."""
        self._prefixes: dict[tuple[int, int], dict[int, int]] = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text and text[0] not in "#;":
                self._add(text, number)
        self._lengths = sorted(self._prefixes, reverse=True)

    def _add(self, text: str, number: int) -> None:
        found = _LINE.match(text)
        prefix = None if found is None else _prefix(found[1])
        if found is None or prefix is None or int(found[2]) > LARGEST:
            right = "a prefix and a number: 192.0.2.0/24 64496"
            raise UsageError(f"line {number} is no prefix of an AS: {text[:60]!r}", right)
        of_this_length = self._prefixes.setdefault((prefix.version, prefix.prefixlen), {})
        of_this_length[int(prefix.network_address) >> prefix.max_prefixlen - prefix.prefixlen] = int(found[2])

    def of(self, address: str) -> int | None:
        """Return the number of the AS that an address is in; None where the table has none."""
        packed = ipaddress.ip_address(address.partition("%")[0])
        for version, length in self._lengths:
            if version == packed.version:
                found = self._prefixes[version, length].get(int(packed) >> packed.max_prefixlen - length)
                if found is not None:
                    return found
        return None


def _prefix(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
