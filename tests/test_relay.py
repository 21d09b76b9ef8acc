"""The relay does what its seed says, and its tallies are true: the probe's figures are compared with them."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers import free_port
from tests.relay import (
    HOLD,
    MILLISECOND,
    SPLIT_GAP,
    Agenda,
    DatagramDirection,
    Faults,
    Relay,
    StreamDirection,
    Tally,
)

SOME = [number.to_bytes(4) * 4 for number in range(1000)]
FOR_EVER = 10**18


def through(sent: list[bytes], faults: Faults, datagrams: list[bytes], seed: str = "1") -> Tally:
    """Datagrams, a millisecond apart, and what became of them."""
    agenda, tally = Agenda(), Tally()
    direction = DatagramDirection(agenda, faults, tally, seed, sent.append)
    for number, data in enumerate(datagrams):
        agenda.do(number * MILLISECOND)
        direction.take(data, number * MILLISECOND)
    agenda.do(FOR_EVER)
    return tally


def test_without_faults_everything_passes_in_order() -> None:
    sent: list[bytes] = []
    tally = through(sent, Faults(), SOME)
    assert sent == SOME
    assert tally == Tally(taken=1000, given=1000)


def test_a_seed_always_means_the_same() -> None:
    faults = Faults(drop=0.1, duplicate=0.1, corrupt=0.1, reorder=0.1)
    runs: list[list[bytes]] = [[], [], []]
    tallies = [through(run, faults, SOME, seed) for run, seed in zip(runs, ("1", "1", "2"), strict=True)]
    assert runs[0] == runs[1]
    assert tallies[0] == tallies[1]
    assert runs[0] != runs[2]


def test_dropped_datagrams_are_the_missing_ones() -> None:
    sent: list[bytes] = []
    tally = through(sent, Faults(drop=0.05), SOME)
    assert tally.dropped == len(set(SOME) - set(sent)) > 0
    assert tally.given == len(sent) == 1000 - tally.dropped


def test_duplicates_come_right_after_the_first() -> None:
    sent: list[bytes] = []
    tally = through(sent, Faults(duplicate=0.02), SOME)
    assert tally.duplicated == sum(a == b for a, b in itertools.pairwise(sent)) > 0
    assert len(sent) == 1000 + tally.duplicated


def test_a_corrupt_datagram_differs_in_one_byte_at_the_offset_told() -> None:
    sent: list[bytes] = []
    tally = through(sent, Faults(corrupt=0.1), SOME)
    offsets = [
        next(at for at in range(16) if before[at] != after[at])
        for before, after in zip(SOME, sent, strict=True)
        if before != after
    ]
    assert offsets == tally.corrupt_offsets
    assert tally.corrupted == len(offsets) > 0
    assert all(sum(a != b for a, b in zip(x, y, strict=True)) <= 1 for x, y in zip(SOME, sent, strict=True))


def test_corruption_can_be_kept_from_the_first_bytes() -> None:
    tally = through([], Faults(corrupt=1, corrupt_from=12), SOME)
    assert min(tally.corrupt_offsets) == 12


def test_reordered_datagrams_have_a_higher_one_before_them() -> None:
    """RFC 4737: reordered is what comes after one that was sent later."""
    sent: list[bytes] = []
    tally = through(sent, Faults(reorder=0.1, delay_ms=5), SOME)
    highest, reordered = b"", 0
    for data in sent:
        reordered += data < highest
        highest = max(highest, data)
    assert sorted(sent) == SOME
    assert tally.reordered == reordered > 0


def test_the_last_datagram_is_not_held_for_ever() -> None:
    agenda, tally = Agenda(), Tally()
    sent: list[bytes] = []
    direction = DatagramDirection(agenda, Faults(reorder=1), tally, "1", sent.append)
    direction.take(b"alone", 0)
    agenda.do(HOLD - 1)
    assert sent == []
    agenda.do(HOLD)
    assert sent == [b"alone"]
    assert tally.reordered == 0


def test_delays_are_counted_from_the_arrival() -> None:
    agenda = Agenda()
    sent: list[bytes] = []
    direction = DatagramDirection(agenda, Faults(delay_ms=20), Tally(), "1", sent.append)
    direction.take(b"x", 5)
    assert agenda.next_due() == 5 + 20 * MILLISECOND
    agenda.do(5 + 20 * MILLISECOND - 1)
    assert sent == []
    agenda.do(5 + 20 * MILLISECOND)
    assert sent == [b"x"]


def test_a_queue_adds_its_mean_and_keeps_the_order() -> None:
    agenda = Agenda()
    left: list[int] = []
    now = 0
    direction = DatagramDirection(agenda, Faults(queue_ms=2, delay_ms=1), Tally(), "1", lambda _: left.append(now))
    for arrived in range(0, 10_000 * 50 * MILLISECOND, 50 * MILLISECOND):
        direction.take(b"x", arrived)
        due = agenda.next_due()
        assert due is not None
        now = due - arrived
        agenda.do(due)
    assert min(left) >= MILLISECOND
    assert sum(left) / len(left) == pytest.approx(3 * MILLISECOND, rel=0.05)


def test_stragglers_are_late_by_what_was_asked_and_overtaken_meanwhile() -> None:
    agenda = Agenda()
    sent: list[bytes] = []
    direction = DatagramDirection(agenda, Faults(straggle=1, straggle_ms=300, delay_ms=20), Tally(), "1", sent.append)
    direction.take(b"x", 0)
    assert agenda.next_due() == 320 * MILLISECOND


def test_faults_can_end_with_so_many_datagrams() -> None:
    for seed in range(20):
        sent: list[bytes] = []
        tally = through(sent, Faults(drop=1, until=100), SOME, str(seed))
        assert (tally.dropped, sent) == (100, SOME[100:])


def test_a_split_piece_arrives_in_two() -> None:
    agenda, tally = Agenda(), Tally()
    sent: list[bytes] = []
    direction = StreamDirection(agenda, Faults(split=1), tally, "1", sent.append)
    direction.take(b"abcdefgh", 0)
    agenda.do(0)
    assert len(sent) == 1
    agenda.do(SPLIT_GAP)
    assert b"".join(sent) == b"abcdefgh"
    assert (tally.split, tally.given) == (1, 2)


def test_merged_pieces_arrive_together() -> None:
    agenda, tally = Agenda(), Tally()
    sent: list[bytes] = []
    direction = StreamDirection(agenda, Faults(merge=0.5), tally, "1", sent.append)
    for data in SOME:
        direction.take(data, 0)
    direction.end(0, lambda: None)
    agenda.do(FOR_EVER)
    assert b"".join(sent) == b"".join(SOME)
    assert len(sent) == 1000 - tally.merged < 1000


def test_a_stream_keeps_its_order_whatever_happens_to_its_boundaries() -> None:
    agenda = Agenda()
    sent: list[bytes] = []
    direction = StreamDirection(agenda, Faults(split=0.5, merge=0.3, delay_ms=1), Tally(), "1", sent.append)
    for number, data in enumerate(SOME):
        agenda.do(number * 1000)
        direction.take(data, number * 1000)
    agenda.do(FOR_EVER)
    assert b"".join(sent) == b"".join(SOME)


@pytest.mark.parametrize(
    ("transport", "faults"),
    [("tcp", Faults(drop=0.1)), ("tcp", Faults(reorder=0.1)), ("udp", Faults(split=0.1)), ("udp", Faults(drop=1.1))],
)
def test_faults_that_make_no_sense_are_refused(transport: str, faults: Faults) -> None:
    with pytest.raises(ValueError, match=r"cannot happen|more than 1"):
        Relay("tcp" if transport == "tcp" else "udp", ("127.0.0.1", 9), backward=faults)


def test_real_datagrams_pass_both_ways() -> None:
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client,
    ):
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        client.settimeout(10)
        with Relay("udp", server.getsockname(), forward=Faults(duplicate=1)) as relay:
            client.sendto(b"ping", ("127.0.0.1", relay.port))
            for _ in range(2):
                data, whence = server.recvfrom(100)
                server.sendto(data.upper(), whence)
            assert [client.recv(100), client.recv(100)] == [b"PING", b"PING"]
    assert relay.forward == Tally(taken=1, given=2, duplicated=1)
    assert relay.backward == Tally(taken=2, given=2)


def test_real_streams_pass_both_ways_with_their_half_closes() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(10)
        with (
            Relay("tcp", listener.getsockname(), backward=Faults(split=1)) as relay,
            closing(socket.create_connection(("127.0.0.1", relay.port), timeout=10)) as client,
        ):
            server, _ = listener.accept()
            with closing(server):
                server.settimeout(10)
                client.sendall(b"ping")
                client.shutdown(socket.SHUT_WR)
                with closing(server.makefile("rb")) as received:
                    assert received.read() == b"ping"
                server.sendall(b"pong")
                server.shutdown(socket.SHUT_WR)
                with closing(client.makefile("rb")) as received:
                    assert received.read() == b"pong"
    assert relay.backward == Tally(taken=1, given=2, split=1)


def test_a_cut_connection_is_reset() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(10)
        with (
            Relay("tcp", listener.getsockname(), forward=Faults(cut_after=1)) as relay,
            closing(socket.create_connection(("127.0.0.1", relay.port), timeout=10)) as client,
        ):
            server, _ = listener.accept()
            with closing(server):
                client.sendall(b"ping")
                with pytest.raises(ConnectionResetError):
                    client.recv(100)
    assert relay.forward.cut == 1


def test_nobody_behind_the_relay_is_a_refusal_before_it() -> None:
    with (
        Relay("tcp", ("127.0.0.1", free_port())) as relay,
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", relay.port), timeout=10) as client,
    ):
        client.recv(100)


def test_what_has_ended_on_one_side_is_closed_with_the_relay() -> None:
    """The FIN waits to be passed on, and never is; a socket that is left open is a warning, which is an error here."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        relay = Relay("tcp", server.getsockname(), forward=Faults(delay_ms=3_600_000))
        with relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
            accepted, _ = server.accept()
            client.shutdown(socket.SHUT_WR)
            while len(relay._ended) < 1:  # its thread takes the FIN
                pass
        accepted.close()
    assert relay._ended
    assert all(each.fileno() == -1 for each in relay._ended)


def test_many_descriptors_of_the_process_are_no_hindrance() -> None:
    with contextlib.ExitStack() as held:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            held.enter_context(Path(os.devnull).open("rb"))
        echo = held.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        relay = held.enter_context(Relay("tcp", echo.getsockname()))
        client = held.enter_context(socket.create_connection(("127.0.0.1", relay.port), timeout=10))
        client.sendall(b"through")
        far = held.enter_context(closing(echo.accept()[0]))
        assert far.recv(7) == b"through"
