"""Load over HTTP: who gets it, how much, and what becomes of clients that ask for too much or do nothing."""

from __future__ import annotations

import contextlib
import json
import socket
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from netecho.echo.events import Disconnected, Refused
from netecho.echo.load_budget import LoadBudget, LoadLimits
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.load import LoadListener
from netecho.net.server.load_channel import ASKING, LARGE_SIZE, TRANSFER
from netecho.net.server.settings import LoadSettings
from netecho.net.server.sockets import BoundSocket
from tests.net.server.serving import ServerParts, drained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.server.tls import ServerTls


class Serving:
    """A listener, and clients for it that send what they are told."""

    def __init__(self, tls: ServerTls | None = None, **load: Any) -> None:
        settings = LoadSettings(**load)
        self.parts = ServerParts(load_settings=settings)
        self.budget = LoadBudget(settings.limits)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        bound, reactor = BoundSocket("nqs" if tls else "nq", self.socket), for_twisted(self.parts.reactor)
        self.listener = LoadListener(
            reactor, self.parts.fdset, bound, self.parts.admission, self.parts.turns, self.budget, tls
        )
        self.clients: list[socket.socket] = []

    def client(self, request: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.socket.getsockname())
        client.setblocking(False)
        self.clients.append(client)
        self.listener.doRead()
        client.sendall(request)
        return client

    def answer(self, request: str, *headers: str, body: bytes = b"") -> tuple[str, bytes]:
        """The first line, and the content."""
        lines = "".join(f"{each}\r\n" for each in (f"{request} HTTP/1.1", "Host: far.example", *headers, ""))
        client = self.client(lines.encode() + body)
        self.parts.settle()
        head, _, content = drained(client).partition(b"\r\n\r\n")
        return head.partition(b"\r\n")[0].decode(), content

    def ended(self) -> list[str]:
        return [each.reason for each in self.parts.events if isinstance(each, Disconnected)]

    def close(self) -> None:
        self.parts.admission.abort_all()
        self.parts.settle()
        self.listener.stop()
        self.parts.fdset.close()
        for each in (self.socket, *self.clients):
            each.close()


@pytest.fixture
def serving() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def made(**load: Any) -> Serving:
            return stack.enter_context(contextlib.closing(Serving(**load)))

        yield made


def test_the_configuration_names_the_resources_by_the_host_that_was_asked(serving: Any) -> None:
    first, content = serving().answer("GET /.well-known/nq")
    assert first == "HTTP/1.1 200 OK"
    assert json.loads(content) == {
        "version": 1,
        "urls": {
            "small_download_url": "http://far.example/nq/small",
            "large_download_url": "http://far.example/nq/large",
            "upload_url": "http://far.example/nq/upload",
        },
    }


@pytest.mark.parametrize(
    ("request_line", "first"),
    [
        ("GET /nq/small", "HTTP/1.1 200 OK"),
        ("HEAD /nq/large", "HTTP/1.1 200 OK"),
        ("GET /nq/upload", "HTTP/1.1 405 Method Not Allowed"),
        ("DELETE /nq/small", "HTTP/1.1 405 Method Not Allowed"),
        ("GET /etc/passwd", "HTTP/1.1 404 Not Found"),
    ],
)
def test_what_else_is_answered(request_line: str, first: str, serving: Any) -> None:
    assert serving().answer(request_line)[0] == first


def test_a_page_of_another_origin_may_measure_and_show_a_token(serving: Any) -> None:
    there = serving(token=b"0123456789abcdef")

    def headers(request: str, length: int = 0) -> dict[str, str]:
        client = there.client(
            f"{request} HTTP/1.1\r\nContent-Length: {length}\r\nOrigin: http://other.example\r\n\r\n".encode()
        )
        there.parts.settle()
        lines = drained(client).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    asked = headers("OPTIONS /nq/upload")
    assert asked["access-control-allow-origin"] == "*"
    assert "POST" in asked["access-control-allow-methods"]
    assert "authorization" in asked["access-control-allow-headers"]
    # What is refused, a page can read, and when each part of a request was done.
    for answered in (headers("GET /nq/small"), headers("GET /nq/large"), headers("POST /nq/upload", 9)):
        assert (answered["access-control-allow-origin"], answered["timing-allow-origin"]) == ("*", "*")


def test_several_requests_on_one_connection(serving: Any) -> None:
    there = serving()
    client = there.client(b"GET /nq/small HTTP/1.1\r\n\r\n" * 3)
    there.parts.settle()
    assert drained(client).count(b"HTTP/1.1 200 OK") == 3


def test_a_download_goes_on_as_it_is_read_and_not_before(serving: Any) -> None:
    there = serving()
    client = there.client(b"GET /nq/large HTTP/1.1\r\n\r\n")
    there.parts.settle()
    (channel,) = there.parts.admission.connections
    held = channel.sent
    assert 0 < held < 64 << 20
    assert b"Content-Length: %d" % LARGE_SIZE in client.recv(4096).title()
    drained(client)
    there.parts.settle()
    assert channel.sent > held


def test_an_upload_is_taken_and_nothing_of_it_kept(serving: Any) -> None:
    there = serving()
    body = bytes(1 << 20)
    client = there.client(b"POST /nq/upload HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
    sent = 0
    while sent < len(body):
        with contextlib.suppress(BlockingIOError):
            sent += client.send(body[sent:])
        there.parts.settle()
    assert drained(client).startswith(b"HTTP/1.1 200 OK")
    assert there.budget.take("127.0.0.1", 0) == 0
    assert there.budget._bytes == len(body)


def test_the_budget_of_bytes_ends_a_download(serving: Any) -> None:
    there = serving(limits=LoadLimits(bytes=1000))
    assert len(there.answer("GET /nq/large")[1]) == 1000
    assert there.ended() == ["the budget of bytes is spent (--load-bytes)"]
    first, content = there.answer("GET /nq/large")
    assert (first, b"--load-bytes" in content) == ("HTTP/1.1 429 Too Many Requests", True)


@pytest.mark.parametrize("headers", [("Content-Length: 5000",), ("Transfer-Encoding: chunked",)])
def test_the_budget_of_bytes_ends_an_upload_with_an_answer(headers: tuple[str, ...], serving: Any) -> None:
    there = serving(limits=LoadLimits(bytes=1000))
    body = b"7d0\r\n" + bytes(2000) if "chunked" in headers[0] else bytes(2000)
    first, content = there.answer("POST /nq/upload", *headers, body=body)
    assert (first, b"--load-bytes" in content) == ("HTTP/1.1 429 Too Many Requests", True)


@pytest.mark.parametrize("request_line", ["GET /nq/large", "POST /nq/upload"])
def test_without_the_token_there_is_no_load(request_line: str, serving: Any) -> None:
    there = serving(token=b"secret")
    body = ("Content-Length: 5", "Expect: 100-continue") if request_line.startswith("POST") else ()
    for shown in ((), ("Authorization: Bearer wrong",)):
        first, content = there.answer(request_line, *body, *shown, body=b"hello" if body else b"")
        assert first.startswith("HTTP/1.1 401 ")
        assert b"100 Continue" not in content
    right = there.answer(request_line, *body, "Authorization: Bearer secret", body=b"hello" if body else b"")[0]
    assert right in ("HTTP/1.1 200 OK", "HTTP/1.1 100 Continue")
    assert there.answer("GET /nq/small")[0] == "HTTP/1.1 200 OK"


def test_who_is_of_none_of_the_networks_is_refused(serving: Any) -> None:
    there = serving(networks=(ip_network("192.0.2.0/24"),))
    there.client()
    assert not there.parts.admission.connections
    refused = [each for each in there.parts.events if isinstance(each, Refused)]
    assert ["--allow" in each.reason for each in refused] == [True]


def test_a_connection_that_asks_for_nothing_is_ended(serving: Any) -> None:
    there = serving()
    there.client(b"GET /nq/sm")
    there.parts.settle()
    there.parts.reactor.advance(ASKING / 1e9)
    there.parts.settle()
    assert there.ended() == ["asked for nothing"]


def test_a_transfer_ends_when_its_time_is_over_whether_or_not_it_is_read(serving: Any) -> None:
    there = serving()
    there.client(b"GET /nq/large HTTP/1.1\r\n\r\n")
    there.client(b"POST /nq/upload HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    there.parts.settle()
    there.parts.reactor.advance(TRANSFER / 1e9)
    there.parts.settle()
    assert there.ended() == ["its time was over"] * 2


def test_a_client_whose_time_is_spent_gets_no_more(serving: Any) -> None:
    there = serving(limits=LoadLimits(time=int(5e9)))
    there.client(b"GET /nq/large HTTP/1.1\r\n\r\n")
    there.parts.settle()
    there.parts.reactor.advance(5)
    there.parts.settle()
    assert there.ended() == ["its time was over"]
    assert there.answer("GET /nq/large")[0] == "HTTP/1.1 429 Too Many Requests"
