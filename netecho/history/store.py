"""Writing a history: whole batches or nothing, and what is too old removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.history.database import open_for_writing
from netecho.history.rows import Minute, Outage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.monitor.histogram import Packed

_MINUTE = "INSERT OR REPLACE INTO minutes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_OUTAGE = "INSERT OR REPLACE INTO outages VALUES (?, ?, ?, ?, ?)"


class Store:
    """An open history. Every method raises sqlite3.Error where the file cannot be written: nothing is then."""

    def __init__(self, path: str) -> None:
        """Open it, or make it. Raises UsageError."""
        self._database = open_for_writing(path)
        self._targets: dict[tuple[str, str], int] = {}

    def write(self, rows: Iterable[Minute | Outage]) -> None:
        """Write rows, all of them or none; they are on the disk when this returns."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for row in rows:
                number = self._target(row.target, row.url)
                if isinstance(row, Minute):
                    slot = row.slot
                    values = (number, row.began, *slot.counts, *_times(slot.rtt), *_times(slot.response))
                    self._database.execute(_MINUTE, values)
                else:
                    self._database.execute(_OUTAGE, (number, row.began, row.ended, row.state, row.reason))
            self._database.execute("COMMIT")
        except BaseException:
            self._targets.clear()  # those that were made with it are gone
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def prune(self, before: int) -> None:
        """Remove what began before so many seconds since 1970."""
        numbers = [number for (number,) in self._database.execute("SELECT id FROM targets")]
        for number in numbers:
            self._database.execute("DELETE FROM minutes WHERE target = ? AND began < ?", (number, before))
            self._database.execute("DELETE FROM outages WHERE target = ? AND began < ?", (number, before * 1000))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _target(self, name: str, url: str) -> int:
        number = self._targets.get((name, url))
        if number is None:
            self._database.execute("INSERT OR IGNORE INTO targets (name, url) VALUES (?, ?)", (name, url))
            found = self._database.execute("SELECT id FROM targets WHERE name = ? AND url = ?", (name, url)).fetchone()
            number = self._targets[name, url] = int(found[0])
        return number


def _times(packed: Packed) -> Sequence[int | bytes]:
    return packed
