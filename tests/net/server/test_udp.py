"""Datagrams: every one that deserves it goes back whole, from where it was sent to; the others get no answer."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from netecho.echo.events import Received, Refused
from netecho.echo.limits import Limits
from netecho.echo.loop_guard import ANSWER_TTL, LOOP
from netecho.echo.snapshot import ClientCounts
from netecho.net.linux import mmsg
from netecho.net.linux.mmsg import SIZE, Batch
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.udp import DatagramListener
from netecho.net.server.udp_batched import BatchedDatagramListener
from tests.net.server.serving import ServerParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST = 65_507
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


class Echo:
    """A listener on a free port, and clients for it."""

    def __init__(self, make: Callable[..., Any], host: str, bind: str | None = None, **settings: Any) -> None:
        self.host = host
        self.family = FAMILIES[host]
        self.parts = ServerParts(**settings)
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((bind or host, 0))
        self.port: int = self.socket.getsockname()[1]
        self.listener = make(self.parts.reactor, BoundSocket("udp", self.socket), self.parts.admission)
        self.clients: list[socket.socket] = []

    def client(self, host: str | None = None, port: int = 0, ttl: int | None = None) -> socket.socket:
        client = socket.socket(self.family, socket.SOCK_DGRAM)
        self.clients.append(client)
        client.settimeout(0)
        client.bind((host or self.host, port))
        if ttl is not None:
            v6 = self.family == socket.AF_INET6
            level, option = (
                (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if v6 else (socket.IPPROTO_IP, socket.IP_TTL)
            )
            client.setsockopt(level, option, ttl)
        return client

    def send(self, client: socket.socket, data: bytes, to: str | None = None) -> None:
        client.sendto(data, (to or self.host, self.port))

    def answer(self, client: socket.socket) -> bytes | None:
        """One pass of the listener, and what it sent to this client."""
        self.listener.doRead()
        try:
            data: bytes = client.recv(LARGEST)
        except BlockingIOError:
            return None
        return data

    def ask(self, client: socket.socket, data: bytes, to: str | None = None) -> bytes | None:
        self.send(client, data, to)
        return self.answer(client)

    def ask_behind(self, others: int, client: socket.socket, data: bytes, to: str | None = None) -> bytes | None:
        """Ask in one pass with so many others, who come first and deserve an answer."""
        other = self.client()
        for _ in range(others):
            self.send(other, b"good")
        answer = self.ask(client, data, to)
        assert [other.recv(10) for _ in range(others)] == [b"good"] * others
        return answer

    def close(self) -> None:
        self.listener.stop()
        for each in (self.socket, *self.clients):
            each.close()
        self.parts.fdset.close()


def one_by_one(reactor: Any, bound: BoundSocket, admission: Any) -> DatagramListener:
    return DatagramListener(reactor, bound, admission, lambda data: data)


MAKERS = [
    pytest.param(one_by_one, id="one by one"),
    pytest.param(
        BatchedDatagramListener,
        id="in batches",
        marks=pytest.mark.skipif(not mmsg.available(), reason="no recvmmsg here"),
    ),
]


BEHIND = pytest.mark.parametrize("others", [0, 3], ids=["alone", "behind others"])


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=FAMILIES)
def host(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    with socket.socket(FAMILIES[name], socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((name, 0))
        except OSError:
            pytest.skip(f"no {name} on this machine")
    return name


@pytest.fixture
def echo(make: Any, host: str) -> Iterator[Echo]:
    with contextlib.closing(Echo(make, host)) as echo:
        yield echo


@pytest.mark.parametrize("size", [0, 1, 64, 1472, 8192, 8193, 65_000, LARGEST])
def test_a_datagram_comes_back_whole(echo: Echo, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    if echo.family == socket.AF_INET6 and size == LARGEST:
        data = data[:-20]  # an IPv6 header is not counted in its payload's length, and the option room is the same
    assert echo.ask(echo.client(), data) == data


def test_many_at_once_come_back_in_order(echo: Echo) -> None:
    client = echo.client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sent = [b"%d" % number * (number % 50) for number in range(1, SIZE + 30)]
    for data in sent:
        echo.send(client, data)
    assert [echo.answer(client) for _ in sent] == sent
    totals = echo.parts.admission.totals
    assert totals.datagrams == totals.datagrams_answered == len(sent)
    assert totals.bytes_received == totals.bytes_sent == sum(map(len, sent))
    assert totals.datagrams_refused == 0


def test_one_alone_is_counted(echo: Echo) -> None:
    echo.ask(echo.client(), b"12345")
    totals = echo.parts.admission.totals
    assert (totals.datagrams, totals.datagrams_answered, totals.bytes_received, totals.bytes_sent) == (1, 1, 5, 5)


@pytest.mark.skipif(not mmsg.available(), reason="no recvmmsg here")
def test_one_alone_without_a_way_back_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(Echo(BatchedDatagramListener, "127.0.0.1")) as echo:
        # So that the answer goes to port 0, where nobody can be reached: EINVAL.
        send = Batch.send_one_back

        def send_nowhere(batch: Batch, control: int) -> bool:
            batch.ports[0] = 0
            return send(batch, control)

        monkeypatch.setattr(Batch, "send_one_back", send_nowhere)
        assert echo.ask(echo.client(), b"12345") is None
        totals = echo.parts.admission.totals
        assert (totals.datagrams, totals.datagrams_answered, totals.bytes_received, totals.bytes_sent) == (1, 0, 5, 0)


def test_a_flood_leaves_the_others_their_turn(echo: Echo) -> None:
    client = echo.client()
    for _ in range(4 * SIZE):
        echo.send(client, b"x")
    echo.listener.doRead()
    assert SIZE < echo.parts.admission.totals.datagrams < 3 * SIZE


def test_each_of_several_clients_gets_its_own(echo: Echo) -> None:
    clients = [echo.client() for _ in range(5)]
    for number, client in enumerate(clients):
        echo.send(client, b"%d" % number)
    assert [echo.answer(client) for client in clients] == [b"0", b"1", b"2", b"3", b"4"]


def test_an_answer_leaves_with_the_mark(echo: Echo) -> None:
    client = echo.client()
    v6 = echo.family == socket.AF_INET6
    client.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1) if v6 else (socket.IPPROTO_IP, 12, 1)))
    echo.send(client, b"x")
    echo.listener.doRead()
    _, control, _, _ = client.recvmsg(10, 100)
    assert [int.from_bytes(data, "little") for _, _, data in control] == [ANSWER_TTL]


@BEHIND
def test_an_answer_gets_no_answer(echo: Echo, others: int) -> None:
    assert echo.ask_behind(others, echo.client(ttl=ANSWER_TTL), b"x") is None
    told = echo.parts.events
    assert told == [Refused("udp", echo.host, "it is another echo server's answer", 1)]
    assert echo.parts.admission.totals.datagrams_refused == 1


@pytest.mark.parametrize("ttl", [1, 30, 64, 97, 128, 255])
def test_any_other_ttl_gets_one(echo: Echo, ttl: int) -> None:
    assert echo.ask(echo.client(ttl=ttl), b"x") == b"x"


@BEHIND
def test_the_own_port_gets_no_answer(make: Any, others: int) -> None:
    with contextlib.closing(Echo(make, "127.0.0.1")) as echo:
        assert echo.ask_behind(others, echo.client("127.0.0.2", echo.port), b"x") is None
        assert echo.parts.events == [Refused("udp", "127.0.0.2", "from the port this server listens on", 1)]


def test_the_port_of_other_netechos_gets_no_answer(make: Any) -> None:
    with contextlib.closing(Echo(make, "127.0.0.1")) as echo:
        assert echo.ask(echo.client("127.77.0.7", 7007), b"x") is None


def test_the_good_ones_in_a_batch_with_bad_ones_are_answered(echo: Echo) -> None:
    good, bad = echo.client(), echo.client(ttl=ANSWER_TTL)
    good.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for number in range(40):
        echo.send(bad if number % 3 == 0 else good, b"%d" % number)
    expected = [b"%d" % number for number in range(40) if number % 3]
    assert [echo.answer(good) for _ in expected] == expected
    assert echo.answer(bad) is None
    totals = echo.parts.admission.totals
    assert (totals.datagrams, totals.datagrams_answered, totals.datagrams_refused) == (40, 26, 14)


def test_a_source_above_its_rate_gets_so_many_answers_and_no_more(make: Any, host: str) -> None:
    with contextlib.closing(Echo(make, host, limits=Limits(rate=10))) as echo:
        client = echo.client()
        for number in range(25):
            echo.send(client, b"%d" % number)
        assert [echo.answer(client) for _ in range(12)] == [*(b"%d" % number for number in range(10)), None, None]
        echo.parts.admission.report()
        reason = "more than 10 in a second (--max-rate)"
        assert echo.parts.events == [Refused("udp", host, reason, 1), Refused("udp", host, reason, 14)]
        echo.parts.reactor.advance(1)
        assert echo.ask(client, b"again") == b"again"


def test_one_alone_above_its_rate_is_told_why(make: Any, host: str) -> None:
    with contextlib.closing(Echo(make, host, limits=Limits(rate=1))) as echo:
        client = echo.client()
        assert [echo.ask(client, b"x") for _ in range(2)] == [b"x", None]
        assert echo.parts.events == [Refused("udp", host, "more than 1 in a second (--max-rate)", 1)]


def test_sources_have_their_own_rates(make: Any) -> None:
    with contextlib.closing(Echo(make, "127.0.0.1", limits=Limits(rate=3))) as echo:
        greedy, modest = echo.client("127.0.0.2"), echo.client("127.0.0.3")
        for _ in range(10):
            echo.send(greedy, b"x")
        echo.send(modest, b"y")
        assert echo.answer(modest) == b"y"


@BEHIND
def test_a_broadcast_gets_no_answer(make: Any, others: int) -> None:
    with contextlib.closing(Echo(make, "127.0.0.1", bind="0.0.0.0")) as echo:
        client = echo.client()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        assert echo.ask_behind(others, client, b"x", to="127.255.255.255") is None
        assert echo.parts.events == [Refused("udp", "127.0.0.1", "sent to a broadcast or multicast address", 1)]
        assert echo.ask(client, b"y") == b"y"


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.9.9.9"])
def test_an_answer_comes_from_the_address_that_was_asked(make: Any, asked: str) -> None:
    with contextlib.closing(Echo(make, "127.0.0.1", bind="0.0.0.0")) as echo:
        client = echo.client("127.0.0.1")
        client.connect((asked, echo.port))  # from now on it takes nothing from elsewhere
        client.send(b"x")
        assert echo.answer(client) == b"x"


@contextlib.contextmanager
def queued_early(make: Callable[..., Any], to: str) -> Iterator[tuple[socket.socket, Echo]]:
    """A datagram that came before the listener was there, as under systemd's socket activation."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, contextlib.ExitStack() as stack:
        client.settimeout(0)
        client.bind(("127.0.0.1", 0))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

        def make_late(reactor: Any, bound: BoundSocket, admission: Any) -> Any:
            client.sendto(b"early", (to, bound.port))
            return make(reactor, bound, admission)

        yield client, stack.enter_context(contextlib.closing(Echo(make_late, "127.0.0.1", bind="0.0.0.0")))


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.9.9.9"])
def test_what_was_queued_before_the_options_were_set_is_answered(make: Any, asked: str) -> None:
    with queued_early(make, asked) as (client, echo):
        echo.listener.doRead()
        assert client.recvfrom(10) == (b"early", (asked, echo.port))
        assert echo.parts.events == []
        assert echo.parts.admission.totals.datagrams_answered == 1


def test_but_not_what_was_broadcast(make: Any) -> None:
    with queued_early(make, "127.255.255.255") as (client, echo):
        assert echo.answer(client) is None
        assert echo.parts.admission.totals.datagrams_answered == 0


def test_watching_tells_of_each(host: str) -> None:
    with contextlib.closing(Echo(one_by_one, host, log_received=True)) as echo:
        client = echo.client()
        echo.ask(client, b"12345")
        name = f"[{host}]" if ":" in host else host
        assert echo.parts.events == [Received(None, "udp", f"{name}:{client.getsockname()[1]}", 5)]


def test_what_the_answerer_has_nothing_to_say_to_is_not_answered() -> None:
    def make(reactor: Any, bound: BoundSocket, admission: Any) -> DatagramListener:
        return DatagramListener(reactor, bound, admission, lambda data: None if bytes(data) == b"hush" else b"hm")

    with contextlib.closing(Echo(make, "127.0.0.1")) as echo:
        client = echo.client()
        assert echo.ask(client, b"hush") is None
        assert echo.ask(client, b"well") == b"hm"


def test_stopping_answers_what_has_come(echo: Echo) -> None:
    client = echo.client()
    echo.send(client, b"last")
    echo.listener.stop()
    assert client.recv(10) == b"last"
    assert echo.parts.reactor.readers == {echo.parts.fdset}


@pytest.mark.skipif(not mmsg.available(), reason="no recvmmsg here")
def test_one_without_a_way_back_does_not_keep_the_others_of_its_batch() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        client.settimeout(0)
        batch = Batch(server)
        for data in (b"1", b"22", b"333"):
            client.send(data)
        assert batch.receive() == 3
        batch.ports[1] = 0  # where nobody can be reached: EINVAL
        assert batch.send_back(0, 3, 0) == (2, 4)
        assert [client.recv(10) for _ in range(2)] == [b"1", b"333"]
        assert batch.receive() == 0


@pytest.mark.parametrize("count", [1, 3 * SIZE])
def test_the_busiest_clients_are_in_a_snapshot(echo: Echo, count: int) -> None:
    client = echo.client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for number in range(count):
        echo.send(client, b"%010d" % number)
    for _ in range(count):
        echo.answer(client)
    network = "::/64" if ":" in echo.host else echo.host
    snapshot = echo.parts.admission.snapshot()
    assert snapshot.clients == (ClientCounts(client=network, bytes_received=10 * count, bytes_sent=10 * count),)
    assert snapshot.transports["udp"].echoes == count


class TestLoops:
    """A plain echo on another port: what it is sent comes back."""

    def looping(self, echo: Echo, *forged: bytes) -> int:
        """How many answers a peer gets that returns each."""
        peer = echo.client()
        answers = 0
        for data in forged:
            echo.send(peer, data)
        for _ in range(1000):
            echo.listener.doRead()
            came = False
            with contextlib.suppress(BlockingIOError):
                while True:
                    data = peer.recv(LARGEST)
                    came = True
                    answers += 1
                    echo.send(peer, data)
            if not came:
                return answers
        raise AssertionError("a loop")

    @pytest.mark.parametrize("forged", [[b"x"], [b""], [b"1", b"2", b"3"], [b"%d" % number for number in range(100)]])
    def test_it_falls_silent(self, echo: Echo, forged: list[bytes]) -> None:
        answers = self.looping(echo, *forged)
        assert answers < (50 if len(forged) == 1 else 1000)
        assert [event.reason for event in echo.parts.events if isinstance(event, Refused)] == [LOOP]

    def test_another_client_is_answered_all_the_while(self, echo: Echo) -> None:
        self.looping(echo, b"x")
        assert echo.ask(echo.client(), b"x") == b"x"

    def test_new_payloads_are_all_answered(self, echo: Echo) -> None:
        client = echo.client()
        for number in range(2000):
            data = b"%d" % number
            assert echo.ask(client, data) == data

    def test_new_payloads_in_bursts_too(self, echo: Echo) -> None:
        client = echo.client()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for burst in range(100):
            for number in range(SIZE):
                echo.send(client, b"%d %d" % (burst, number))
            assert echo.answer(client) == b"%d 0" % burst
            echo.listener.doRead()
            assert [client.recv(20) for _ in range(1, SIZE)] == [b"%d %d" % (burst, at) for at in range(1, SIZE)]

    def test_without_a_limit_there_is_none(self, make: Any) -> None:
        with contextlib.closing(Echo(make, "127.0.0.1", limits=Limits(rate=None))) as echo:
            client = echo.client()
            assert all(echo.ask(client, b"x") == b"x" for _ in range(300))
