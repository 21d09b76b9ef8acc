"""What this machine counts of its own losses, before and after: Linux's /proc, and nothing elsewhere."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.diagnose.checks.host import Observed, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery

_INTERFACE_COUNTERS = {
    "receive_errors": 2,
    "receive_dropped": 3,
    "receive_fifo": 4,
    "transmit_errors": 10,
    "transmit_dropped": 11,
    "transmit_fifo": 12,
}
"""By their place in a line of /proc/net/dev (proc(5))."""


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters at one time; empty where the system has none."""

    interfaces: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    socket_drops: int | None = None
    busy: tuple[int, int] | None = None
    """The processors' time in use, and all of it."""


def read() -> Counters:
    """Read them."""
    with suppress(OSError, ValueError, IndexError):
        return Counters(
            interfaces=interfaces(Path("/proc/net/dev").read_text("ascii")),
            socket_drops=receive_buffer_errors(Path("/proc/net/snmp").read_text("ascii")),
            busy=processors(Path("/proc/stat").read_text("ascii")),
        )
    return Counters()


def interfaces(text: str) -> dict[str, dict[str, int]]:
    """Return the counters of each interface from the text of /proc/net/dev."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = rest.split()
        found[name.strip()] = {counter: int(fields[place]) for counter, place in _INTERFACE_COUNTERS.items()}
    return found


def receive_buffer_errors(text: str) -> int | None:
    """Return how many UDP datagrams found a full receive buffer, from the text of /proc/net/snmp."""
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values, strict=True))["RcvbufErrors"])


def processors(text: str) -> tuple[int, int]:
    """Return the processors' time in use and all of it, from the text of /proc/stat."""
    fields = [int(each) for each in text.splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def judged(battery: Battery, before: Counters) -> Outcome:
    """Have judged what was counted since."""
    after, interface = read(), _interface(battery)
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
    if before.busy is None or after.busy is None or after.busy[1] == before.busy[1]:
        return None
    return (after.busy[0] - before.busy[0]) / (after.busy[1] - before.busy[1])


def _interface(battery: Battery) -> str | None:
    """Return the interface that has the address which the probes left from; None where it is not found."""
    local = next((run.result.start.route.local_address for run in battery.runs), None)
    if local is None or ":" in local:
        return None
    from netecho.net.linux.interfaces import address_of

    with suppress(OSError):
        for _, name in socket.if_nameindex():
            if address_of(name) == local:
                return name
    return None
