"""Whether TCP is short of memory: all connections of a system, in all namespaces, share what `tcp_mem` allows (tcp(7)).

Where it is short the kernel makes receive windows narrow, down to a few segments each, so that no queue on the path
becomes as long as it can.
"""

from __future__ import annotations

from pathlib import Path

PROTOCOLS = Path("/proc/net/protocols")
_PRESSURE = 4
"""The column: protocol, size of a socket, sockets, pages of memory, `yes` under pressure."""


def is_short(protocols: Path = PROTOCOLS) -> bool | None:
    """Return whether TCP is under memory pressure; None where the system does not say."""
    try:
        lines = protocols.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    columns = next((line.split() for line in lines if line.startswith("TCP ")), [])
    return {"yes": True, "no": False}.get(columns[_PRESSURE]) if len(columns) > _PRESSURE else None
