"""How large TCP's segments may be: echoes of one segment each, on connections of their own.

For where no datagrams pass, or connections hang though they do. The far end's stack acknowledges a segment whatever
becomes of its echo, so it is known in which direction one vanished. The kernel says what it was told of the path.

Sizes are bytes of whole IP packets, with the timestamps option that TCP has by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.diagnose.checks.size import Segments
from netecho.diagnose.mtu_search import LARGEST, MtuSearch, Tried
from netecho.errors import NetechoError
from netecho.net.diagnose.counters import interface_of
from netecho.net.diagnose.search import Way, searched
from netecho.net.linux.interfaces import mtu_of
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.diagnose.run import Run
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

TCP_HEADERS = {4: 20 + 32, 6: 40 + 32}
"""Of IP and TCP, by the version."""
TLS_RECORD = 22
"""What TLS 1.3 adds to what is sent at once: a header, a type, a tag (RFC 8446 section 5.2)."""
PATIENCE = 3 * SECOND // 2
"""A segment is sent again after 0.2, 0.6 and 1.4 s, unless round trips are long (RFC 6298)."""
UNKNOWN_BELOW = 536
"""Bytes of a segment received, above which the kernel tells its size."""
TOLD = "this machine was told by ICMP"
SMALLER = "the segments are smaller"


class Both(NamedTuple):
    """What became of a segment, and of its echo; None where there could be none."""

    there: Tried
    back: Tried | None


async def measure(battery: Battery, target: Target) -> Segments | None:
    """Search in each direction; None where the system does not say what its TCP does."""
    search = MtuSearch()
    tried = _There(battery, target)
    there = await searched(tried, battery, search)
    if not tried.known:
        return None
    # A hole on the way there hides the way back.
    hidden = there.fate == "vanished" and there.fails is not None
    back = None if hidden or there.passes is None else await searched(_Back(tried), battery, MtuSearch())
    return Segments(forward=there, backward=back, target=str(target), headers=tried.headers)


class _There(Way):
    """Segments of this end: whether they are acknowledged."""

    def __init__(self, battery: Battery, target: Target) -> None:
        self._battery = battery
        self._target = target
        self.headers = TCP_HEADERS[6 if ":" in target.host else 4] + TLS_RECORD * (target.scheme == "tls")
        interface = interface_of(battery)
        self._mtu = None if interface is None else mtu_of(interface)
        self.known: dict[int, Both] = {}

    async def fates(self, sizes: Iterable[int]) -> dict[int, Tried]:
        """Echo a segment of each size, side by side."""
        sizes = list(sizes)
        await self.try_all(sizes)
        return {size: self.known[size].there for size in sizes if size in self.known}

    async def try_all(self, sizes: Iterable[int]) -> None:
        """Try these sizes."""
        await self._battery.side_by_side([self._echo(size) for size in sizes])

    async def _echo(self, size: int) -> None:
        try:
            run = await self._battery.measure(
                self._target, count=1, interval=100 * MILLISECOND, sizes=(size - self.headers,), timeout=PATIENCE
            )
        except NetechoError:
            return  # no connection, which says nothing of sizes
        both = None if self._battery.stopped else read(run, size, self.headers, self._mtu)
        if both is not None:
            self.known[size] = both


class _Back(Way):
    """Their echoes: whether they come back."""

    def __init__(self, there: _There) -> None:
        self._there = there
        self._old = set(there.known)

    async def fates(self, sizes: Iterable[int]) -> dict[int, Tried]:
        """Return what is known of each size, and try the others, and again those that were asked for before."""
        sizes = list(sizes)
        await self._there.try_all([size for size in sizes if size not in self._old])
        self._old.difference_update(sizes)
        known = self._there.known
        return {size: known[size].back or Tried("local") for size in sizes if size in known}


def read(run: Run, size: int, headers: int, interface_mtu: int | None) -> Both | None:
    """Return what became of a packet of `size` bytes by what the kernel says of its connection; None: it does not."""
    tcp = run.result.facts.tcp
    if tcp is None or tcp.mss is None or tcp.unacknowledged is None:
        return None
    came_back = bool(run.result.summary.received)
    if size > tcp.mss + headers:
        told = None not in (tcp.path_mtu, interface_mtu) and (tcp.path_mtu or 0) < (interface_mtu or LARGEST)
        largest = tcp.mss + headers
        return Both(Tried("refused", largest, TOLD) if told else Tried("local", largest, SMALLER), None)
    there = Tried("passed" if came_back or not tcp.unacknowledged else "vanished")
    if there.fate == "vanished":
        return Both(there, None)
    if not came_back:
        return Both(there, Tried("vanished"))
    received = tcp.largest_received
    if received is not None and UNKNOWN_BELOW < received < size - headers:
        return Both(there, Tried("local", received + headers, SMALLER))
    return Both(there, Tried("passed"))
