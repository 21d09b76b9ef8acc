"""Every ICMP error for this host, of which those that quote our flows are taken: for root."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netecho.net.linux.icmp_errors import raw_socket, read_raw
from netecho.net.trace.descriptor import MOST, Descriptor
from netecho.trace.quote import parse_icmp, parse_icmp6

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.net.reactor.interfaces import ReactorDescriptors
    from netecho.trace.session import Session


class RawIcmp(Descriptor):
    """Hands each error to the session, with the flow that it is about."""

    def __init__(
        self,
        reactor: ReactorDescriptors,
        sock: socket.socket,
        session: Session,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(reactor, sock)
        self._session = session
        self._clock = clock
        self._parse = parse_icmp6 if sock.family == socket.AF_INET6 else parse_icmp
        self.flows: Sequence[Descriptor] = ()

    @classmethod
    def open(
        cls, reactor: ReactorDescriptors, family: socket.AddressFamily, session: Session, clock: Callable[[], int]
    ) -> RawIcmp | None:
        """Return it where this process may have it."""
        sock = raw_socket(family)
        return None if sock is None else cls(reactor, sock, session, clock)

    def read(self) -> None:
        """Read ICMP messages."""
        for flow in self.flows:  # their tx timestamps are there before the answers
            flow.doRead()
        for _ in range(MOST):
            try:
                found = read_raw(self.socket)
            except OSError:
                return
            if found is None:
                return
            error = self._parse(found.message)
            index = None if error is None else self._session.flow_of(error.quote)
            if error is not None and index is not None:
                self._session.quoted(index, found.address, error, self._clock(), found.rx_timestamp)
