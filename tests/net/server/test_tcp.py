"""Accepting connections."""

from __future__ import annotations

import contextlib
import socket
from contextlib import ExitStack

from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.admission import Admission
from netecho.net.server.settings import ServerSettings
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.tcp import StreamListener
from tests.net.server.serving import ServerParts


def test_accepting_leaves_the_open_connections_their_turn() -> None:
    """Each connection takes a millisecond here; whoever waits is accepted in a later pass."""
    parts = ServerParts()
    admission = Admission(ServerSettings(), lambda _: parts.reactor.advance(0.001), parts.now)
    with contextlib.closing(parts.fdset), socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        listening.setblocking(False)
        bound = BoundSocket("tcp", listening)
        listener = StreamListener(for_twisted(parts.reactor), parts.fdset, bound, admission, parts.turns)
        stack.callback(listener.stop)
        for _ in range(10):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        listener.doRead()
        assert 0 < len(admission.connections) < 10
        for _ in range(10):
            listener.doRead()
        assert len(admission.connections) == 10
        admission.abort_all()
        parts.settle()
