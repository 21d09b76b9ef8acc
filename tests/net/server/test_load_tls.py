"""Load inside TLS: the same resources, a handshake that counts as one, and a client that leaves in the middle."""

from __future__ import annotations

import contextlib
import json
import ssl
from typing import TYPE_CHECKING

import pytest

from netecho.echo.load_budget import LoadLimits
from netecho.net.certificates import make_identity
from netecho.net.server.load_channel import TRANSFER
from netecho.net.server.settings import Credentials
from netecho.net.server.tls import ServerTls
from tests.net.server.test_load import Serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


# Twisted hands over its certificates in the form that pyOpenSSL will do away with.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


class Client:
    """The client's side, in memory, of a connection to a server that stands still."""

    def __init__(self, there: Serving, *offered: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(offered)
        self._there = there
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self.socket: socket.socket = there.client()

    def turn(self) -> None:
        """Send what there is to send, have the server go on, and take in what it sent."""
        self.socket.sendall(self._outgoing.read())
        self._there.parts.settle()
        with contextlib.suppress(BlockingIOError):
            self._incoming.write(self.socket.recv(1 << 20))

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.turn()
            else:
                return

    def ask(self, request: bytes, until: bytes) -> bytes:
        """Return the answer as far as those bytes."""
        self._tls.write(request)
        answer = b""
        while until not in answer:
            try:
                answer += self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                self.turn()
        return answer

    def hears_of_the_end(self) -> bool:
        """Read on; return whether the server's close_notify comes, in more turns than everything takes."""
        for _ in range(5000):
            try:
                if not self._tls.read(1 << 20):
                    return True
            except ssl.SSLWantReadError:
                self.turn()
        return False

    def ends_first(self) -> None:
        """Send our close_notify, before the server's."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self.turn()

    def answer_the_end(self) -> None:
        """Send our close_notify, and leave the connection as it is."""
        self._tls.unwrap()
        self.turn()


@pytest.fixture
def there() -> Iterator[Serving]:
    tls = ServerTls(Credentials(), made=make_identity(["localhost"]))
    with contextlib.closing(Serving(tls=tls)) as made:
        yield made


def test_the_configuration_names_what_is_inside_tls(there: Serving) -> None:
    client = Client(there)
    client.shake_hands()
    answer = client.ask(b"GET /.well-known/nq HTTP/1.1\r\nHost: far.example\r\n\r\n", b"}}")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["urls"]["upload_url"] == "https://far.example/nq/upload"


def test_a_client_that_offers_application_protocols_is_served_without_one(there: Serving) -> None:
    client = Client(there, "h2", "http/1.1")
    client.shake_hands()
    assert client.ask(b"GET /nq/small HTTP/1.1\r\n\r\n", b"\r\n").startswith(b"HTTP/1.1 200 OK")


def test_a_connection_is_established_after_its_handshake(there: Serving) -> None:
    client = Client(there)
    (channel,) = there.parts.admission.connections
    assert not channel.established
    client.shake_hands()
    client.turn()
    assert channel.established


def test_a_download_that_is_not_read_ends_when_its_time_is_over(there: Serving) -> None:
    client = Client(there)
    client.shake_hands()
    assert client.ask(b"GET /nq/large HTTP/1.1\r\n\r\n", b"\r\n").startswith(b"HTTP/1.1 200 OK")
    there.parts.reactor.advance(TRANSFER / 1e9)
    there.parts.settle()
    assert there.ended() == ["its time was over"]


def test_a_client_that_leaves_in_the_middle_of_a_download(there: Serving) -> None:
    client = Client(there)
    client.shake_hands()
    assert client.ask(b"GET /nq/large HTTP/1.1\r\n\r\n", b"\r\n").startswith(b"HTTP/1.1 200 OK")
    client.socket.close()
    while there.parts.admission.connections:
        there.parts.settle()
    assert there.ended() == ["reset"]
    assert there.budget._clients["127.0.0.1"].transfers == 0


def test_a_download_that_has_spent_the_budget_is_ended_with_the_alert_of_tls() -> None:
    tls = ServerTls(Credentials(), made=make_identity(["localhost"]))
    with contextlib.closing(Serving(tls=tls, limits=LoadLimits(bytes=8 << 20))) as there:
        client = Client(there)
        client.shake_hands()
        assert client.ask(b"GET /nq/large HTTP/1.1\r\n\r\n", b"\r\n").startswith(b"HTTP/1.1 200 OK")
        assert client.hears_of_the_end()
        client.answer_the_end()
        assert there.ended() == ["the budget of bytes is spent (--load-bytes)"]


def test_a_client_whose_upload_was_refused_in_the_middle_ends_with_the_alert_of_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged: list[None] = []
    monkeypatch.setattr("netecho.net.reactor.epoll_fdset.log.err", lambda: logged.append(None))
    tls = ServerTls(Credentials(), made=make_identity(["localhost"]))
    with contextlib.closing(Serving(tls=tls, token=b"0123456789abcdef")) as there:
        client = Client(there)
        client.shake_hands()
        head = b"POST /nq/upload HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
        assert b" 401 " in client.ask(head + bytes(100_000), b"TOKEN)\n")
        client.ends_first()  # as curl does, having read the answer
        assert there.ended() == ["the token is missing or wrong (Authorization: Bearer TOKEN)"]
        assert logged == []
