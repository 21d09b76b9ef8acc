"""The interface between a session's driver and the transports: a link, what it is made from, what is known of it.

Only values and one protocol are here; each transport is a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from netecho.errors import NetechoError
from netecho.measure.facts import NO_FACTS, TransportFacts

if TYPE_CHECKING:
    from netecho.measure.payload import Payloads
    from netecho.measure.probe import Probe
    from netecho.measure.recording import Recording
    from netecho.net.client.job import Job
    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import Reactor

Trouble = Callable[[NetechoError, int | None], None]


class Established(NamedTuple):
    """A connection: where it leads, and the nanoseconds its phases took."""

    address: Address
    local: tuple[str, int] | None
    connect: int
    tls: int | None = None


class OpenedLink(NamedTuple):
    """A link, and what is known of how it was opened."""

    link: Link
    address: Address
    local: tuple[str, int] | None = None
    connect: int | None = None
    tls: int | None = None
    facts: Callable[[], TransportFacts] = lambda: NO_FACTS
    """Returns what is known of the link at the end of the run."""
    reached: Callable[[], Established | None] = lambda: None
    """The first connection, where a link connects only for each probe; None: there was none, or `address` says it."""


class LinkContext(NamedTuple):
    """What every link of a run is made from."""

    reactor: Reactor
    job: Job
    payloads: Payloads
    recorder: Recording
    addresses: list[Address]
    trouble: Trouble
    """Called with each error of the network, and its errno if it has one."""


class Link(Protocol):
    """What carries a session's probes."""

    stays_open: bool
    """Whether something can be received when all probes are settled."""

    def send(self, probe: Probe) -> None:
        """Send a probe and record in the session when it left, or that it failed."""

    def poll(self) -> None:
        """Read what waits in the socket, and pass it to the session: before probes are given up."""

    def settle(self) -> None:
        """Record bytes that were received and answer no probe: nothing more will be received."""

    def close(self) -> None:
        """Close the socket at once."""
