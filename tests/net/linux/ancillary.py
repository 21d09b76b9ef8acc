"""Control messages as the kernel lays them out in memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = struct.Struct("@Nii")
WORD = struct.calcsize("@N")


def laid_out(messages: Iterable[tuple[int, int, bytes]]) -> bytes:
    """(level, type, data) of each, one after the other, each padded to a whole word (CMSG_NXTHDR)."""
    return b"".join(
        HEADER.pack(HEADER.size + len(data), level, kind) + data + bytes(-len(data) % WORD)
        for level, kind, data in messages
    )
