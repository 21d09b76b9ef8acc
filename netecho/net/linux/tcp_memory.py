"""Whether TCP is short of memory: all connections of a system, in all namespaces, share what `tcp_mem` allows (tcp(7)).

Above the first of the three numbers of `tcp_mem` no buffer grows any more; above the second, until it is below the
first again, receive windows are a few segments each. No queue on a path becomes as long as it can then.
"""

from __future__ import annotations

from pathlib import Path

PROTOCOLS = Path("/proc/net/protocols")
LIMITS = Path("/proc/sys/net/ipv4/tcp_mem")
"""Only the first namespace has it."""
_MEMORY, _PRESSURE = 3, 4
"""Columns: protocol, size of a socket, sockets, pages of memory, `yes` under pressure."""


def is_short(protocols: Path = PROTOCOLS, limits: Path = LIMITS) -> bool | None:
    """Return whether buffers and windows are kept from growing; None where the system does not say."""
    columns = next((line.split() for line in _read(protocols).splitlines() if line.startswith("TCP ")), [])
    pressure = {"yes": True, "no": False}.get(columns[_PRESSURE]) if len(columns) > _PRESSURE else None
    low = _read(limits).split()
    if pressure is not False or not low:
        return pressure
    return int(columns[_MEMORY]) >= int(low[0])


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
