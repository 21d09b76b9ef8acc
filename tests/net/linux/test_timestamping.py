"""The kernel's timestamps of a socket: how sends are counted, and that real sockets give them."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from netecho.net.linux import sockopts, timestamping
from netecho.net.linux.recvmsg import Message
from netecho.net.linux.sockopts import SO_TIMESTAMPING
from netecho.net.linux.timestamp_cmsg import ORIGIN_ICMP, QueuedError
from netecho.net.linux.timestamping import SocketTimestamps, TimestampIds
from netecho.net.linux.wall_clock import ClockWatch
from tests.net.linux.ancillary import SEEN, Control, Entry, ScriptedQueue, extended, laid_out, left, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

UNREACHABLE: Entry = [extended(errno=111, origin=ORIGIN_ICMP, type_=3, code=3)]


class ScriptedReply(Message):
    """A reply that is there already."""

    def __init__(self, data: bytes, messages: Sequence[Control]) -> None:
        super().__init__(1000, timestamping.SPACE)
        self.came = data, laid_out(messages)

    def receive(self, _fd: int, size: int) -> int:
        data, control = self.came
        self.data[: len(data)] = data
        self.control[: len(control)] = control
        self.controlled = len(control)
        return min(len(data), size)


class Socket:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.options: list[tuple[int, int, int]] = []

    def fileno(self) -> int:
        return 7

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options.append((level, option, value))


def over(*entries: Entry, stream: bool = False) -> tuple[SocketTimestamps, ScriptedQueue, Any]:
    queue = ScriptedQueue(*entries)
    return SocketTimestamps(stream=stream, flags=timestamping._BASIC, entries=queue), queue, Socket()


# --- counting


def test_datagrams_are_counted_and_streams_by_their_last_byte() -> None:
    datagrams, stream = TimestampIds(stream=False), TimestampIds(stream=True)
    assert [datagrams.sent(64), datagrams.sent(1400)] == [0, 1]
    assert [stream.sent(64), stream.sent(1400)] == [63, 1463]


@given(
    stream=st.booleans(),
    before=st.integers(0, 2**40),
    sizes=st.lists(st.integers(1, 100_000), min_size=1, max_size=20),
)
def test_ids_come_back_whole_though_the_system_keeps_32_bits(stream: bool, before: int, sizes: list[int]) -> None:
    counter = TimestampIds(stream=stream)
    counter.last = counter.stamped = before
    ids = [counter.sent(size) for size in sizes]
    assert [counter.whole(id_ & 0xFFFF_FFFF) for id_ in ids] == ids
    assert counter.stamped == counter.last


def test_a_retransmission_is_stamped_again_and_not_passed_on() -> None:
    counter = TimestampIds(stream=True)
    first, second = counter.sent(100), counter.sent(100)
    assert counter.whole(first) == 99
    assert counter.whole(first) is None
    assert counter.whole(second) == 199
    assert counter.whole(first) is None


def test_datagrams_may_be_stamped_out_of_order() -> None:
    counter = TimestampIds(stream=False)
    for _ in range(3):
        counter.sent(1)
    assert [counter.whole(i) for i in (1, 2, 0)] == [1, 2, 0]


def test_after_a_restart_ids_go_on_and_stamps_from_before_belong_to_nobody() -> None:
    counter = TimestampIds(stream=False)
    for _ in range(10):
        counter.sent(1)
    counter.restart()
    assert counter.whole(7) is None
    assert counter.sent(1) == 10
    assert counter.whole(7) is None
    assert counter.whole(0) == 10


# --- a socket's error queue


def test_drain_takes_the_stamp_of_the_send_and_asks_no_more() -> None:
    of, queue, sock = over(left(0), left(1))
    of.sent(64)
    assert list(of.drain(sock)) == [(0, SEEN)]
    assert queue.asked == 1
    assert list(of.drain(sock)) == []
    assert queue.asked == 1, "no stamp is awaited: the system need not be asked"


def test_a_late_stamp_is_taken_when_it_comes() -> None:
    of, queue, sock = over()
    of.sent(64)
    assert list(of.drain(sock)) == []
    of.sent(64)
    queue.entries.extend([left(0, SEEN + 1), left(1, SEEN + 2)])
    assert list(of.drain(sock)) == [(0, SEEN + 1), (1, SEEN + 2)]


def test_a_missing_stamp_holds_up_no_other() -> None:
    of, queue, sock = over(left(2))
    for _ in range(3):
        of.sent(64)
    assert list(of.drain(sock)) == [(2, SEEN)]
    assert list(of.drain(sock)) == []
    assert queue.asked == 1


def test_everything_empties_the_queue_though_nothing_is_awaited() -> None:
    of, queue, sock = over(left(99), left(0), UNREACHABLE, left(99))
    of.sent(40)
    assert list(of.drain(sock, everything=True)) == [(0, SEEN)]
    assert not queue.entries


def test_a_full_queue_is_taken_in_parts() -> None:
    of, _, sock = over(*(left(i) for i in range(100)))
    for _ in range(100):
        of.sent(1)
    assert len(of.drain(sock, everything=True)) == timestamping.PER_DRAIN
    assert [i for i, _ in of.drain(sock, everything=True)] == list(range(timestamping.PER_DRAIN, 100))


def test_errors_of_the_network_are_told_apart_and_kept() -> None:
    of, _, sock = over(UNREACHABLE, left(0))
    of.sent(64)
    assert list(of.drain(sock)) == [(0, SEEN)]
    assert of.error == QueuedError(errno=111, origin=ORIGIN_ICMP, type=3, code=3, info=0)


def test_what_the_queue_itself_raises_is_left_to_the_next_read() -> None:
    of, _, sock = over(ConnectionRefusedError(), left(0))
    of.sent(64)
    assert list(of.drain(sock)) == []
    assert list(of.drain(sock)) == [(0, SEEN)]


def test_a_failed_send_has_the_system_count_anew() -> None:
    of, queue, sock = over()
    assert of.sent(64) == 0
    of.failed(sock)
    without = timestamping._BASIC & ~sockopts.OPT_ID
    assert sock.options == [(1, SO_TIMESTAMPING, without), (1, SO_TIMESTAMPING, timestamping._BASIC)]
    assert of.sent(64) == 1
    queue.entries.append(left(0))
    assert list(of.drain(sock)) == [(1, SEEN)]


def test_a_failed_send_on_a_stream_changes_nothing() -> None:
    of, _, sock = over(stream=True)
    of.sent(64)
    of.failed(sock)
    assert sock.options == []
    assert of.sent(64) == 127


# --- reading


def reading(*messages: Control) -> tuple[SocketTimestamps, tuple[bytes, int | None]]:
    of = SocketTimestamps(stream=False, flags=timestamping._BASIC, reply=ScriptedReply(b"echo", messages))
    return of, of.read(cast("Any", Socket()), 100)


def test_an_arrival_with_all_that_can_come_with_it() -> None:
    of, got = reading(
        stamp(),
        (0, sockopts.IP_TTL, struct.pack("@i", 57)),
        (0, sockopts.IP_TOS, b"\xb9"),
    )
    assert got == (b"echo", SEEN)
    assert (of.ttl, of.tos) == (57, 0xB9)


def test_an_arrival_over_ipv6() -> None:
    of, got = reading(
        (41, sockopts.IPV6_HOPLIMIT, struct.pack("@i", 255)), (41, sockopts.IPV6_TCLASS, struct.pack("@i", 8)), stamp()
    )
    assert got == (b"echo", SEEN)
    assert (of.ttl, of.tos) == (255, 8)


def test_sockets_share_the_memory_and_not_what_lies_there() -> None:
    room = ScriptedReply(b"echo", [stamp(), (0, sockopts.IP_TTL, struct.pack("@i", 57))])
    one, other, third = (SocketTimestamps(stream=False, flags=timestamping._BASIC, reply=room) for _ in range(3))
    sock = cast("Any", Socket())
    assert one.read(sock, 100) == (b"echo", SEEN)
    room.came = b"", b""
    assert third.read(sock, 100) == (b"", None), "the stamp that lies there still is another's"
    room.came = b"ohce", laid_out([(0, sockopts.IP_TTL, struct.pack("@i", 64))])
    assert other.read(sock, 100) == (b"ohce", None)
    assert (one.ttl, other.ttl, third.ttl) == (57, 64, None)


def test_an_arrival_that_was_not_stamped() -> None:
    assert reading()[1] == (b"echo", None)
    assert reading(stamp(0))[1][1] is None
    of, _ = reading()
    assert (of.ttl, of.tos, of.error) == (None, None, None)


# --- whether there are stamps at all


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the system tried anew."""
    monkeypatch.setattr(timestamping, "_awake", None)
    monkeypatch.setattr(timestamping, "_watch", None)
    yield
    if timestamping._watch is not None:
        os.close(timestamping._watch)


@pytest.mark.usefixtures("asleep")
def test_a_system_that_refuses_has_no_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamping, "_switch_on", lambda *_, **__: None)
    assert not timestamping.awake()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert SocketTimestamps.enable(sock) is None


@pytest.mark.usefixtures("asleep")
def test_a_system_that_accepts_and_never_stamps_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamping, "_switch_on", lambda *_, **__: timestamping._BASIC)  # said, not done
    assert not timestamping.awake(patience=1_000_000)


@pytest.mark.usefixtures("asleep")
def test_what_is_still_on_its_way_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [BlockingIOError(), BlockingIOError()]
    read = SocketTimestamps.read

    def busy(of: SocketTimestamps, sock: socket.socket, size: int) -> tuple[bytes, int | None]:
        if late:
            raise late.pop()
        return read(of, sock, size)

    monkeypatch.setattr(SocketTimestamps, "read", busy)
    assert timestamping.awake() == sockopts.LINUX
    assert not late or not sockopts.LINUX


def test_unix_sockets_have_none() -> None:
    a, b = socket.socketpair()
    with a, b:
        assert SocketTimestamps.enable(a) is None


linux = pytest.mark.skipif(not sockopts.LINUX, reason="kernel stamps are Linux's")
Pair = tuple[socket.socket, socket.socket]


def datagrams(family: int, host: str) -> Pair:
    ends = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    for end in ends:
        end.bind((host, 0))
    ends[0].connect(ends[1].getsockname())
    ends[1].connect(ends[0].getsockname())
    return ends


def streams(family: int, host: str) -> Pair:
    with socket.create_server((host, 0), family=socket.AddressFamily(family)) as listener:
        near = socket.create_connection(listener.getsockname()[:2])
        far, _ = listener.accept()
    return near, far


@linux
@pytest.mark.parametrize("make", [datagrams, streams])
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_real_sockets(make: Callable[[int, str], Pair], family: int, host: str) -> None:
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    near, far = make(family, host)
    with near, far:
        of = SocketTimestamps.enable(near)
        assert of is not None
        for _ in range(3):
            before = time.time_ns()
            id_ = of.sent(near.send(b"request"))
            ((stamped, entry_tx_timestamp),) = of.drain(near)
            assert stamped == id_
            far.sendall(far.recv(100))
            data, message_rx_timestamp = of.read(near, 100)
            assert data == b"request"
            assert message_rx_timestamp is not None
            assert before - 1_000_000 < entry_tx_timestamp < message_rx_timestamp < time.time_ns() + 1_000_000
        if make is datagrams:
            assert of.ttl == 64
            assert of.tos == 0


@linux
def test_a_read_may_be_longer_than_the_memory_that_is_kept() -> None:
    near, far = streams(socket.AF_INET, "127.0.0.1")
    with near, far:
        of = SocketTimestamps.enable(near)
        assert of is not None
        sent = bytes(range(256)) * 1024
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * len(sent))
        far.sendall(sent)
        near.recv(len(sent), socket.MSG_PEEK | socket.MSG_WAITALL)
        data, message_rx_timestamp = of.read(near, len(sent))
        assert data == sent
        assert message_rx_timestamp is not None


@linux
def test_the_systems_count_and_ours_agree_after_failed_sends() -> None:
    near, far = datagrams(socket.AF_INET, "127.0.0.1")
    far.close()
    with near:
        near.setblocking(False)
        of = SocketTimestamps.enable(near)
        assert of is not None
        stamped = []
        expected = []
        for _ in range(10):
            try:
                expected.append(of.sent(near.send(b"to nobody")))
            except ConnectionRefusedError:
                of.failed(near)
            stamped += [id_ for id_, _ in of.drain(near)]
        assert stamped == expected
        assert len(stamped) >= 5


# --- the wall clock


class Clocks:
    """A wall clock and a monotonic one, each look taking as long as the test says."""

    def __init__(self) -> None:
        self.now = 10**9
        self.offset = SEEN
        self.looks: deque[int] = deque()

    def _look(self) -> int:
        self.now += self.looks.popleft() if self.looks else 50
        return self.now

    def wall(self) -> int:
        return self._look() + self.offset

    def monotonic(self) -> int:
        return self._look()


def test_a_clock_that_only_runs_has_not_stepped() -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.wall, clocks.monotonic)
    for _ in range(1000):
        clocks.now += 10**9
        assert not watch.stepped()


@pytest.mark.parametrize("step", [3_600 * 10**9, -(10**9), 10_000, -10_000])
def test_a_step_is_told_once(step: int) -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.wall, clocks.monotonic)
    clocks.offset += step
    assert watch.stepped()
    assert not watch.stepped()


def test_a_program_that_was_held_up_between_two_looks_is_not_taken_for_a_step() -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.wall, clocks.monotonic)
    clocks.looks.extend([50, 30_000_000, 50, 50, 50, 50, 9_000_000])
    assert not watch.stepped()
    clocks.looks.extend([50, 30_000_000, 50, 50, 50, 50, 9_000_000])
    clocks.offset += 10**6
    assert watch.stepped()


def test_the_real_clocks() -> None:
    watch = ClockWatch()
    assert not watch.stepped()
