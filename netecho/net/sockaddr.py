"""Socket addresses as types, and looking names up.

The standard library declares none: what an address looks like depends on the socket's family.
"""

from __future__ import annotations

import socket
from typing import TypeAlias

SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Host and port; over IPv6 with flow label and scope."""

Found: TypeAlias = list[tuple[socket.AddressFamily, SockAddr]]
"""The addresses of a name, in the order of getaddrinfo(3)."""


def look_up(host: str, port: int | None, family: int, kind: int, flags: int = 0) -> Found:
    """Return the internet addresses of a name or literal. Raises OSError.

    A Python that was built without IPv6 gives IPv6 addresses as bytes; they are left out.
    """
    # As bytes a name is looked up as it stands; as text it would be encoded by a codec that has to be imported first.
    found = socket.getaddrinfo(host.encode() if host.isascii() else host, port, family, kind, 0, flags)
    return [(each[0], each[4]) for each in found if isinstance(each[4][0], str)]
