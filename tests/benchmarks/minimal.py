"""The least a Python client can do: a blocking socket and the program's own clock. Run as a program.

minimal.py tcp|udp HOST PORT COUNT INTERVAL_S [-v]    prints echoes per second, and with -v the rtts in microseconds
"""

from __future__ import annotations

import socket
import sys
import time


def main() -> None:
    transport, host, port, count, interval = sys.argv[1:6]
    verbose = "-v" in sys.argv
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.connect((host, int(port)))
    if transport == "tcp":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    clock, pause = time.perf_counter_ns, float(interval)
    rtts = []
    began = clock()
    for number in range(int(count)):
        payload = bytes(4) + number.to_bytes(8, "big") + bytes(52)  # netecho's mark has its number there, too
        sent = clock()
        sock.send(payload)
        sock.recv(64)
        rtts.append(clock() - sent)
        if pause:
            time.sleep(pause)
    took = clock() - began
    print(int(count) / took * 1e9)
    if verbose:
        print(*(rtt / 1000 for rtt in rtts))


if __name__ == "__main__":
    main()
