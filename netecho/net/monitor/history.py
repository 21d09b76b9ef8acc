"""Writing the history beside the probes: in a thread of its own, for a disk may take its time.

Rows are handed over without waiting. Each second what has come is one transaction. Where the file cannot be written
(no room, locked, gone) that is said once, rows are kept, up to a bound, and it is tried again.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.history.rows import Minute, Outage
from netecho.history.store import Store
from netecho.monitor.state import State
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot
    from netecho.net.reactor.interfaces import ReactorThreads

KEPT = 100_000
"""Rows that are kept while the file cannot be written; of more, the oldest are left out."""
GATHER = 1.0
RETRY = 10.0
"""Seconds from the first row of a batch to its writing, and from a failure to the next attempt."""
BRING_UP = 50 * SECOND
"""Nanoseconds from one call to have minutes in their hours to the next, at least: one each minute."""
PRUNE = 3600 * SECOND
"""Nanoseconds from one removal of what is too old to the next."""
GIVES_WAY = 0.0003
"""Seconds after which the thread lets the reactor go on, if that waits for the interpreter; else they were 5 ms."""
LAST = 10.0
"""Seconds that the end waits for the last rows."""


class Keep(NamedTuple):
    """What is kept of a history."""

    age: int
    """Nanoseconds."""
    size: int | None = None
    """Bytes of the file; None: as many as it takes."""


class Batches:
    """Rows that wait, and the attempts to write them: `add` is called by the reactor, the others by the thread."""

    def __init__(self, path: str, keep: Keep, said: Callable[[str], None], wall: Callable[[], int]) -> None:
        self._path = path
        self._keep = keep
        self._said = said
        self._wall = wall
        self._lock = threading.Lock()
        self._rows: deque[Minute | Outage] = deque()
        self._left_out = 0
        self._store: Store | None = None
        self._failing = False
        self._prune_at = self._hours_at = 0

    def add(self, row: Minute | Outage) -> None:
        """Have a row written."""
        with self._lock:
            self._rows.append(row)
            self._trim()

    def _trim(self) -> None:
        while len(self._rows) > KEPT:
            self._rows.popleft()
            self._left_out += 1

    def attempt(self) -> bool:
        """Write what waits; return whether that went well. What went wrong is said once, until it goes well again."""
        with self._lock:
            rows = tuple(self._rows)
            self._rows.clear()
        try:
            if self._store is not None and not self._store.is_in_place:
                self.close()
                self._said(f"{self._path!r} is not the file any more that was written: what comes is in a new one")
            if self._store is None:
                self._store = Store(self._path)
            if self._keep.size is not None:
                self._store.make_room(len(rows), self._keep.size)
            if rows:
                self._store.write(rows)
                rows = ()  # they are kept: what goes wrong from here on has no need of them again
            self._tidy(self._store)
        except (sqlite3.Error, UsageError, OSError) as error:
            with self._lock:
                self._rows.extendleft(reversed(rows))
                self._trim()
            self._failed(str(error))
            return False
        if self._failing:
            self._failing = False
            lost, self._left_out = self._left_out, 0
            self._said("the history is written again" + (f"; {lost} rows of it are lost" if lost else ""))
        return True

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _failed(self, why: str) -> None:
        self.close()
        if not self._failing:
            self._failing = True
            self._said(f"the history cannot be written, and is tried again each {RETRY:g} s: {why}")

    def _tidy(self, store: Store) -> None:
        now = self._wall()
        if not self._hours_at - BRING_UP < now < self._hours_at:  # or the clock was set
            store.bring_up(now // SECOND)
            self._hours_at = now + BRING_UP
        if not self._prune_at - PRUNE < now < self._prune_at:
            store.prune((now - self._keep.age) // SECOND)
            self._prune_at = now + PRUNE


class HistoryWriter:
    """Keeps what happens to the targets."""

    def __init__(
        self,
        reactor: ReactorThreads,
        path: str,
        keep: Keep,
        said: Callable[[str], None],
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Open the file. `said` is told what goes wrong. Raises UsageError."""
        Store(path).close()  # what is wrong with it is said before anything is begun

        def tell(sentence: str) -> None:
            reactor.callFromThread(said, sentence)

        self._wall = wall
        self._batches = Batches(path, keep, tell, wall)
        self._outages: dict[tuple[str, str], tuple[Outage, int]] = {}
        """Those that are not over, and when each began by the clock of states: that one is not set."""
        sys.setswitchinterval(GIVES_WAY)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def minute_ended(self, target: MonitoredTarget, minute: Slot) -> None:
        """Keep a minute that is over."""
        settings = target.settings
        self._add(Minute(settings.name, settings.target.url, self._wall() // SECOND - 60, minute))

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Keep an outage that begins, goes on for another reason, or ends."""
        key = name, url = target.settings.name, target.settings.target.url
        now = self._wall() // MILLISECOND
        new = Outage(name, url, now, None, "", "")
        known, at = self._outages.pop(key, (new, change.at))
        if change.after in (State.DOWN, State.UNREACHABLE):
            known = known._replace(state=str(change.after), reason=change.reason)
            self._outages[key] = known, at
            self._add(known)
        elif known.state:
            self._add(known._replace(ended=known.began + (change.at - at) // MILLISECOND))

    def reconfigured(self, targets: Iterable[MonitoredTarget]) -> None:
        """Take in that these are watched from now on: of one that is not, nobody knows when its outage ends."""
        watched = {(each.settings.name, each.settings.target.url) for each in targets}
        self._outages = {key: known for key, known in self._outages.items() if key in watched}

    def stop(self) -> None:
        """Write what is left, and close the file."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(LAST)

    def _add(self, row: Minute | Outage) -> None:
        self._batches.add(row)
        self._wake.set()

    def _run(self) -> None:
        """Write, in the thread."""
        went_well = True
        while not self._stopping.is_set():
            self._wake.wait(None if went_well else RETRY)
            self._stopping.wait(GATHER)
            self._wake.clear()
            went_well = self._batches.attempt()
        self._batches.attempt()
        self._batches.close()
