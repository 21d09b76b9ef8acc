"""A server's events, as values: what a person's log and a script's NDJSON are written from.

Times are integer nanoseconds. `peer` is printable as it stands: an address that the kernel wrote, never bytes that
a client chose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.echo.snapshot import ServerSnapshot
    from netecho.echo.totals import Totals


class Listening(NamedTuple):
    """An address is bound, and clients are served there from now on."""

    url: str
    transport: str
    address: str
    """An IP literal, or the path of a Unix socket."""
    port: int | None
    pin: str | None = None
    """Of the certificate, `sha256:HEX`, where the transport is TLS."""


class Connected(NamedTuple):
    """A connection was accepted. `connection` counts from 1."""

    connection: int
    transport: str
    peer: str


class Received(NamedTuple):
    """Bytes came: only where `ServerSettings.log_received`. `connection` is None for a datagram."""

    connection: int | None
    transport: str
    peer: str
    size: int


class Disconnected(NamedTuple):
    """A connection has ended; there is one of these for each that was accepted."""

    connection: int
    transport: str
    peer: str
    received: int
    sent: int
    duration: int
    reason: str


class Refused(NamedTuple):
    """Connections or datagrams were refused: `times` since the last such event of this peer and reason."""

    transport: str
    peer: str
    reason: str
    times: int


class Noticed(NamedTuple):
    """Something that the operator should know; the server goes on."""

    kind: str
    """A word for scripts: `reloaded`, `not_reloaded`, `descriptors`, `address`, `worker`, `log`, `bug`."""
    text: str


class Stopped(NamedTuple):
    """The end: always the last event."""

    reason: str
    duration: int
    totals: Totals


class Counted(NamedTuple):
    """What the server is doing, because a signal or `--report-every` asked for it."""

    snapshot: ServerSnapshot


ServerEvent = Listening | Connected | Received | Disconnected | Refused | Noticed | Counted | Stopped
