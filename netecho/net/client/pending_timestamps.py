"""Probes that were sent and whose tx timestamp is still to come through the error queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from netecho.measure.probe import Probe
    from netecho.net.linux.timestamping import SocketTimestamps


# The most sends that wait for their timestamp; after so many more, the oldest one's is given up.
_AWAITED = 4096


class PendingTxTimestamps:
    """The sends of one socket whose timestamps are still to come."""

    def __init__(self, timestamps: SocketTimestamps, skt: socket.socket) -> None:
        self._timestamps = timestamps
        self._socket = skt
        self._awaited: dict[int, Probe] = {}

    def __bool__(self) -> bool:
        """Whether a timestamp is still to come."""
        return bool(self._awaited)

    def expect(self, number: int, probe: Probe) -> None:
        """Expect the timestamp of this id for `probe`; it may be in the error queue already."""
        self._awaited[number] = probe

    def collect(self, *, everything: bool = False) -> None:
        """Read the timestamps from the error queue, and set them in their probes."""
        awaited = self._awaited
        for number, tx_timestamp in self._timestamps.drain(self._socket, everything=everything):
            probe = awaited.pop(number, None)
            if probe is not None:
                probe.tx_timestamp = tx_timestamp
        if len(awaited) > _AWAITED:
            del awaited[next(iter(awaited))]
