"""A closed loop without ceremony: what it may do by itself, and what it hands back."""

from __future__ import annotations

import socket
import struct
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from netecho.measure.events import ProbeLost, ReplyLate
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.closed_loop import STAY, run_closed_loop
from netecho.net.linux.sockopts import SO_TIMESTAMPING
from tests.net.linux.ancillary import laid_out

if TYPE_CHECKING:
    from netecho.measure.probe import Probe

US = 1000
WALL = 1_795_000_000 * 10**9
EMPTY = BlockingIOError()


class Game:
    """Link, socket and stamps in one. The far end echoes at once, or answers what it is told to, 20 µs later."""

    def __init__(self, *replies: Any, took: int = 20 * US, **plan: Any) -> None:
        settings = Plan(**{"count": 100, "interval": Fraction(0), **plan})
        self.recorder = Recorder()
        self._seen: list[Any] = []
        self.session = Session(settings, self.recorder)
        self.payloads = Payloads(settings)
        self.now = 0
        self.took = took
        self.replies = deque(replies)
        self.sent_bytes: list[bytes] = []
        self.send_fails: list[OSError | int] = []
        self.waits = False
        self.skipped_to: tuple[int, int] | None = None
        self.left_over = b""
        self.awaited: list[Probe] = []
        self.clock_was_set = False
        self.stamps_failed = 0
        self.recorded: list[tuple[int, int]] = []
        self.data, self.control, self.controlled = bytearray(65536), b"", 0
        self.session.start(0)
        first = self.session.due(0)
        assert first is not None
        self.session.sent(first, 0)
        first.tx_timestamp = WALL + 1 * US
        self.sent_bytes.append(self.payloads.of(0))

    @property
    def events(self) -> list[Any]:
        """All that has happened so far."""
        self._seen += self.session.events()
        return self._seen

    def clock(self) -> int:
        return self.now

    # the link

    def follows(self, index: int, data: bytes) -> bool:
        return data == self.payloads.of(index)

    def caught_up(self, index: int, written: int) -> None:
        self.skipped_to = index, written

    def remainder(self, payload: bytes) -> None:
        self.left_over = payload

    def stepped(self) -> bool:
        stepped, self.clock_was_set = self.clock_was_set, False
        return stepped

    # the stamps of what is sent

    def expect(self, number: int, probe: Probe) -> None:
        assert number == len(self.sent_bytes) - 1
        self.awaited.append(probe)

    def collect(self) -> None:
        for probe in self.awaited:
            probe.tx_timestamp = WALL + probe.sent_at + 1 * US
        self.awaited.clear()

    def sent(self, size: int) -> int:
        return len(self.sent_bytes) - 1 + size - len(self.sent_bytes[-1])

    def failed(self, _: object) -> None:
        self.stamps_failed += 1

    def first(self, size: int) -> bytes:
        return bytes(self.data[:size])

    def note(self) -> None:
        self.noted = self.control

    # where the replies lie

    @property
    def reply(self) -> Any:
        return self

    def receive(self, fd: int, size: int) -> int:
        assert fd == 7
        assert self.waits, "the reply is waited for nowhere else"
        self.recorded.append((len(self.sent_bytes), self.recorder.rtt.count))
        reply = self.replies.popleft() if self.replies else self.sent_bytes[-1]
        if reply is EMPTY:
            return -1
        if isinstance(reply, OSError):
            raise reply
        assert len(reply) <= size
        self.now += self.took
        self.lies(reply)
        return len(reply)

    def lies(self, reply: bytes) -> None:
        """Have a reply lie there, stamped 2 µs ago."""
        self.data[: len(reply)] = reply
        stamp = struct.pack("@6l", *divmod(WALL + self.now - 2 * US, 10**9), 0, 0, 0, 0)
        self.control = laid_out([(socket.SOL_SOCKET, SO_TIMESTAMPING, stamp)])
        self.controlled = len(self.control)

    # the socket

    def fileno(self) -> int:
        return 7

    def setblocking(self, flag: bool) -> None:
        self.waits = flag

    def setsockopt(self, *option: object) -> None:
        assert option[:2] == (socket.SOL_SOCKET, socket.SO_RCVTIMEO)

    def send(self, data: bytes, flags: int) -> int:
        assert flags & socket.MSG_DONTWAIT
        outcome = self.send_fails.pop(0) if self.send_fails else len(data)
        if isinstance(outcome, OSError):
            raise outcome
        self.sent_bytes.append(data)
        return outcome

    def play(self, data: bytes | None = None) -> Any:
        """Begin with the reply to the first probe, or with `data`."""
        self.now += self.took
        me: Any = self
        first = self.payloads.of(0) if data is None else data
        self.lies(first)
        try:
            return run_closed_loop(me, me, me, me, first, WALL + self.now - 2 * US)
        finally:
            assert not self.waits, "the reactor's sockets never wait"

    @property
    def out(self) -> list[int]:
        return list(self.session.outstanding)


def test_plays_to_the_end_of_the_run_and_records_every_round() -> None:
    game = Game()
    assert game.play() is None
    assert game.sent_bytes == [game.payloads.of(index) for index in range(100)]
    assert game.session.finished
    summary = game.recorder.summary()
    assert (summary.sent, summary.received, summary.kernel_stamps) == (100, 100, 100)
    assert (summary.rtt.min, summary.rtt.max) == (17 * US, 17 * US)
    assert (summary.response.min, summary.response.max) == (20 * US, 20 * US)
    assert [(event.seq, event.scheduled, event.lag) for event in game.events] == [
        (index, 20 * US * index, 0) for index in range(100)
    ]
    assert game.skipped_to == (100, 99 * 64)


def test_the_books_are_kept_while_the_next_probe_is_on_its_way() -> None:
    game = Game(count=5)
    game.play()
    assert game.recorded == [(sent, sent - 1) for sent in range(2, 6)]


@pytest.mark.parametrize("other", [b"", b"rubbish", bytes(64), None])
def test_what_is_not_the_expected_echo_is_handed_back_with_its_stamp(other: bytes | None) -> None:
    game = Game()
    second = game.payloads.of(1)
    other = game.payloads.of(2) + b"and more" if other is None else other
    game.replies.extend([second, other])
    assert game.play() == (other, WALL + 60 * US - 2 * US)
    assert game.out == [2]
    assert game.skipped_to == (2, 2 * 64)
    game.session.answered(2, game.now)
    assert game.recorder.summary().received == 3


def test_what_is_not_expected_to_begin_with_changes_nothing() -> None:
    game = Game()
    assert game.play(b"rubbish") == (b"rubbish", WALL + 18 * US)
    assert (game.out, game.skipped_to, len(game.sent_bytes)) == ([0], None, 1)


@pytest.mark.parametrize("plan", [{"window": 2}, {"connections": 2}, {"interval": Fraction(1000)}])
def test_what_is_no_such_loop_is_not_played(plan: dict[str, Any]) -> None:
    game = Game(**plan)
    first = game.payloads.of(0)
    assert game.play() == (first, WALL + 18 * US)
    assert game.out == [0]


def test_a_reply_that_does_not_come_is_left_to_the_reactor() -> None:
    game = Game()
    game.replies.extend([game.payloads.of(1), EMPTY])
    assert game.play() is None
    assert game.out == [2]
    assert game.recorder.summary().received == 2
    (probe,) = game.session.outstanding.values()
    assert (probe.scheduled, probe.tx_timestamp) == (40 * US, WALL + 41 * US)


def test_what_the_socket_raises_is_passed_on_and_no_round_is_forgotten() -> None:
    game = Game()
    game.replies.extend([game.payloads.of(1), ConnectionRefusedError()])
    with pytest.raises(ConnectionRefusedError):
        game.play()
    assert game.out == [2]
    assert game.recorder.summary().received == 2


def test_a_probe_that_could_not_be_sent_is_still_due() -> None:
    game = Game()
    game.send_fails.append(ConnectionRefusedError())
    with pytest.raises(ConnectionRefusedError):
        game.play()
    assert game.stamps_failed == 1
    assert (game.out, game.skipped_to) == ([], (1, 0))
    probe = game.session.due(game.now)
    assert probe is not None
    assert (probe.index, probe.scheduled) == (1, 20 * US)


def test_a_probe_for_which_there_is_no_room_is_left_to_the_reactor() -> None:
    game = Game()
    game.send_fails.append(EMPTY)
    assert game.play() is None
    assert game.out == []
    assert game.session.due(game.now) is not None


def test_a_payload_that_was_taken_in_part_is_finished_elsewhere() -> None:
    game = Game()
    game.send_fails.append(60)
    assert game.play() is None
    assert game.left_over == game.payloads.of(1)[60:]
    assert (game.out, game.skipped_to) == ([1], (1, 64))


def test_a_signal_ends_the_waiting() -> None:
    game = Game()
    game.replies.append(InterruptedError())
    assert game.play() is None
    assert game.out == [1]
    assert game.recorder.summary().received == 1


def test_the_reactor_has_its_turn_after_a_while_with_a_probe_on_its_way() -> None:
    game = Game(count=None, took=STAY // 10)
    assert game.play() is None
    assert (game.out, len(game.sent_bytes)) == ([11], 12)
    assert game.recorder.summary().received == 11
    (probe,) = game.session.outstanding.values()
    assert (probe.scheduled, probe.lag) == (11 * STAY // 10, 0)


def test_what_came_with_the_last_reply_is_kept() -> None:
    game = Game(count=5)
    game.play()
    assert game.noted == game.control


def test_a_duration_ends_it() -> None:
    game = Game(count=None, duration=100 * US)
    assert game.play() is None
    assert game.session.due(game.now) is None
    assert game.session.finished
    assert game.recorder.summary().received == 5


def test_a_clock_that_was_set_spoils_the_stamps_of_the_rounds_it_was_set_in() -> None:
    game = Game(count=5)
    game.clock_was_set = True
    game.play()
    assert game.recorder.summary().user_stamps == 2, "the one that was settled, and the one that was on its way"


def test_a_reply_beyond_the_timeout_is_lost_and_late() -> None:
    game = Game(count=3, timeout=15 * US)
    game.play()
    lost = [event.seq for event in game.events if isinstance(event, ProbeLost)]
    late = [(event.seq, event.rtt) for event in game.events if isinstance(event, ReplyLate)]
    assert (lost, late) == ([0, 1, 2], [(0, 20 * US), (1, 20 * US), (2, 20 * US)])


def test_the_last_probe_of_the_run_may_be_on_its_way_when_the_reactor_has_its_turn() -> None:
    game = Game(count=12, took=STAY // 10)
    assert game.play() is None
    assert game.out == [11]
    assert not game.session.sending


def test_warm_up_probes_are_played_and_not_counted() -> None:
    game = Game(count=5, warmup=3)
    game.play()
    assert len(game.sent_bytes) == 8
    assert game.recorder.summary().received == game.recorder.summary().sent == 5


def test_sizes_take_turns() -> None:
    game = Game(count=4, sizes=(64, 100))
    game.play()
    assert [len(payload) for payload in game.sent_bytes] == [64, 100, 64, 100]
