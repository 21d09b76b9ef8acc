"""What probes carry, computed from their number, so that nothing needs to be kept to check an echo.

A generated payload of `MARK_SIZE` bytes or more opens with a mark: four octets that belong to this run and eight
that number the probe. A shorter one is the low octets of the number alone. The rest is filled by the pattern.
What the user gives is sent as it is and carries no mark.
"""

from __future__ import annotations

import struct
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.measure.plan import Plan

_MARK = struct.Struct(">IQ")
MARK_SIZE = _MARK.size

# Each probe's body is a slice of one random pool at a place of its own. The step is odd, so that all the places are
# visited before one comes again.
_PLACES = 4096
_STEP = 1031


class Payloads:
    """The payload of every probe of a run."""

    def __init__(self, plan: Plan) -> None:
        random = Random(f"{plan.seed}/payload")
        self.given = plan.payload
        self._tag = random.getrandbits(32)
        self._sizes = plan.sizes
        self._steady = plan.sizes[0] if len(plan.sizes) == 1 else None
        self.longest = longest = max(plan.sizes)
        if plan.pattern == "random":
            self._pool, self._step = random.randbytes(longest + _PLACES), _STEP
        elif plan.pattern == "zeros":
            self._pool, self._step = bytes(longest), 0
        else:
            # The octet's own place in the payload, so that a shifted or altered one shows.
            self._pool, self._step = bytes(n % 256 for n in range(MARK_SIZE, MARK_SIZE + longest)), 0

    def size(self, index: int) -> int:
        """Length in bytes of the payload of probe `index`."""
        if self._steady is not None:
            return self._steady
        return self._sizes[index % len(self._sizes)]

    def of(self, index: int) -> bytes:
        """Return the payload of probe `index`."""
        if self.given is not None:
            return self.given
        size = self._steady
        if size is None:
            size = self._sizes[index % len(self._sizes)]
        if size < MARK_SIZE:
            return (index & ((1 << 8 * size) - 1)).to_bytes(size)
        place = index * self._step % _PLACES
        return _MARK.pack(self._tag, index) + self._pool[place : place + size - MARK_SIZE]

    def mark(self, index: int) -> bytes:
        """Return the shortest prefix that tells the payload of probe `index` from other bytes."""
        return self.of(index)[:MARK_SIZE] if self.given is None else self.given

    def marks(self, data: bytes | bytearray, start: int) -> Iterator[tuple[int, int]]:
        """Yield where from `start` on a mark of this run lies in `data`, and the number of its probe."""
        if self.given is not None:
            return
        tag = self._tag.to_bytes(4)
        while 0 <= (start := data.find(tag, start)) <= len(data) - MARK_SIZE:
            yield start, _MARK.unpack_from(data, start)[1]
            start += 1

    def claimed(self, data: bytes) -> int | None:
        """Read which probe a marked datagram says it echoes; None where it carries no mark of this run."""
        if len(data) < MARK_SIZE:
            return None
        tag, index = _MARK.unpack_from(data)
        return index if tag == self._tag else None
