"""Socket addresses, as Python has them."""

from __future__ import annotations

from typing import TypeAlias

SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Host and port; over IPv6 with flow label and scope."""
