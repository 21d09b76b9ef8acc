"""The table of minutes, as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.directions import Located
from netecho.monitor.histogram import Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_MINUTES = "SELECT * FROM minutes WHERE target = ? AND began >= ? AND began < ? ORDER BY began"


class MinuteData(NamedTuple):
    """A minute of one target."""

    began: int
    """Seconds since 1970."""
    counts: Counts
    rtt: Packed
    response: Packed
    located: Located | None
    """Of those that were lost; None where the far end did not stamp."""


def minutes_of(database: sqlite3.Connection, target: int, since: int, until: int) -> Iterator[MinuteData]:
    """Yield the minutes of a target that began from `since` on and before `until`, seconds since 1970, in order."""
    for row in database.execute(_MINUTES, (target, since, until)):
        yield MinuteData(row[1], Counts(*row[2:10]), Packed(*row[10:15]), Packed(*row[15:20]), located(*row[20:22]))


def located(forward: int | None, backward: int | None) -> Located | None:
    """Return what a row has of where probes were lost."""
    return None if forward is None or backward is None else Located(forward, backward)


def all_located(parts: Iterable[Located | None]) -> Located | None:
    """Return the sum; None where the far end did not stamp in any of them."""
    known = [part for part in parts if part is not None]
    return Located(*map(sum, zip(*known, strict=True))) if known else None
