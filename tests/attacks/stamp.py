"""Attacks on the STAMP reflector."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from tests.attacks.attack import LOOPBACK

if TYPE_CHECKING:
    from tests.attacks.attack import Deadline, Victim

BATCH = 200


def stamp_sessions(victim: Victim, deadline: Deadline) -> None:
    """A new session with each packet, 8,000 a second: each has another identifier, and a port per 65,536 of them."""
    for _ in range(64):
        if deadline.is_over():
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.7", 0))
            sock.setblocking(False)
            for first in range(1, 1 << 16, BATCH):
                for ssid in range(first, min(first + BATCH, 1 << 16)):
                    with contextlib.suppress(OSError):
                        sock.sendto(bytes(14) + ssid.to_bytes(2) + bytes(28), (LOOPBACK, victim.ports["stamp"]))
                deadline.rest(BATCH / 8000)
                if deadline.is_over():
                    return


def stamp_garbage(victim: Victim, deadline: Deadline) -> None:
    """Random octets of all sizes, which are TLVs as often as not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        while not deadline.is_over():
            for size in (14, 43, 44, 48, 200, 1400):
                with contextlib.suppress(OSError):
                    sock.sendto(os.urandom(size), (LOOPBACK, victim.ports["stamp"]))
                    sock.sendto(bytes(44) + b"\x80\x04" + os.urandom(size), (LOOPBACK, victim.ports["stamp"]))
            deadline.rest(0.001)


def stamp_empty_tlvs(victim: Victim, deadline: Deadline) -> None:
    """The largest datagrams, of nothing but empty TLVs: 16,000 in each."""
    packet = bytes(44) + bytes.fromhex("80010000") * 16_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        while not deadline.is_over():
            for _ in range(5):
                with contextlib.suppress(OSError):
                    sock.sendto(packet, (LOOPBACK, victim.ports["stamp"]))
            deadline.rest(0.05)
