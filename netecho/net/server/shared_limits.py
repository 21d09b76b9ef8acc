"""The limits of a server with several workers: counters in memory that all of them share.

Every worker counts in a column of its own, so that a worker that was killed is subtracted by clearing its column.
What one more connection has to be compared with is the sum over the columns, under a lock of the kernel's
(fcntl(2)), which is gone with the process that held it. So a limit holds exactly for all workers together, at the
cost of two system calls for each new connection and of none for each closed one.

What was weighed:

- A share of the limit for each worker, as it was: the kernel deals clients out by a hash of their addresses, and
  not evenly. For a limit of 4, between 4 and 6 were accepted; for 240, 237. One client's rate limit over UDP was a
  quarter of the limit with four workers, as its one flow goes to one worker.
- Asking the supervisor: one dictionary in one process, but each new connection waits for two more processes to be
  scheduled, and behind the log's events in the same pipe.
- Leases from the supervisor: the same asking near the limit, and a recall of what others have leased and not used.
- Accepting in the supervisor and handing the sockets over: a bottleneck in front of all workers.
- A semaphore with SEM_UNDO: exact and without a lock, but one for each client is more than a system has.

What may be sent to clients that ask for more than they send (STAMP's TLV 12) is counted here too, and the key by
which a worker knows another's cookies is made of the salt.

The rate limit shares its places in the same way but without columns and lock, which every datagram would have to
pay for: what two workers count in the same place within some 100 ns may count as one.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from netecho.echo.limits import (
    RateLimit,
    connection_limit_reached,
    handshake_limit_reached,
    most_handshakes,
    per_client_limit_reached,
)
from netecho.echo.reply_budget import ReplyBudget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.echo.limits import Limits

_BUCKET = 32
"""Entries that are searched for a client."""

_MEAN = 8
"""Clients in a bucket on average when all connections are open, each of another client: a 33rd is then one in 10^11."""

_MOST_CLIENTS = 65_536
"""Clients that are kept apart where the number of connections is not limited."""


class SharedLimits:
    """The counters of all workers. The supervisor makes them; each worker opens them by the same file."""

    def __init__(self, limits: Limits, workers: int, salt: bytes, descriptor: int | None = None) -> None:
        self.limits = limits
        self.workers = workers
        self.salt = salt
        clients = _MOST_CLIENTS if limits.connections is None else limits.connections
        self._buckets = -(-max(clients, 1) // _MEAN)
        entries = self._buckets * _BUCKET
        # The parts whose items are the widest come first, so that each is aligned.
        sizes = (8 * entries, RateLimit.MEMORY, ReplyBudget.MEMORY, 4 * workers, 4 * workers, 4 * workers * entries)
        self.descriptor = _memory_file() if descriptor is None else descriptor
        """Of the file that is the memory, to be inherited by the workers."""
        if descriptor is None:
            os.ftruncate(self.descriptor, sum(sizes))
        view = memoryview(mmap.mmap(self.descriptor, sum(sizes)))
        keys, rate, self._replies, opened, handshakes, counts = _parts(view, sizes)
        self._keys = keys.cast("Q")
        self._open = opened.cast("I")
        self._handshakes = handshakes.cast("I")
        self._counts = counts.cast("I")
        self.rate = RateLimit(limits.rate, int.from_bytes(salt[:8]), rate)

    @property
    def cookie_key(self) -> bytes:
        """Of the cookies that clients prove their addresses with, the same in all workers."""
        return blake2b(b"cookies", digest_size=32, key=self.salt).digest()

    def reply_budget(self) -> ReplyBudget:
        """Return what may be sent to clients that ask for more than they send."""
        return ReplyBudget(int.from_bytes(self.salt[8:16]), self._replies)

    @property
    def open(self) -> int:
        """Open connections of all workers."""
        return sum(self._open)

    def close(self) -> None:
        """Give the file back; the counters can be used no more."""
        os.close(self.descriptor)

    def gate(self, worker: int) -> SharedGate:
        """Return the gate of one worker; workers are numbered from 0."""
        return SharedGate(self, worker)

    def clear(self, worker: int) -> None:
        """Clear the counts of a worker that has ended."""
        self._open[worker] = 0
        self._handshakes[worker] = 0
        for entry, key in enumerate(self._keys.tolist()):
            if key:
                self._counts[entry * self.workers + worker] = 0

    def enter(self, worker: int, client: str, *, handshake: bool = False) -> str | None:
        """Count one more connection of `client`; or return why it may not be opened, and count nothing."""
        most, each = self.limits.connections, self.limits.per_client
        with self._locked():
            if most is not None and sum(self._open) >= most:
                return connection_limit_reached(most)
            if handshake and most is not None and sum(self._handshakes) >= most_handshakes(most):
                return handshake_limit_reached(most_handshakes(most))
            if each is not None:
                key = self._key(client)
                entry = self._entry(key)
                if entry is None:
                    entry = self._free_entry(key)
                    if entry is None:
                        return "more clients have connections open than can be counted (--max-per-client)"
                    self._keys[entry] = key
                elif self._sum(entry) >= each:
                    return per_client_limit_reached(each)
                self._counts[entry * self.workers + worker] += 1
            self._open[worker] += 1
            self._handshakes[worker] += handshake
        return None

    def end_handshake(self, worker: int) -> None:
        """Count one TLS handshake less, be it done or failed."""
        self._handshakes[worker] -= 1

    def leave(self, worker: int, client: str) -> None:
        """Count one connection of `client` less. Without the lock: nobody else writes this worker's column."""
        self._open[worker] -= 1
        if self.limits.per_client is not None:
            entry = self._entry(self._key(client))
            if entry is not None:
                self._counts[entry * self.workers + worker] -= 1

    def _key(self, client: str) -> int:
        """Return what stands for a client: not 0, and not to be foreseen by the client."""
        return int.from_bytes(blake2b(client.encode(), digest_size=8, key=self.salt).digest()) or 1

    def _entry(self, key: int) -> int | None:
        start = key % self._buckets * _BUCKET
        keys = self._keys[start : start + _BUCKET].tolist()
        return start + keys.index(key) if key in keys else None

    def _free_entry(self, key: int) -> int | None:
        """Return an entry that no open connection needs."""
        start = key % self._buckets * _BUCKET
        return next((entry for entry in range(start, start + _BUCKET) if not self._sum(entry)), None)

    def _sum(self, entry: int) -> int:
        return sum(self._counts[entry * self.workers : (entry + 1) * self.workers])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN)


class SharedGate:
    """One worker's access to the counters; it does what `limits.Gate` does for one process."""

    def __init__(self, shared: SharedLimits, worker: int) -> None:
        self._shared = shared
        self._worker = worker

    def enter(self, client: str, *, handshake: bool = False) -> str | None:
        """Count one more connection of `client`; or return why it may not be opened, and count nothing."""
        return self._shared.enter(self._worker, client, handshake=handshake)

    def end_handshake(self) -> None:
        """Count one TLS handshake less, be it done or failed."""
        self._shared.end_handshake(self._worker)

    def leave(self, client: str) -> None:
        """Count one connection of `client` less."""
        self._shared.leave(self._worker, client)


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("netecho-limits")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _parts(view: memoryview, sizes: tuple[int, ...]) -> list[memoryview]:
    parts, start = [], 0
    for size in sizes:
        parts.append(view[start : start + size])
        start += size
    return parts
