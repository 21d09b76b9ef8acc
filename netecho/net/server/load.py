"""Accepting the connections of `nq://` and `nqs://` addresses: those of the networks that may, with HTTP/1.1 on it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from netecho.net.linux.sockopts import prefer_loss_based
from netecho.net.reactor.eager import EagerConnection
from netecho.net.server.load_channel import LoadChannel
from netecho.net.server.peers import packed
from netecho.net.server.settings import LoadSettings
from netecho.net.server.tcp import StreamListener

if TYPE_CHECKING:
    import socket

    from netecho.echo.load_budget import LoadBudget
    from netecho.net.reactor.interfaces import Reactor, ReactorIO
    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls
    from netecho.net.server.turns import Turns
    from netecho.net.sockaddr import SockAddr


class LoadListener(StreamListener):
    """Accepts the connections of one bound socket of scheme `nq`, or `nqs`: then `tls` is put around each."""

    def __init__(
        self,
        reactor: Reactor,
        fdset: ReactorIO,
        bound: BoundSocket,
        admission: Admission,
        turns: Turns,
        budget: LoadBudget,
        tls: ServerTls | None = None,
    ) -> None:
        super().__init__(reactor, fdset, bound, admission, turns, None if tls is None else tls.wrap)
        self._budget = budget
        self._load_settings = admission.settings.load_settings or LoadSettings()

    def _open(self, sock: socket.socket, address: SockAddr) -> None:
        networks = self._load_settings.networks
        host = ipaddress.ip_address(packed(str(address[0])))
        if networks and not any(host in network for network in networks):
            self._admission.refuse(self._scheme, str(host), "not of the networks that may (--allow)")
            sock.close()
            return
        super()._open(sock, address)

    def _serve(self, sock: socket.socket, peer: str, client: str) -> None:
        prefer_loss_based(sock)
        channel = LoadChannel(
            self._admission,
            self._budget,
            self._load_settings,
            self.reactor.callLater,
            self._scheme,
            peer,
            client,
            secure=self._wrap is not None,
        )
        outer = channel if self._wrap is None else self._wrap(channel)
        channel.wire = wire = EagerConnection(sock, outer, self._fdset)
        outer.makeConnection(wire)
