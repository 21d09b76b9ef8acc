"""Sends whose kernel timestamp has not come yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from netecho.measure.probe import Probe
    from netecho.net.linux.timestamping import SocketTimestamps


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
