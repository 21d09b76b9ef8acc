"""What carries a flow's probes, and what it is made from: the words that all transports share.

Only values and the one protocol are here; how bytes travel is each transport's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from netecho.errors import NetechoError

if TYPE_CHECKING:
    import socket

    from netecho.measure.payload import Payloads
    from netecho.measure.recorder import Recorder
    from netecho.measure.session import Probe
    from netecho.net.client.connect import Address
    from netecho.net.client.job import Job
    from netecho.net.linux.timestamping import SocketTimestamps

Trouble = Callable[[NetechoError, int | None], None]
Facts = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """A connection: where it leads, and the nanoseconds its phases took."""

    address: Address
    local: tuple[str, int] | None
    connect: int
    tls: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLink:
    """A link, and what is known of how it came about."""

    link: Link
    address: Address
    local: tuple[str, int] | None = None
    connect: int | None = None
    tls: int | None = None
    facts: Callable[[Any], Facts] = lambda _: {}
    """What the system knows of a link of this kind at the end of the run, as sections of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContext:
    """What every link of a run is made from."""

    reactor: Any
    job: Job
    payloads: Payloads
    recorder: Recorder
    addresses: list[Address]
    trouble: Trouble
    """Is told what the network refuses, with its errno if it has one."""


class Link(Protocol):
    """What carries a flow's probes."""

    def send(self, probe: Probe) -> None:
        """Send a probe and tell the session when it left, or that it failed."""

    def poll(self) -> None:
        """Hand over what has arrived and waits to be read, before its probes are given up."""

    def close(self) -> None:
        """Let go of the socket, at once."""


# Sends whose stamp is still awaited. A stamp that has not come after so many more will not come.
_AWAITED = 4096


class PendingTxTimestamps:
    """The sends of one socket whose stamps have not come yet."""

    def __init__(self, timestamps: SocketTimestamps, skt: socket.socket) -> None:
        self._timestamps = timestamps
        self._socket = skt
        self._awaited: dict[int, Probe] = {}

    def __bool__(self) -> bool:
        """Whether a stamp has not come yet."""
        return bool(self._awaited)

    def expect(self, number: int, probe: Probe) -> None:
        """Await the stamp that the system will give this number; it may have come already."""
        self._awaited[number] = probe

    def collect(self, *, everything: bool = False) -> None:
        """Give each probe the stamp that has come for it."""
        awaited = self._awaited
        for number, tx_timestamp in self._timestamps.drain(self._socket, everything=everything):
            probe = awaited.pop(number, None)
            if probe is not None:
                probe.tx_timestamp = tx_timestamp
        if len(awaited) > _AWAITED:
            del awaited[next(iter(awaited))]
