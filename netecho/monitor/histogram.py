"""Counting times by size for thousands of targets at once: 3% wide buckets, a few hundred bytes each, mergeable.

The layout is that of `measure.stats.histogram` with fewer buckets: values below 64 have one each, and each doubling
above is cut into 32. A percentile is the middle of its bucket, within 1.6% of the exact one, and never outside
[min, max]; count, sum, minimum and maximum are exact. Percentiles of any span are those of merged buckets.

`packed` makes a frozen one of about two bytes a bucket: of those a target keeps an hour, and the history a row a
minute. The format is written down at `_pack`, because files are read again.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BITS = 6
_PER_DOUBLING = 1 << (_BITS - 1)
_UNSEEN = 1 << 63
MOST_CELLS = 64 * _PER_DOUBLING
"""More buckets than values of 63 bits fall into."""


class Packed(NamedTuple):
    """A frozen histogram; nanoseconds."""

    counted: int = 0
    total: int = 0
    low: int = 0
    high: int = 0
    cells: bytes = b""
    """Which buckets counted how much: see `_pack`."""


NOTHING = Packed()


class CoarseHistogram:
    """Values in nanoseconds, counted. Values below 0 count as 0."""

    __slots__ = ("_cells", "count", "high", "low", "total")

    def __init__(self) -> None:
        self._cells: dict[int, int] = {}
        self.count = self.total = 0
        self.low, self.high = _UNSEEN, -_UNSEEN

    @classmethod
    def merged(cls, parts: Sequence[Packed]) -> CoarseHistogram:
        """Return all that several counted together."""
        whole = cls()
        for part in parts:
            whole.add(part)
        return whole

    def record(self, value: int) -> None:
        """Count one value: on the path of every reply."""
        if value < 0:
            value = 0
        shift = value.bit_length() - _BITS
        cell = (shift << (_BITS - 1)) + (value >> shift) if shift > 0 else value
        cells = self._cells
        cells[cell] = cells.get(cell, 0) + 1
        self.count += 1
        self.total += value
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value

    def add(self, part: Packed) -> None:
        """Count everything that a frozen one counted."""
        if part.counted:
            self.count_all(part)
            cells = self._cells
            for cell, count in _unpacked_fast(part.cells):
                cells[cell] = cells.get(cell, 0) + count

    def merge(self, other: CoarseHistogram) -> None:
        """Count everything that another one counted."""
        if other.count:
            self.count_all(Packed(other.count, other.total, other.low, other.high))
            self.add_cells(other.cells)

    def count_all(self, part: Packed) -> None:
        """Count what a frozen one counted, but for its buckets."""
        if not part.counted:
            return
        self.count += part.counted
        self.total += part.total
        self.low = min(self.low, part.low)
        self.high = max(self.high, part.high)

    def add_cells(self, counted: Mapping[int, int]) -> None:
        """Count so many in each bucket."""
        cells = self._cells
        if not cells:
            cells.update(counted)
            return
        for cell, count in counted.items():
            cells[cell] = cells.get(cell, 0) + count

    @property
    def cells(self) -> Mapping[int, int]:
        """How many each bucket has; those that have none are left out."""
        return self._cells

    def packed(self) -> Packed:
        """Return it frozen."""
        if not self.count:
            return NOTHING
        return Packed(self.count, self.total, self.low, self.high, _pack(self._cells))

    @property
    def min(self) -> int | None:
        """The lowest value; None while there is none."""
        return self.low if self.count else None

    @property
    def max(self) -> int | None:
        """The highest value; None while there is none."""
        return self.high if self.count else None

    @property
    def mean(self) -> float | None:
        """The arithmetic mean; None while there is no value."""
        return self.total / self.count if self.count else None

    def percentiles(self, percents: Sequence[float]) -> list[int | None]:
        """Return the value of the nearest rank, ceil(percent/100 * count), for each of `percents`."""
        cells = sorted(self._cells)
        if not cells:
            return [None] * len(percents)
        reached = list(accumulate(map(self._cells.__getitem__, cells)))
        ranks = (max(1, -(-round(percent * 1000) * self.count // 100_000)) for percent in percents)
        last = len(cells) - 1  # of a row that was cut off the buckets may be fewer than what was counted
        return [self._within(_middle(cells[min(last, bisect_left(reached, rank))])) for rank in ranks]

    def _within(self, value: int) -> int:
        return max(self.low, min(self.high, value))


def _middle(cell: int) -> int:
    shift = cell // _PER_DOUBLING - 1
    if shift <= 0:
        return cell
    return ((cell - shift * _PER_DOUBLING) << shift) + (1 << shift >> 1)


def _pack(cells: dict[int, int]) -> bytes:
    """Return the buckets in ascending order: for each how far it is from the one before, and its count.

    Both are unsigned LEB128, seven bits a byte with the least significant first.
    """
    packed = bytearray()
    before = 0
    for cell in sorted(cells):
        for number in (cell - before, cells[cell]):
            rest = number
            while rest > 127:
                packed.append(rest & 127 | 128)
                rest >>= 7
            packed.append(rest)
        before = cell
    return bytes(packed)


def _unpacked_fast(cells: bytes) -> Iterable[tuple[int, int]]:
    """Return what `unpacked` yields; in two thirds of the time where each number but the first is a byte, as mostly."""
    end = next((n for n, byte in enumerate(cells, 1) if byte < 128), 0)
    rest = cells[end:]
    if not end or not rest.isascii():
        return unpacked(cells)
    first = sum((byte & 127) << 7 * n for n, byte in enumerate(cells[:end]))
    return zip(accumulate(rest[1::2], initial=first), rest[::2], strict=False)


def unpacked(cells: bytes) -> Iterator[tuple[int, int]]:
    """Yield (bucket, count) of what `_pack` made; what was cut off at its end is left out."""
    cell = number = shift = 0
    is_count = False
    for byte in cells:
        number |= (byte & 127) << shift
        shift += 7
        if byte > 127:
            continue
        if is_count:
            yield cell, number
        else:
            cell += number
        number, shift, is_count = 0, 0, not is_count
