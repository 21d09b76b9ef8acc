"""What this machine counts of its own losses, before and after: Linux's /proc, and nothing elsewhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from netecho.diagnose.checks.host import Observed, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery

T = TypeVar("T")

_INTERFACE_COUNTERS = {
    "receive_errors": 2,
    "receive_dropped": 3,
    "receive_fifo": 4,
    "transmit_errors": 10,
    "transmit_dropped": 11,
    "transmit_fifo": 12,
}
"""By their place in a line of /proc/net/dev (proc(5))."""
_IDLE, _IOWAIT = 3, 4
"""Their places in the first line of /proc/stat, after its name."""
_FEWEST_TICKS = 100
"""A second of one processor: in less this process' own start is most of what they did."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters at one time; empty where the system has none."""

    interfaces: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    socket_drops: int | None = None
    busy: tuple[int, int] | None = None
    """The processors' time in use, and all of it."""


def read() -> Counters:
    """Read them; what this system does not have, or writes in a way of its own, is left out."""
    return Counters(
        interfaces=_read("/proc/net/dev", interfaces) or {},
        socket_drops=_read("/proc/net/snmp", receive_buffer_errors),
        busy=_read("/proc/stat", processors),
    )


def _read(path: str, parse: Callable[[str], T]) -> T | None:
    with suppress(OSError, ValueError):
        return parse(Path(path).read_text("ascii"))
    return None


def interfaces(text: str) -> dict[str, dict[str, int]]:
    """Return the counters of each interface from the text of /proc/net/dev. Raises ValueError for any other."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.rpartition(":")  # an alias has a colon in its name
        fields = rest.split()
        if not name or len(fields) <= max(_INTERFACE_COUNTERS.values()):
            raise ValueError(f"no interface and its counters: {line!r}")
        found[name.strip()] = {counter: int(fields[place]) for counter, place in _INTERFACE_COUNTERS.items()}
    return found


def receive_buffer_errors(text: str) -> int:
    """Return how many UDP datagrams found a full receive buffer, from the text of /proc/net/snmp.

    Raises ValueError where it does not say.
    """
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values, strict=True)).get("RcvbufErrors", ""))


def processors(text: str) -> tuple[int, int]:
    """Return the processors' time in use and all of it, from the text of /proc/stat.

    Raises ValueError for any other.
    """
    fields = [int(each) for each in text.partition("\n")[0].split()[1:9]]
    if len(fields) < _IOWAIT + 1:
        raise ValueError("no processors' times")
    return sum(fields) - fields[_IDLE] - fields[_IOWAIT], sum(fields)


def judged(battery: Battery, before: Counters) -> Outcome:
    """Have judged what was counted since."""
    after, interface = read(), interface_of(battery)
    return judge(
        Observed(
            runs=battery.runs,
            interface=interface,
            interface_drops=_difference(before, after, interface),
            socket_drops=_less(after.socket_drops, before.socket_drops),
            busy=_busy(before, after),
        )
    )


def _difference(before: Counters, after: Counters, interface: str | None) -> dict[str, int] | None:
    if interface is None or interface not in before.interfaces or interface not in after.interfaces:
        return None
    return {name: count - before.interfaces[interface][name] for name, count in after.interfaces[interface].items()}


def _less(after: int | None, before: int | None) -> int | None:
    return None if after is None or before is None else after - before


def _busy(before: Counters, after: Counters) -> float | None:
    if before.busy is None or after.busy is None or after.busy[1] - before.busy[1] < _FEWEST_TICKS:
        return None
    return (after.busy[0] - before.busy[0]) / (after.busy[1] - before.busy[1])


def interface_of(battery: Battery) -> str | None:
    """Return the interface that has the address which the probes left from; None where it is not found."""
    from netecho.net.linux.interfaces import interface_with

    local = next((address for run in battery.runs if (address := run.result.start.route.local_address)), None)
    return None if local is None else interface_with(local)
