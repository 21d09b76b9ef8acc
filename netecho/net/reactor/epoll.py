"""Twisted's epoll reactor, with a direct dispatch for events that are only something to read.

The reactor puts a logging context around each event and looks at the descriptor again before it is read. Neither is
of use here, and on a path on which a reply waits for each of these steps they were a ninth of the program's work per
round trip. Everything but a plain EPOLLIN goes Twisted's own way.
"""

from __future__ import annotations

import errno
import select
from typing import TYPE_CHECKING

from twisted.python import log

from netecho.net.linux import portable

if TYPE_CHECKING:
    from twisted.internet.epollreactor import EPollReactor

    from netecho.net.reactor.interfaces import Selectable


def install() -> None:
    """Make this the process's reactor, where the system has epoll and the fast paths are on; else Twisted chooses."""
    if portable.REQUESTED or not hasattr(select, "epoll"):
        return
    from twisted.internet.main import installReactor

    installReactor(_made())


def _made() -> EPollReactor:
    # Not at the module's head: importing it makes no reactor, but takes what only a system with epoll has.
    from twisted.internet.epollreactor import EPollReactor

    class DirectEpollReactor(EPollReactor):
        """Reads what can be read, without asking twice."""

        def doPoll(self, timeout: float | None) -> None:
            """Wait for events and deal with each (see `EPollReactor.doPoll`)."""
            selectables: dict[int, Selectable] = self._selectables
            try:
                events = self._poller.poll(-1 if timeout is None else timeout, len(selectables))
            except OSError as error:
                if error.errno == errno.EINTR:
                    return
                raise
            if len(events) == 1:  # mostly, and in the way of a send that is due
                fd, event = events[0]
                _dispatch(self, selectables.get(fd), fd, event)
                return
            # An earlier event of this pass may close a descriptor, and open another one that gets its number: what
            # happened to the former is not for the latter. (To a timer, a hang-up was the end.)
            meant = [selectables.get(fd) for fd, _ in events]
            for (fd, event), selectable in zip(events, meant, strict=True):
                if selectables.get(fd) is selectable:
                    _dispatch(self, selectable, fd, event)

        doIteration = doPoll

    return DirectEpollReactor()


def _dispatch(reactor: EPollReactor, selectable: Selectable | None, fd: int, event: int) -> None:
    if selectable is None:
        return
    if event != select.EPOLLIN:
        log.callWithLogger(selectable, reactor._doReadOrWrite, selectable, fd, event)  # noqa: SLF001
        return
    try:
        why = selectable.doRead()
    except Exception as error:  # noqa: BLE001 - as Twisted does: it costs the one descriptor
        log.err()
        why = error
    if why:
        reactor._disconnectSelectable(selectable, why, True)  # noqa: SLF001
