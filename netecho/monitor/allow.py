"""Which targets `/probe` may reach: without a word of whom, anybody who reaches it could scan through it.

A pattern is a name or an address, in which `*` and `?` stand for any characters (`*.example.net`), with a port where
one is meant; or a network (`10.0.0.0/8`), which is for targets that are addresses: a name is not resolved to find out.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from netecho.errors import UsageError

if TYPE_CHECKING:
    from netecho.target import Target

_HINT = "a name such as *.example.net, with :PORT where one is meant, or a network: 10.0.0.0/8"
_PATTERN = re.compile(r"(\[[0-9A-Fa-f:.%*?a-z]+\]|[^\s:/\[\]]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Allowed:
    """One pattern."""

    host: str = ""
    port: int | None = None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None

    def covers(self, target: Target) -> bool:
        """Tell whether a target is one of those meant."""
        if target.path is not None or target.is_self or (self.port is not None and target.port != self.port):
            return False
        if self.network is None:
            return fnmatchcase(target.host.lower(), self.host)
        try:
            return ipaddress.ip_address(target.host) in self.network
        except ValueError:
            return False


def parse_allowed(text: str) -> Allowed:
    """Read a pattern. Raises UsageError."""
    if "/" in text:
        try:
            return Allowed(network=ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise UsageError(f"{text!r} is not a network", _HINT) from None
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a pattern of targets", _HINT)
    host, port = match.groups()
    return Allowed(host.strip("[]").lower(), None if port is None else int(port))
