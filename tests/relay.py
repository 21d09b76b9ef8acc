"""A network that misbehaves on purpose, by a fixed seed, and counts what it did.

    with Relay("udp", server, seed=7, backward=Faults(delay_ms=20, drop=0.05)) as relay:
        ...                                # probe udp://127.0.0.1:{relay.port}
        relay.backward.dropped             # how many replies never came

It stands between a client and an echo server. Each direction has its own faults and its own tally. What a datagram
or a piece of a stream suffers is drawn once, so the fates exclude each other and their counts can be compared with
what a probe reports. Plain sockets and one thread: nothing is shared with the program under test, Twisted least of
all. It is made for probes, not for bulk: a stream is written with blocking sends.
From the command line: `python -m tests.relay --help`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import heapq
import itertools
import json
import math
import random
import select
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

Fate = Literal["pass", "drop", "duplicate", "corrupt", "reorder", "straggle", "split", "merge"]

MILLISECOND = 1_000_000
LONGEST_DATAGRAM = 65_535
SO_TIMESTAMPNS = 35
PR_SET_TIMERSLACK = 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What one direction does to what passes. The shares are probabilities, 0 to 1, and may sum to 1 at most."""

    delay_ms: float = 0.0
    """Added to everything that passes."""
    queue_ms: float = 0.0
    """Mean of an exponential wait on top of that, as in a queue: nothing overtakes by it."""
    drop: float = 0.0
    """Datagrams that never arrive."""
    duplicate: float = 0.0
    """Datagrams that arrive twice, one right after the other."""
    corrupt: float = 0.0
    """Datagrams, or pieces of a stream, in which one byte is changed."""
    reorder: float = 0.0
    """Datagrams that wait until the next one has overtaken them."""
    straggle: float = 0.0
    """Datagrams that are held for `straggle_ms` more, to come after the client's timeout."""
    straggle_ms: float = 0.0
    split: float = 0.0
    """Pieces of a stream that arrive in two, a millisecond apart."""
    merge: float = 0.0
    """Pieces of a stream that wait for the next one and arrive together with it."""
    corrupt_from: int = 0
    """Offset below which no byte is changed."""
    cut_after: int | None = None
    """Pieces of a stream after which the connection is reset."""
    until: int | None = None
    """Datagrams, or pieces of a stream, after which none suffers anything but delay: what a fault holds back of those
    before comes while the run lasts, whatever the seed."""

    def shares(self) -> dict[Fate, float]:
        """The probability of each fate but `pass`."""
        return {
            "drop": self.drop,
            "duplicate": self.duplicate,
            "corrupt": self.corrupt,
            "reorder": self.reorder,
            "straggle": self.straggle,
            "split": self.split,
            "merge": self.merge,
        }


@dataclass(slots=True)
class Tally:
    """What was done in one direction: datagrams, or pieces of a stream as they were read."""

    taken: int = 0
    given: int = 0
    dropped: int = 0
    duplicated: int = 0
    corrupted: int = 0
    reordered: int = 0
    straggled: int = 0
    split: int = 0
    merged: int = 0
    cut: int = 0
    corrupt_offsets: list[int] = field(default_factory=list)


STREAM_ONLY = ("split", "merge")
DATAGRAM_ONLY = ("drop", "duplicate", "reorder", "straggle")
HOLD = 250 * MILLISECOND
"""How long something waits for a successor before it is passed on alone."""
SPLIT_GAP = MILLISECOND


class Agenda:
    """What is to be done when, in nanoseconds of whatever clock the caller goes by."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, due: int, what: Callable[[], None]) -> None:
        """Do it at `due`; in the order asked for where the times are equal."""
        heapq.heappush(self._entries, (due, next(self._order), what))

    def next_due(self) -> int | None:
        return self._entries[0][0] if self._entries else None

    def do(self, now: int) -> None:
        """All that is due."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2]()


class Direction:
    """One way through the relay, for one client: draws the fates and puts on the agenda what is to be passed on."""

    def __init__(self, agenda: Agenda, faults: Faults, tally: Tally, seed: str, send: Callable[[bytes], None]) -> None:
        self.agenda = agenda
        self.faults = faults
        self.tally = tally
        self.send = send
        self.random = random.Random(seed)
        self.delay = round(faults.delay_ms * MILLISECOND)
        self.held: list[bytes] = []
        self.last_due = 0
        self.drawn = 0

    def draw(self) -> Fate:
        """The fate of the next one: one random number each, so that a seed means the same for every mix."""
        drawn = self.random.random()
        self.drawn += 1
        if self.faults.until is not None and self.drawn > self.faults.until:
            return "pass"
        for fate, share in self.faults.shares().items():
            if drawn < share:
                return fate
            drawn -= share
        return "pass"

    def due(self, arrived: int) -> int:
        """When what arrived then leaves: never before what came before it."""
        waits = 0.0
        if self.faults.queue_ms:
            waits = self.random.expovariate(1 / self.faults.queue_ms)
        return max(arrived + self.delay + round(waits * MILLISECOND), self.last_due)

    def damage(self, data: bytes) -> bytes:
        """One byte, anywhere from `corrupt_from` on, becomes another."""
        offset = self.random.randrange(min(self.faults.corrupt_from, len(data) - 1), len(data))
        self.tally.corrupted += 1
        self.tally.corrupt_offsets.append(offset)
        changed = data[offset] ^ self.random.randrange(1, 256)
        return data[:offset] + bytes([changed]) + data[offset + 1 :]

    def give(self, data: bytes, due: int) -> None:
        """Pass on at `due`; what was given before goes first where the times are equal."""
        self.agenda.at(due, lambda: self._given(data))

    def _given(self, data: bytes) -> None:
        self.tally.given += 1
        self.send(data)


class DatagramDirection(Direction):
    """Datagrams: each is on its own."""

    def take(self, data: bytes, arrived: int) -> None:
        self.tally.taken += 1
        fate = self.draw() if data else "pass"
        due = self.last_due = self.due(arrived)
        if fate == "drop":
            self.tally.dropped += 1
            return
        if fate == "reorder":
            self.held.append(data)
            self.agenda.at(due + HOLD, lambda: self._let_go(data))
            return
        if fate == "straggle":
            self.tally.straggled += 1
            due += round(self.faults.straggle_ms * MILLISECOND)
        elif fate == "corrupt":
            data = self.damage(data)
        self.give(data, due)
        if fate == "duplicate":
            self.tally.duplicated += 1
            self.give(data, due)
        if fate != "straggle":
            for overtaken in self.held:
                self.tally.reordered += 1
                self.give(overtaken, due)
            self.held.clear()

    def _let_go(self, data: bytes) -> None:
        """Nothing came to overtake it."""
        if data in self.held:
            self.held.remove(data)
            self._given(data)


class StreamDirection(Direction):
    """A stream: the order stays, the boundaries do not."""

    def take(self, data: bytes, arrived: int) -> bool:
        """Whether the connection is to be cut after this piece."""
        self.tally.taken += 1
        fate = self.draw()
        due = self.due(arrived)
        if fate == "corrupt":
            data = self.damage(data)
        elif fate == "merge":
            self.held.append(data)
            self.agenda.at(due + HOLD, self._flush)
            return self._at_its_end()
        self.tally.merged += len(self.held)
        whole = b"".join([*self.held, data])
        self.held.clear()
        if fate == "split" and len(whole) > 1:
            self.tally.split += 1
            middle = self.random.randrange(1, len(whole))
            self.give(whole[:middle], due)
            whole = whole[middle:]
            due += SPLIT_GAP
        self.last_due = due
        self.give(whole, due)
        return self._at_its_end()

    def end(self, arrived: int, close: Callable[[], None]) -> None:
        """The sender is done: what is held goes first."""
        self._flush()
        self.last_due = max(arrived + self.delay, self.last_due)
        self.agenda.at(self.last_due, close)

    def _flush(self) -> None:
        if self.held:
            self.tally.merged += len(self.held) - 1
            whole = b"".join(self.held)
            self.held.clear()
            self.give(whole, self.last_due)

    def _at_its_end(self) -> bool:
        return self.faults.cut_after is not None and self.drawn >= self.faults.cut_after


_MOST_OF_SELECT = 1024
"""Descriptors from this number on are none for select."""


def _readable(sockets: list[socket.socket], seconds: float | None) -> list[socket.socket]:
    """Wait until one of them can be read, to the microsecond; to the millisecond past 1,023 descriptors."""
    if max(each.fileno() for each in sockets) < _MOST_OF_SELECT:
        return select.select(sockets, [], [], seconds)[0]
    poll = select.poll()
    for each in sockets:
        poll.register(each, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(None if seconds is None else math.ceil(1000 * seconds))}
    return [each for each in sockets if each.fileno() in ready]


class Relay(threading.Thread):
    """Listens on loopback until it is closed and passes on to `upstream` what its faults let through.

    `port` is the port it listens on; `forward` (client to server) and `backward` (server to client) are the tallies,
    exact once the client has what it is going to get. `spans` are the round trips as seen from here, in nanoseconds:
    from a datagram's arrival to the sending of an equal one back. On a busy machine they are more than was asked for.
    """

    def __init__(
        self,
        transport: Literal["tcp", "udp"],
        upstream: tuple[str, int],
        *,
        seed: int = 0,
        forward: Faults | None = None,
        backward: Faults | None = None,
        listen: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        super().__init__(name="relay", daemon=True)
        self.transport = transport
        self.upstream = upstream
        self.seed = seed
        self.forward_faults = forward or Faults()
        self.backward_faults = backward or Faults()
        for faults in (self.forward_faults, self.backward_faults):
            foreign = STREAM_ONLY if transport == "udp" else DATAGRAM_ONLY
            wrong = [name for name in foreign if getattr(faults, name)]
            if wrong:
                raise ValueError(f"{', '.join(wrong)} cannot happen over {transport}")
            if sum(faults.shares().values()) > 1:
                raise ValueError("the shares sum to more than 1")
        self.forward = Tally()
        self.backward = Tally()
        self.spans: list[int] = []
        self.failure: BaseException | None = None
        self._family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self._listener = socket.socket(self._family, kind)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(listen)
        self._prepare(self._listener)
        if transport == "tcp":
            self._listener.listen(64)
        self.host: str = listen[0]
        self.port: int = self._listener.getsockname()[1]
        self._agenda = Agenda()
        self._known: dict[tuple[str, int], DatagramDirection] = {}
        self._asked: dict[bytes, int] = {}
        self._readers: dict[socket.socket, Callable[[], None]] = {}
        self._ended: set[socket.socket] = set()
        """Those whose FIN has come and is not passed on yet."""
        self._clients = itertools.count()
        self._stop_reader, self._stop_writer = socket.socketpair()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def now() -> int:
        """The one clock of the relay, in nanoseconds."""
        return time.monotonic_ns()

    def close(self) -> None:
        """Stop, and raise what went wrong in the thread."""
        self._stop_writer.send(b".")
        self.join()
        if self.failure:
            raise self.failure

    def run(self) -> None:
        """The loop: what is due, then what came. `select.select` because epoll and poll wait in whole milliseconds."""
        with contextlib.suppress(OSError, AttributeError):
            # The kernel may wake a thread 50 µs late to save power; not this one.
            ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
        take = self._take_datagram if self.transport == "udp" else self._take_connection
        self._readers[self._listener] = take
        try:
            self._pass_on()
        except BaseException as error:  # noqa: BLE001  told by close()
            self.failure = error
        finally:
            for each in (*self._readers, *self._ended, self._stop_reader, self._stop_writer):
                each.close()

    def _pass_on(self) -> None:
        while True:
            self._agenda.do(self.now())
            due = self._agenda.next_due()
            wait = None if due is None else max(0, due - self.now()) / 1e9
            ready = _readable([self._stop_reader, *self._readers], wait)
            if self._stop_reader in ready:
                return
            for each in ready:
                # One reader's work may have closed another.
                if each in self._readers:
                    self._readers[each]()

    def _prepare(self, sock: socket.socket) -> None:
        if self.transport == "udp":
            # Nothing but the faults may lose a datagram here.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setblocking(False)

    def _receive(self, sock: socket.socket) -> tuple[bytes, int, tuple[str, int]]:
        """A datagram, when it arrived by the kernel's stamp (so that waking up late delays nothing), and from whom."""
        data, ancillary, _, peer = sock.recvmsg(LONGEST_DATAGRAM, 64)
        age = 0
        for level, kind, stamp in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", stamp[:16])
                age = time.time_ns() - (seconds * 1_000_000_000 + nanoseconds)
        # A stepped wall clock must not lead to an arrival in the future or long ago.
        return data, self.now() - min(max(age, 0), 10 * MILLISECOND), peer

    def _take_datagram(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, arrived, client = self._receive(self._listener)
                if client not in self._known:
                    self._known[client] = self._meet(client)
                self._asked[data] = arrived
                self._known[client].take(data, arrived)

    def _meet(self, client: tuple[str, int]) -> DatagramDirection:
        """A new client gets a socket of its own towards the server."""
        number = next(self._clients)
        server = socket.socket(self._family, socket.SOCK_DGRAM)
        server.connect(self.upstream)
        self._prepare(server)

        def to_server(data: bytes) -> None:
            # Nobody listening is the network's loss, not the relay's.
            with contextlib.suppress(ConnectionError):
                server.send(data)

        def to_client(data: bytes) -> None:
            if (asked := self._asked.pop(data, None)) is not None:
                self.spans.append(self.now() - asked)
            with contextlib.suppress(ConnectionError):
                self._listener.sendto(data, client)

        forward = DatagramDirection(
            self._agenda, self.forward_faults, self.forward, f"{self.seed} forward {number}", to_server
        )
        backward = DatagramDirection(
            self._agenda, self.backward_faults, self.backward, f"{self.seed} backward {number}", to_client
        )

        def take() -> None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while True:
                    data, arrived, _ = self._receive(server)
                    backward.take(data, arrived)

        self._readers[server] = take
        return forward

    def _take_connection(self) -> None:
        client, _ = self._listener.accept()
        number = next(self._clients)
        server = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            server.connect(self.upstream)
        except OSError:
            self._reset(client)
            server.close()
            return
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        forward = StreamDirection(
            self._agenda, self.forward_faults, self.forward, f"{self.seed} forward {number}", self._writer(server)
        )
        backward = StreamDirection(
            self._agenda, self.backward_faults, self.backward, f"{self.seed} backward {number}", self._writer(client)
        )
        self._readers[client] = lambda: self._take_piece(client, server, forward)
        self._readers[server] = lambda: self._take_piece(server, client, backward)

    @staticmethod
    def _writer(sock: socket.socket) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            with contextlib.suppress(OSError):
                sock.sendall(data)

        return send

    def _take_piece(self, source: socket.socket, sink: socket.socket, direction: StreamDirection) -> None:
        try:
            data = source.recv(LONGEST_DATAGRAM)
        except ConnectionError:
            self._drop(source, sink)
            return
        if not data:
            del self._readers[source]
            self._ended.add(source)
            direction.end(self.now(), lambda: self._half_close(source, sink))
        elif direction.take(data, self.now()):
            direction.tally.cut += 1
            self._drop(source, sink)

    def _half_close(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if sink not in self._readers:
            for each in (source, sink):
                each.close()
                self._ended.discard(each)

    def _drop(self, *sockets: socket.socket) -> None:
        for each in sockets:
            self._readers.pop(each, None)
            self._ended.discard(each)
            self._reset(each)

    @staticmethod
    def _reset(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def main() -> None:
    """`python -m tests.relay udp 127.0.0.1:7007 --delay-ms 20 --drop 0.05`: until Ctrl-C, then the tallies as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.relay", description=__doc__.splitlines()[0])
    parser.add_argument("transport", choices=["tcp", "udp"])
    parser.add_argument("upstream", help="HOST:PORT of the server")
    parser.add_argument("--listen", default="127.0.0.1:0", help="HOST:PORT to listen on (default: a free port)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--direction", choices=["forward", "backward", "both"], default="backward")
    for each in fields(Faults):
        convert = int if each.name in ("corrupt_from", "cut_after", "until") else float
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=convert, default=each.default)
    asked = vars(parser.parse_args())
    faults = Faults(**{each.name: asked[each.name] for each in fields(Faults)})
    addresses = []
    for name in ("upstream", "listen"):
        host, _, port = asked[name].rpartition(":")
        addresses.append((host.strip("[]"), int(port)))
    direction = asked["direction"]
    relay = Relay(
        asked["transport"],
        addresses[0],
        seed=asked["seed"],
        forward=None if direction == "backward" else faults,
        backward=None if direction == "forward" else faults,
        listen=addresses[1],
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with relay:
        sys.stdout.write(f"{asked['transport']}://{relay.host}:{relay.port}\n")
        sys.stdout.flush()
        stopped.wait()
    sys.stdout.write(json.dumps({"forward": asdict(relay.forward), "backward": asdict(relay.backward)}) + "\n")


if __name__ == "__main__":
    main()
