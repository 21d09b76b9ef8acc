"""The truth: when each packet was on the wire, by tcpdump with nanosecond stamps."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAGIC = 0xA1B23C4D
"""Of a pcap file with nanoseconds."""
_LAST = b"netecho: the last packet of this capture"
_ETHERNET = 14
_TCP, _UDP, _ICMP = 6, 17, 1
PATIENCE = 10
"""Seconds; tcpdump gets its packets in blocks, up to a second late."""


@dataclass
class Packet:
    """An IPv4 packet as it passed the interface; `at` in nanoseconds of the wall clock."""

    at: int
    source: int
    destination: int
    payload: bytes


@dataclass
class Capture:
    """What was captured, when it is over."""

    packets: list[Packet] = field(default_factory=list)

    def round_trips(self, port: int, numbers: Callable[[bytes], list[int]]) -> dict[int, float]:
        """Microseconds from request to reply by the number that both carry; `port` is the server's.

        `numbers` reads the numbers from a payload. The first packet with a number counts, in each direction.
        """
        requests: dict[int, int] = {}
        replies: dict[int, int] = {}
        for packet in self.packets:
            seen = requests if packet.destination == port else replies if packet.source == port else None
            if seen is not None:
                for number in numbers(packet.payload):
                    seen.setdefault(number, packet.at)
        return {number: (at - requests[number]) / 1000 for number, at in replies.items() if number in requests}


@contextlib.contextmanager
def capturing(expression: str) -> Iterator[Capture]:
    """Capture on loopback what matches; it is complete when the block is left. Raises where packets were missed."""
    capture = Capture()
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
        marker.bind(("127.0.0.1", 0))
        file = Path(directory) / "capture.pcap"
        command = ["tcpdump", "-i", "lo", "-n", "-U", "-B", "65536", "-w", str(file)]
        command += ["--time-stamp-precision=nano", f"({expression}) or (udp dst port {marker.getsockname()[1]})"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
            assert process.stderr is not None
            try:
                if "listening" not in process.stderr.readline():
                    raise RuntimeError(f"tcpdump: {process.stderr.read().strip()}")
                yield capture
                # When the file has the last packet, it has those before it.
                marker.sendto(_LAST, marker.getsockname())
                deadline = time.monotonic() + PATIENCE
                while _LAST not in file.read_bytes():
                    if time.monotonic() > deadline:
                        raise RuntimeError("tcpdump does not write what it sees")
                    time.sleep(0.05)
            finally:
                process.send_signal(signal.SIGINT)
                said = process.stderr.read()
        missed = re.search(r"(\d+) packets? dropped by kernel", said)
        if missed and int(missed[1]):
            raise RuntimeError(f"tcpdump missed {missed[1]} packets")
        capture.packets = packets(file.read_bytes())


def packets(pcap: bytes) -> list[Packet]:
    """The TCP, UDP and ICMP packets of a pcap file written on this machine. ICMP's echo types stand for ports."""
    if struct.unpack_from("@I", pcap)[0] != _MAGIC:
        raise RuntimeError("tcpdump wrote no nanoseconds")
    found = []
    place = 24
    while place + 16 <= len(pcap):
        seconds, nanoseconds, kept, _ = struct.unpack_from("@IIII", pcap, place)
        frame = pcap[place + 16 + _ETHERNET : place + 16 + kept]
        place += 16 + kept
        packet = _packet(seconds * 10**9 + nanoseconds, frame)
        if packet is not None:
            found.append(packet)
    return found


def _packet(at: int, frame: bytes) -> Packet | None:
    if len(frame) < 28 or frame[0] >> 4 != 4:
        return None
    header = (frame[0] & 15) * 4
    length = struct.unpack_from(">H", frame, 2)[0]
    inner = frame[header:length]
    if frame[9] == _ICMP:
        echo = inner[0] == 8
        return Packet(at, 0 if echo else 8, 8 if echo else 0, inner[4:8])
    source, destination = struct.unpack_from(">HH", inner)
    start = (inner[12] >> 4) * 4 if frame[9] == _TCP else 8
    return Packet(at, source, destination, inner[start:])
