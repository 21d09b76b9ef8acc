"""Attacks over UDP."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

from tests.attacks.attack import LOOPBACK

if TYPE_CHECKING:
    from tests.attacks.attack import Deadline, Victim

LARGEST = 65_507


def udp_newlines(victim: Victim, deadline: Deadline) -> None:
    """The largest datagrams, of nothing but newlines: 65,507 lines to answer in each, 50 of them a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        while not deadline.is_over():
            for _ in range(5):
                with contextlib.suppress(OSError):
                    sock.sendto(b"\n" * LARGEST, (LOOPBACK, victim.ports["udp"]))
            deadline.rest(0.1)


def udp_flood(victim: Victim, deadline: Deadline) -> None:
    """Small datagrams as fast as one sender can."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.9", 0))
        sock.setblocking(False)
        while not deadline.is_over():
            for _ in range(100):
                with contextlib.suppress(OSError):
                    sock.sendto(b"f" * 64, (LOOPBACK, victim.ports["udp"]))


def forged_loops(victim: Victim, deadline: Deadline) -> None:
    """Services on 50 ports that answer whatever comes; packets are forged between them and the server when all rest."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(50)]
        for sock in socks:
            sock.bind(("127.0.0.11", 0))
            sock.setblocking(False)
        number = 0
        while not deadline.is_over():
            ready, _, _ = select.select(socks, [], [], 0.05)
            for sock in ready:
                with contextlib.suppress(OSError):
                    data, peer = sock.recvfrom(100)
                    sock.sendto(data, peer)
            if not ready:  # all are silent
                number += 1
                for sock in socks:
                    with contextlib.suppress(OSError):
                        sock.sendto(b"forged %d" % number, (LOOPBACK, victim.ports["udp"]))
