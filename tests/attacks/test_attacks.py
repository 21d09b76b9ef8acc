"""Each attack, briefly: a client that behaves loses nothing, and the server is afterwards as it was before."""

from __future__ import annotations

import socket

import pytest

from netecho.stamp.packet import Reply
from tests.attacks.attack import Deadline, Victim
from tests.attacks.play import play
from tests.attacks.stamp import stamp_sessions
from tests.attacks.table import ROWS, Row
from tests.program import Program
from tests.server import Server

SECONDS = 0.6


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {' '.join(row.options[:2])}")
def test_a_client_that_behaves_does_not_suffer(row: Row) -> None:
    done = play(row, SECONDS)
    assert done.answered > 0
    assert done.lost == 0
    assert done.memory <= row.memory
    assert done.descriptors <= 0
    assert (done.code, done.err) == (0, "")


def test_forged_sessions_do_not_end_one_that_is_in_use() -> None:
    """A STAMP session that sends seldom keeps its count of replies, however many sessions are forged meanwhile."""
    program = Program("serve", "stamp://127.0.0.1:0", "-q", "--format", "ndjson", "--stateful")
    try:
        victim = Victim(Server(program, 1).port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.connect(("127.0.0.1", victim.ports["stamp"]))

            def number() -> int:
                client.send(bytes(44))
                return Reply.decode(client.recv(100)).sequence

            assert [number(), number()] == [0, 1]
            stamp_sessions(victim, Deadline(5))
            assert number() == 2
    finally:
        program.kill()
