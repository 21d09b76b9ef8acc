"""What a target's probes came to in the last minute and the last hour, in bounded memory.

They are kept as plain tuples, all the way down: those of numbers and bytes the garbage collector looks at once and no
more. Named ones it went through time and again, 300,000 of 1,000 targets, in 0.2 s in which no probe left.

Time is cut into slots of five seconds, and twelve of those become a minute. A probe counts in the slot in which its
fate became known. Slots that are over are kept frozen; figures of a span are made of its slots' merged buckets. The
last minute is the slot under way and the eleven before it, the last hour the minute under way and the 59 before it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.measure.stats.distribution import Distribution
from netecho.measure.summary import Summary
from netecho.monitor.directions import Located
from netecho.monitor.histogram import NOTHING, CoarseHistogram, Packed
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SLOT = 5 * SECOND
SLOTS = 12
"""Of a minute."""
MINUTES = 60


class Counts(NamedTuple):
    """Probes, and what became of them."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    dropped_here: int = 0
    late: int = 0
    duplicate: int = 0
    reordered: int = 0
    corrupt: int = 0

    def since(self, before: Counts) -> Counts:
        """Return what was counted since `before`."""
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))

    @classmethod
    def of_all(cls, parts: Iterable[Counts]) -> Counts:
        """Return the sum."""
        return cls(*(sum(each) for each in zip(*parts, strict=True)))


class OneWay(NamedTuple):
    """What each direction came to, where the far end stamps too."""

    lost_forward: int = 0
    """Of the losses of this time, and so is `lost_backward`."""
    lost_backward: int = 0
    forward: Packed = NOTHING
    backward: Packed = NOTHING
    earlier: Located = Located()
    """Of losses before this time, of which it became known now where they were lost."""


class Slot(NamedTuple):
    """A stretch of time."""

    counts: Counts
    rtt: Packed
    response: Packed
    p50: int | None = None
    p99: int | None = None
    """Of rtt."""
    one_way: OneWay | None = None


_Kept = tuple[Any, ...]
"""A slot as it is kept."""
_LOST, _P50 = Counts._fields.index("lost"), Slot._fields.index("p50")
"""Where they stand in it."""


def _kept(slot: Slot) -> _Kept:
    ways = slot.one_way
    plain = None
    if ways is not None:
        delays = tuple(ways.forward), tuple(ways.backward)
        plain = (ways.lost_forward, ways.lost_backward, *delays, tuple(ways.earlier))
    return (tuple(slot.counts), tuple(slot.rtt), tuple(slot.response), slot.p50, slot.p99, plain)


def _slot(kept: _Kept) -> Slot:
    counts, rtt, response, p50, p99, ways = kept
    one_way = None
    if ways is not None:
        there, back, forward, backward, earlier = ways
        one_way = OneWay(there, back, Packed(*forward), Packed(*backward), Located(*earlier))
    return Slot(Counts(*counts), Packed(*rtt), Packed(*response), p50, p99, one_way)


class Windows:
    """The slots of one target."""

    __slots__ = ("_before", "_in_minute", "_minutes", "_slots")

    def __init__(self) -> None:
        self._before: Slot | None = None
        """The minutes of the last hour as one, made when it is asked for."""
        self._in_minute = 0
        """Slots of the minute under way that are over."""
        self._slots: deque[_Kept] = deque(maxlen=SLOTS)
        self._minutes: deque[_Kept] = deque(maxlen=MINUTES)

    def add(self, slot: Slot, *, ends_minute: bool) -> Slot | None:
        """Take in a slot that is over; return the minute that ended with it, if one did."""
        self._slots.append(_kept(slot))
        self._in_minute += 1
        if not ends_minute:
            return None
        # Where no slot was closed for a while there are fewer of them than usual, and the others were counted before.
        minute = merged([_slot(each) for each in tuple(self._slots)[-self._in_minute :]])
        self._in_minute, self._before = 0, None
        self._minutes.append(_kept(minute))
        return minute

    def minute(self, under_way: Slot) -> Sequence[Slot]:
        """Return the slots of the last minute, the one under way included."""
        return (*map(_slot, islice(self._slots, max(0, len(self._slots) - SLOTS + 1), None)), under_way)

    def hour(self, under_way: Slot) -> Sequence[Slot]:
        """Return the last hour in a few parts, the slot under way included."""
        if self._before is None:
            self._before = merged([_slot(each) for each in tuple(self._minutes)[-MINUTES + 1 :]])
        latest = map(_slot, islice(self._slots, max(0, len(self._slots) - self._in_minute), None))
        return (self._before, *latest, under_way)

    def at_a_glance(self) -> tuple[int, int]:
        """Return what a table is ordered by: the losses of the last minute, and the latest median round trip."""
        slots = self._slots  # as they are kept: this is asked of every target for each frame
        return sum(counts[_LOST] for counts, *_ in slots), (slots[-1][_P50] if slots else None) or 0

    @property
    def minutes(self) -> Sequence[Slot]:
        """The minutes of the last hour that are over, in order of time."""
        return tuple(map(_slot, self._minutes))


def merged(slots: Sequence[Slot]) -> Slot:
    """Return several slots as one."""
    rtt = CoarseHistogram.merged([slot.rtt for slot in slots])
    response = CoarseHistogram.merged([slot.response for slot in slots])
    p50, p99 = rtt.percentiles((50, 99))
    return Slot(
        Counts.of_all(slot.counts for slot in slots) if slots else Counts(),
        rtt.packed(),
        response.packed(),
        p50,
        p99,
        one_way=_merged_directions(slots),
    )


def _merged_directions(slots: Sequence[Slot]) -> OneWay | None:
    """Return the directions of slots in order of time: what a later one tells of an earlier one is in its losses."""
    parts = [slot.one_way for slot in slots if slot.one_way is not None]
    if not parts:
        return None
    known, earlier, unknown = Located(), Located(), 0
    for slot in slots:
        unknown += slot.counts.lost
        if slot.one_way is not None:
            own = Located(slot.one_way.lost_forward, slot.one_way.lost_backward)
            unknown -= sum(own)
            told = slot.one_way.earlier
            late = told.shared(unknown)
            unknown -= sum(late)
            known, earlier = known.plus(own).plus(late), earlier.plus(told.minus(late))
    return OneWay(
        *known,
        CoarseHistogram.merged([part.forward for part in parts]).packed(),
        CoarseHistogram.merged([part.backward for part in parts]).packed(),
        earlier,
    )


def summary(slots: Sequence[Slot]) -> Summary:
    """Return the figures of a span, under the names that a run has; what a monitor does not count is left out."""
    counts = Counts.of_all(slot.counts for slot in slots) if slots else Counts()
    return Summary(
        **counts._asdict(),
        rtt=_distribution(slot.rtt for slot in slots),
        response=_distribution(slot.response for slot in slots),
        **_of_directions(slots),
    )


def _of_directions(slots: Sequence[Slot]) -> dict[str, Any]:
    whole = _merged_directions(slots)
    if whole is None:
        return {}
    return {
        "lost_forward": whole.lost_forward,
        "lost_backward": whole.lost_backward,
        "forward": _distribution([whole.forward]),
        "backward": _distribution([whole.backward]),
    }


def _distribution(parts: Iterable[Packed]) -> Distribution:
    whole = CoarseHistogram.merged(tuple(parts))
    p50, p90, p95, p99, p99_9 = whole.percentiles((50, 90, 95, 99, 99.9))
    return Distribution(
        count=whole.count,
        min=whole.min,
        mean=whole.mean,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        p99_9=p99_9,
        max=whole.max,
    )
