"""What a server tells of itself, as values: what a person's log and a script's NDJSON are written from.

Times are integer nanoseconds. `peer` is printable as it stands: an address that the kernel wrote, never bytes that
a client chose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.echo.snapshot import ServerSnapshot
    from netecho.echo.totals import Totals


class Listening(NamedTuple):
    """An address was had, and clients are answered there from now on."""

    url: str
    transport: str
    address: str
    """An IP literal, or the path of a Unix socket."""
    port: int | None
    pin: str | None = None
    """Of the certificate, `sha256:HEX`, where the transport is TLS."""


class Connected(NamedTuple):
    """A client was let in. `connection` counts from 1."""

    connection: int
    transport: str
    peer: str


class Received(NamedTuple):
    """Bytes came. Told only when somebody watches that closely; `connection` is None for a datagram."""

    connection: int | None
    transport: str
    peer: str
    size: int


class Disconnected(NamedTuple):
    """A connection is over; every one that was let in ends in one of these."""

    connection: int
    transport: str
    peer: str
    received: int
    sent: int
    duration: int
    reason: str


class Refused(NamedTuple):
    """Clients were turned away: `times` of them since the last time this peer and reason were told."""

    transport: str
    peer: str
    reason: str
    times: int


class Noticed(NamedTuple):
    """Something that whoever runs the server should know, and the server goes on."""

    kind: str
    """A word for scripts: `reloaded`, `descriptors`, `worker`, `certificate`."""
    text: str


class Stopped(NamedTuple):
    """The end, told last."""

    reason: str
    duration: int
    totals: Totals


class Counted(NamedTuple):
    """What the server is doing, because a signal or `--report-every` asked for it."""

    snapshot: ServerSnapshot


ServerEvent = Listening | Connected | Received | Disconnected | Refused | Noticed | Counted | Stopped
