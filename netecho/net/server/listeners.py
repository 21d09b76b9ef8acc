"""The table of the server's transports: scheme -> how it is served.

A new transport is a module with its listener, and a row here. Nothing else in the server asks for a scheme; what a
scheme means by itself (stream or datagrams, TLS or not) is in `target`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from netecho.echo.load_budget import LoadBudget
from netecho.echo.loop_guard import ANSWER_TTL
from netecho.echo.text import answer_datagram
from netecho.net.linux import mmsg
from netecho.net.server.settings import LoadSettings
from netecho.net.server.sockets import prepare_datagrams
from netecho.net.server.tcp import StreamListener
from netecho.net.server.turns import Turns
from netecho.net.server.udp import DatagramListener
from netecho.net.server.udp_batched import BatchedDatagramListener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from socket import socket

    from netecho.net.reactor.interfaces import Reactor, ReactorIO
    from netecho.net.server.admission import Admission
    from netecho.net.server.further_replies import FurtherReplies
    from netecho.net.server.shared_limits import SharedLimits
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls
    from netecho.stamp.session_reflector import Reflector
    from netecho.target import Scheme


class Listener(Protocol):
    """Serves the clients of one bound socket from when it is made."""

    def stop(self) -> None:
        """Accept no more; what has already come over datagrams is answered."""


class Context:
    """What the listeners of one process share."""

    def __init__(
        self,
        reactor: Reactor,
        fdset: ReactorIO,
        admission: Admission,
        tls: ServerTls | None,
        shared: SharedLimits | None = None,
    ) -> None:
        self.reactor = reactor
        self.fdset = fdset
        """Watches the accepted connections."""
        self.admission = admission
        self.tls = tls
        self.turns = Turns(reactor, admission.clock)
        self._shared = shared
        self._reflecting: tuple[Reflector, FurtherReplies] | None = None
        load_settings = admission.settings.load_settings or LoadSettings()
        self.load_budget = LoadBudget(load_settings.limits)
        """What the clients of all addresses for load have used."""

    @property
    def reflecting(self) -> tuple[Reflector, FurtherReplies]:
        """The sessions of STAMP and the replies that are to come, which all its listeners share."""
        if self._reflecting is None:
            from netecho.net.server.stamp import new_further_replies, new_reflector

            admission, shared = self.admission, self._shared
            further = new_further_replies(self.reactor, admission.clock, shared)
            key = None if shared is None else shared.cookie_key
            self._reflecting = new_reflector(admission.settings.reflector_settings, further, key), further
        return self._reflecting


@dataclass(frozen=True, slots=True)
class _Row:
    listen: Callable[[Context, BoundSocket], Listener]
    prepare: Callable[[socket], object] | None = None
    """Sets what the listener would set; for datagrams that may come before there is one."""
    modules: tuple[str, ...] = ()
    """Those that are imported when a socket of this scheme is served."""


def listen(context: Context, bound: BoundSocket) -> Listener:
    """Serve a bound socket from now on, by its scheme."""
    return _TABLE[bound.scheme].listen(context, bound)


def prepare(bound: BoundSocket) -> None:
    """Have the kernel keep, with each datagram from now on, all that its answer depends on."""
    row = _TABLE[bound.scheme]
    if row.prepare is not None:
        row.prepare(bound.socket)


def load(schemes: Iterable[str]) -> None:
    """Import now what serving these schemes would import later."""
    for scheme, row in _TABLE.items():
        if scheme in schemes:
            for module in row.modules:
                importlib.import_module(module)


def _listen_stream(context: Context, bound: BoundSocket) -> Listener:
    return StreamListener(context.reactor, context.fdset, bound, context.admission, context.turns)


def _listen_tls(context: Context, bound: BoundSocket) -> Listener:
    if context.tls is None:
        raise AssertionError("a tls socket, and no certificate for it")
    return StreamListener(context.reactor, context.fdset, bound, context.admission, context.turns, context.tls.wrap)


def _listen_nqs(context: Context, bound: BoundSocket) -> Listener:
    from netecho.net.server.load import LoadListener

    if context.tls is None:
        raise AssertionError("an nqs socket, and no certificate for it")
    return LoadListener(
        context.reactor, context.fdset, bound, context.admission, context.turns, context.load_budget, context.tls
    )


def _listen_udp(context: Context, bound: BoundSocket) -> Listener:
    settings = context.admission.settings
    text_mode = settings.text_mode
    if text_mode is not None:
        return DatagramListener(
            context.reactor, bound, context.admission, lambda data: answer_datagram(text_mode, bytes(data))
        )
    if settings.log_received or not mmsg.available():
        return DatagramListener(context.reactor, bound, context.admission, lambda data: data)
    return BatchedDatagramListener(context.reactor, bound, context.admission)


def _prepare_udp(sock: socket) -> None:
    prepare_datagrams(sock, ANSWER_TTL)


# STAMP's modules are imported when they are used: most servers do without.
def _listen_stamp(context: Context, bound: BoundSocket) -> Listener:
    from netecho.net.server.stamp import ReflectorListener

    return ReflectorListener(context.reactor, bound, context.admission, *context.reflecting)


def _prepare_stamp(sock: socket) -> None:
    from netecho.net.server.reply_sender import prepare

    prepare(sock)


def _listen_nq(context: Context, bound: BoundSocket) -> Listener:
    from netecho.net.server.load import LoadListener

    return LoadListener(context.reactor, context.fdset, bound, context.admission, context.turns, context.load_budget)


_TABLE: Mapping[Scheme, _Row] = {
    "tcp": _Row(_listen_stream),
    "unix": _Row(_listen_stream),
    "tls": _Row(_listen_tls, modules=("netecho.net.server.tls",)),
    "udp": _Row(_listen_udp, _prepare_udp),
    "stamp": _Row(_listen_stamp, _prepare_stamp, modules=("netecho.net.server.stamp",)),
    "nq": _Row(_listen_nq, modules=("netecho.net.server.load",)),
    "nqs": _Row(_listen_nqs, modules=("netecho.net.server.load", "netecho.net.server.tls")),
}
