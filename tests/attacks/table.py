"""The table of the attacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.attacks import datagrams, stamp, streams

if TYPE_CHECKING:
    from tests.attacks.attack import Attack

TEXT = ("--mode", "text")
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    attack: Attack
    options: tuple[str, ...] = ()
    """Of the server."""
    client: str = "tcp"
    """What the client that behaves speaks."""
    memory: int = 60 * MIB
    """The server may have so much more resident at the end than at the beginning."""

    @property
    def name(self) -> str:
        return self.attack.__name__ + ("" if self.client == "tcp" else f" ({self.client} client)")


ROWS: tuple[Row, ...] = (
    Row(streams.newline_flood, TEXT),
    Row(streams.newline_flood, TEXT, client="udp"),
    Row(streams.bulk),
    Row(streams.bulk, client="udp"),
    Row(streams.never_reading),
    Row(streams.never_reading, TEXT),
    Row(streams.long_lines, (*TEXT, "--reply", "{}" * 16)),
    Row(streams.idle),
    Row(streams.slow),
    Row(streams.churn),
    Row(streams.resets),
    Row(streams.handshake_drip),
    Row(datagrams.forged_loops),
    Row(datagrams.forged_loops, client="udp"),
    Row(datagrams.udp_newlines, TEXT),
    Row(datagrams.udp_newlines, TEXT, client="udp"),
    Row(datagrams.udp_flood),
    Row(stamp.stamp_sessions, ("--stateful",)),
    Row(stamp.stamp_sessions, ("--stateful",), client="udp"),
    Row(stamp.stamp_garbage),
    Row(stamp.stamp_empty_tlvs, client="udp"),
)
