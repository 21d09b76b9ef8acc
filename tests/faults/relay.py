"""A router's part that the kernel lacks: packets of one direction come in by a TUN device and leave by it, mistreated.

    python -m tests.faults.relay DEVICE [--delay-ms N] [--duplicate SHARE] [--reorder SHARE] [--corrupt SHARE]

It makes the device, prints its name, and runs until it is killed. What is routed to the device comes here, and what
comes from it is to be routed to where it was going, by an `ip rule iif DEVICE`. The router forwards each packet twice
by that, so what its second pass takes off the TTL is given back here: the relay is no hop of its own.
What a packet suffers, and when it leaves, is `tests.relay`'s to say.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import struct
from dataclasses import replace

from tests.relay import Agenda, DatagramDirection, Faults, Relay, Tally

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
LONGEST_PACKET = 65_535
UDP_PAYLOAD = 28
"""Where it begins, behind an IPv4 header without options."""


def open_tun(name: str) -> int:
    """Make a TUN device of that name for as long as the descriptor is open; it reads and writes IP packets."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def one_hop_less(packet: bytes) -> bytes:
    """Give back one of the TTL, and take as much off the header's checksum (RFC 1624)."""
    (checksum,) = struct.unpack_from("!H", packet, 10)
    checksum = (checksum - 0x0100) % 0xFFFF
    return packet[:8] + bytes([packet[8] + 1, packet[9]]) + struct.pack("!H", checksum) + packet[12:]


def without_checksum(packet: bytes) -> bytes:
    """A UDP datagram that says it has no checksum (RFC 768), as of a router that changed it and left nothing behind."""
    return packet[:26] + bytes(2) + packet[28:]


def relay(device: int, faults: Faults) -> None:
    """Pass on what comes, without end."""
    agenda = Agenda()

    def send(packet: bytes) -> None:
        os.write(device, without_checksum(packet) if faults.corrupt else packet)

    direction = DatagramDirection(agenda, faults, Tally(), "relay", send)
    while True:
        due = agenda.next_due()
        timeout = None if due is None else max(due - Relay.now(), 0) / 1e9
        if select.select([device], [], [], timeout)[0]:
            packet = os.read(device, LONGEST_PACKET)
            if packet[0] >> 4 == 4:  # the kernel's own announcements of IPv6 on a new device go nowhere
                direction.take(one_hop_less(packet), Relay.now())
        agenda.do(Relay.now())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.relay", description=__doc__)
    parser.add_argument("device")
    for name in ("delay_ms", "duplicate", "reorder", "corrupt"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0)
    asked = vars(parser.parse_args())
    name = asked.pop("device")
    device = open_tun(name)
    print(name, flush=True)
    relay(device, replace(Faults(**asked), corrupt_from=UDP_PAYLOAD))


if __name__ == "__main__":
    main()
