"""HTTP with bounds: who is answered, what is refused, and clients that read slowly, never, or write without an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from netecho.errors import UnreachableError
from netecho.net.certificates import make_identity
from netecho.net.monitor.replies import Query, Reply
from netecho.net.monitor.web import LONGEST, MOST, Web, WebSettings, is_local_name
from netecho.net.reactor.spare_time import MOMENT, SpareTime
from netecho.net.reactor.timer import Timer
from netecho.net.server.settings import Credentials
from netecho.net.server.tls import ServerTls
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.monitor.web import Channel

TOKEN = "0123456789abcdef"


class TcpTransport(StringTransport):
    """As Twisted's TLS wants it."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing."""


class Client:
    """One connection to it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.transport = StringTransport()
        channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def get(self, path: str, *headers: str, method: str = "GET", host: str = "localhost:9862") -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    @property
    def producer(self) -> Any:
        return self.transport.producer

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    @property
    def status(self) -> int:
        return int(self.received.split(b" ", 2)[1])

    def leave(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))

    @property
    def aborted(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)


class Bench:
    def __init__(self, token: str | None = None) -> None:
        self.clock = Clock()
        self.queries: list[Query] = []
        self.made = 0
        self.waiting: Deferred[None] = Deferred(lambda _: self.cancelled.append(True))
        self.cancelled: list[bool] = []
        routes = {
            "/": self.short,
            "/long": self.long,
            "/slow": self.slow,
            "/public": self.short,
            "/octets": self.octets,
        }
        self.each_takes = self.took = 0
        """Nanoseconds: a piece of a long answer, and all that were made."""
        self.spare = SpareTime(Timer(self.clock, clock=self.now))
        self.web = Web(self.clock, self.spare, WebSettings(routes=routes, token=token, public=frozenset({"/public"})))

    def now(self) -> int:
        return round(self.clock.seconds() * SECOND) + self.took

    async def short(self, query: Query) -> Reply:
        self.queries.append(query)
        return Reply(("hello",))

    async def long(self, _: Query) -> Reply:
        return Reply(self.pieces())

    def pieces(self) -> Iterator[str]:
        for _ in range(1000):
            self.made += 1
            self.took += self.each_takes
            yield "x" * 1024

    async def octets(self, _: Query) -> Reply:
        return Reply((b"\xff", b"", b"\x00" * 3), "application/octet-stream")

    async def slow(self, _: Query) -> Reply:
        await self.waiting
        return Reply(("late",))

    def client(self) -> Client:
        channel = self.web.buildProtocol(None)
        assert channel is not None
        return Client(channel)

    def turns(self, count: int = 100) -> None:
        """The reactor's passes: what is asked for in one is done in the next."""
        for _ in range(count):
            calls: list[Any] = list(self.clock.getDelayedCalls())
            for call in calls:
                if call.getTime() <= self.clock.seconds():
                    func, args = call.func, call.args
                    call.cancel()
                    func(*args)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_answer(bench: Bench) -> None:
    client = bench.client()
    client.get("/?target=a%20b&module=udp", "X-Prometheus-Scrape-Timeout-Seconds: 9.5")
    assert client.status == 200
    assert client.received.endswith(b"5\r\nhello\r\n0\r\n\r\n")
    assert bench.queries == [Query({"target": "a b", "module": "udp"}, 9.5)]
    client.get("/")
    assert client.received.count(b"200 OK") == 2


def test_octets_are_written_as_they_are_and_an_empty_piece_is_nothing(bench: Bench) -> None:
    client = bench.client()
    client.get("/octets", "Accept: application/x")
    assert client.received.endswith(b"4\r\n\xff\x00\x00\x00\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "POST", 405), ("/nothing", "GET", 404), (f"/?{'x' * 3000}", "GET", 414), ("/", "HEAD", 200)],
)
def test_what_is_not_there(bench: Bench, path: str, method: str, status: int) -> None:
    client = bench.client()
    client.get(path, method=method)
    assert client.status == status


@pytest.mark.parametrize("header", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
def test_a_body_is_refused_before_it_is_read(bench: Bench, header: str) -> None:
    client = bench.client()
    client.get("/", header, method="POST")
    assert (client.status, client.aborted) == (413, True)
    client.send(b"x" * 100_000)
    assert client.received.count(b"HTTP/1.1") == 1


def test_headers_without_an_end_are_refused(bench: Bench) -> None:
    client = bench.client()
    client.send(b"GET / HTTP/1.1\r\n")
    for n in range(1000):
        if client.aborted:
            break
        client.send(f"X-{n}: {'y' * 100}\r\n".encode())
    assert client.aborted
    assert n < 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9862", "127.0.0.1.evil.example"])
def test_a_name_that_somebody_points_here_is_not_answered(bench: Bench, host: str) -> None:
    client = bench.client()
    client.get("/", host=host)
    assert client.status == 403
    assert bench.queries == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9862", "[::1]:9862", "192.0.2.1"])
def test_this_machine_by_an_address_is(bench: Bench, host: str) -> None:
    client = bench.client()
    client.get("/", host=host)
    assert client.status == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Authorization: Bearer {TOKEN}", 200),
        (f"authorization: bearer {TOKEN}", 200),
        (f"Authorization: Basic {TOKEN}", 401),
        (f"Authorization: Bearer {TOKEN}x", 401),
        ("Authorization: Bearer \xe9", 401),
        ("X: y", 401),
    ],
)
def test_where_there_is_a_token_it_is_asked_for_and_the_host_is_not(header: str, status: int) -> None:
    client = Bench(TOKEN).client()
    client.get("/", header, host="monitor.example")
    assert client.status == status


@pytest.mark.parametrize(("path", "status"), [("/public", 200), ("/public?x=1", 200), ("/publi", 401), ("/", 401)])
def test_what_tells_nothing_needs_no_token(path: str, status: int) -> None:
    client = Bench(TOKEN).client()
    client.get(path, host="monitor.example")
    assert client.status == status


@pytest.mark.parametrize(
    ("path", "site", "mode", "status"),
    [
        ("/long", "cross-site", "no-cors", 403),
        ("/long", "same-site", "cors", 403),
        ("/long", "cross-site", "navigate", 403),
        ("/", "cross-site", "navigate", 200),
        ("/", "cross-site", "no-cors", 403),
        ("/long", "same-origin", "cors", 200),
        ("/long", "none", "navigate", 200),
    ],
)
def test_a_page_of_another_site_may_link_here_and_nothing_else(
    bench: Bench, path: str, site: str, mode: str, status: int
) -> None:
    client = bench.client()
    client.get(path, f"Sec-Fetch-Site: {site}", f"Sec-Fetch-Mode: {mode}")
    assert client.status == status


def test_no_answer_lets_a_browser_run_or_frame_anything(bench: Bench) -> None:
    for path in ("/", "/nothing"):
        client = bench.client()
        client.get(path)
        head = client.received.partition(b"\r\n\r\n")[0].decode().lower().splitlines()
        policy = next(line for line in head if line.startswith("content-security-policy: "))
        assert "default-src 'none'; script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert {"x-content-type-options: nosniff", "x-frame-options: deny", "referrer-policy: no-referrer"} <= set(head)


def test_a_long_answer_is_made_in_pieces_with_the_reactors_turn_between(bench: Bench) -> None:
    client = bench.client()
    client.get("/long")
    assert 0 < bench.made <= 17
    bench.turns(1)
    assert bench.made <= 33
    bench.turns()
    assert bench.made == 1000
    assert client.received.count(b"x") >= 1000 * 1024
    assert client.received.endswith(b"0\r\n\r\n")


def test_a_piece_that_takes_long_ends_its_pass(bench: Bench) -> None:
    bench.each_takes = MOMENT
    client = bench.client()
    client.get("/long")
    assert bench.made == 1
    bench.turns(5)
    assert bench.made == 6
    client.leave()


def test_a_client_that_does_not_read_costs_no_more_than_a_piece_and_its_place_for_a_while(bench: Bench) -> None:
    client = bench.client()
    client.get("/long")
    client.producer.pauseProducing()  # as the transport does when its buffer is full
    bench.turns()
    made = bench.made
    assert made <= 33
    bench.clock.advance(LONGEST - 1)
    assert not client.aborted
    bench.clock.advance(1)
    assert client.aborted
    client.leave()
    bench.turns()
    assert bench.made == made
    assert bench.clock.getDelayedCalls() == []


def test_one_that_reads_again_gets_the_rest(bench: Bench) -> None:
    client = bench.client()
    client.get("/long")
    client.producer.pauseProducing()
    bench.turns()
    client.producer.resumeProducing()
    bench.turns()
    assert bench.made == 1000
    assert client.received.endswith(b"0\r\n\r\n")


def test_one_that_writes_a_byte_now_and_then_is_closed_all_the_same(bench: Bench) -> None:
    client = bench.client()
    for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 200:
        if client.aborted:
            break
        client.send(bytes([byte]))
        bench.clock.advance(1)
    assert client.aborted
    assert bench.clock.seconds() <= LONGEST


def test_connections_are_bounded_and_a_place_is_given_back(bench: Bench) -> None:
    clients = [bench.client() for _ in range(MOST)]
    assert bench.web.buildProtocol(None) is None
    clients[0].leave()
    assert bench.web.buildProtocol(None) is not None


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted hands them on
def test_handshakes_without_an_end_take_places_and_are_closed_as_others_are(bench: Bench) -> None:
    web = Web(bench.clock, bench.spare, WebSettings(routes={}, tls=ServerTls(Credentials(), made=make_identity(()))))
    transports = [TcpTransport() for _ in range(MOST)]
    for transport in transports:
        web.buildProtocol(None).makeConnection(transport)
    assert web.buildProtocol(None) is None
    bench.clock.advance(LONGEST)
    assert all(transport.disconnecting or transport.disconnected for transport in transports)


def test_a_client_that_leaves_calls_off_what_is_done_for_it(bench: Bench) -> None:
    client = bench.client()
    client.get("/slow")
    client.leave()
    assert bench.cancelled == [True]
    assert bench.web.open == set()


def test_the_end_closes_what_is_open(bench: Bench) -> None:
    client = bench.client()
    client.get("/slow")
    bench.web.stop()
    assert client.aborted


def test_an_address_that_cannot_be_had_is_said(bench: Bench) -> None:
    from twisted.internet.error import CannotListenError

    class Busy:
        def listenTCP(self, *_: object, **__: object) -> None:
            raise CannotListenError("127.0.0.1", 9862, OSError(98, "Address already in use"))

    with pytest.raises(UnreachableError, match=r"--listen 127.0.0.1:9862 cannot be had: Address already in use"):
        bench.web.listen(Busy(), "127.0.0.1", 9862)


def test_names_and_addresses() -> None:
    assert is_local_name("LOCALHOST")
    assert is_local_name("[2001:db8::1]")
    assert not is_local_name("1.2.3")
