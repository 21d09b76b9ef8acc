"""A monitor as a service of systemd: it says when it is ready, and gives signs of life while the reactor goes round."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime
    from netecho.net.server.systemd import Notifier


class Service:
    """What the service manager is told; nothing where there is none."""

    def __init__(self, reactor: ReactorTime, notifier: Notifier) -> None:
        self._reactor = reactor
        self._notifier = notifier
        self._status = ""
        self._call: DelayedCall | None = None

    def ready(self, status: str) -> None:
        """Tell that monitoring has begun, and give signs of life from now on."""
        self._status = status
        self._notifier.ready(status)
        self._live()

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell that the configuration is read again, and when that is done."""
        self._notifier.reloading()
        try:
            yield
        finally:
            self._notifier.ready(self._status)

    def stop(self) -> None:
        """Tell that it ends."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._notifier.stopping()

    def _live(self) -> None:
        if self._notifier.watchdog is not None:
            self._call = self._reactor.callLater(self._notifier.watchdog / 2, self._live)
            self._notifier.alive()
