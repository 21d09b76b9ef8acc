"""Accepting connections."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import socket
import ssl
import weakref
from contextlib import ExitStack
from typing import Any

import pytest

from netecho.echo.text import TextMode
from netecho.net.certificates import make_identity
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.admission import Admission
from netecho.net.server.echo_protocol import EchoProtocol
from netecho.net.server.settings import Credentials, ServerSettings
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.tcp import StreamListener
from netecho.net.server.tls import ServerTls
from tests.net.server.serving import ServerParts, drained, fill


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


def test_the_last_descriptor_for_the_last_who_waits_is_no_refusal() -> None:
    """To ask for one more without a descriptor is an error, although nobody waits."""
    parts = ServerParts()
    with contextlib.closing(parts.fdset), socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        listening.setblocking(False)
        bound = BoundSocket("tcp", listening)
        listener = StreamListener(for_twisted(parts.reactor), parts.fdset, bound, parts.admission, parts.turns)
        stack.callback(listener.stop)
        stack.enter_context(socket.create_connection(listening.getsockname()))
        os.close(lowest_free := os.dup(0))
        usual = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, usual[1]))
        try:
            listener.doRead()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        assert len(parts.admission.connections) == 1
        assert [type(event).__name__ for event in parts.events] == ["Connected"]
        assert listener in parts.reactor.readers
        parts.admission.abort_all()
        parts.settle()


@pytest.mark.parametrize(
    "settings", [{}, {"text_mode": TextMode()}, {"log_received": True}], ids=["raw", "text", "log"]
)
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "never reads"])
def test_what_an_ended_connection_held_is_free_at_once(settings: dict[str, Any], reads: bool) -> None:
    """Nothing refers to itself: the collector comes rarely in a server, and each may hold a line and its answers."""
    parts = ServerParts(**settings)
    gc.disable()
    try:
        with contextlib.closing(parts.fdset), socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            bound = BoundSocket("tcp", listening)
            listener = StreamListener(for_twisted(parts.reactor), parts.fdset, bound, parts.admission, parts.turns)
            with contextlib.closing(socket.create_connection(listening.getsockname())) as client:
                client.setblocking(False)
                listener.doRead()
                (connection,) = parts.admission.connections
                kept = weakref.ref(connection)
                del connection
                for _ in range(100):
                    fill(client, b"one line and the next\n" * 1000)
                    parts.pass_()
                    parts.reactor.advance(0)
                    if reads:
                        drained(client)
            parts.settle()
            assert not parts.admission.connections
            assert kept() is None
            listener.stop()
    finally:
        gc.enable()


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted hands them on
def test_what_an_ended_tls_connection_held_is_free_at_once() -> None:
    parts = ServerParts()
    tls = ServerTls(Credentials(), made=make_identity(["localhost"]))
    gc.disable()
    try:
        with contextlib.closing(parts.fdset), socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            bound = BoundSocket("tls", listening)
            listener = StreamListener(
                for_twisted(parts.reactor), parts.fdset, bound, parts.admission, parts.turns, tls.wrap
            )
            with socket.create_connection(listening.getsockname()) as client:
                listener.doRead()
                (connection,) = parts.admission.connections
                assert isinstance(connection, EchoProtocol)
                kept = weakref.ref(connection)
                layer = weakref.ref(connection.transport)
                del connection
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                session = context.wrap_bio(incoming, outgoing)
                client.setblocking(False)
                for _ in range(4):
                    with contextlib.suppress(ssl.SSLWantReadError):
                        session.do_handshake()
                    client.sendall(outgoing.read())
                    parts.settle()
                    incoming.write(drained(client))
                session.write(b"hello")
                client.sendall(outgoing.read())
                parts.settle()
                incoming.write(drained(client))
                assert session.read() == b"hello"
                del session
            parts.settle()
            assert not parts.admission.connections
            assert (kept(), layer()) == (None, None)
            listener.stop()
    finally:
        gc.enable()
