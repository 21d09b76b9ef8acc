"""TCP_INFO: the fields at their offsets, whatever length the system's structure has."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given, strategies as st

from netecho.measure.facts.tcp import TcpFacts
from netecho.net.linux import sockopts, tcp_info
from netecho.units import SECOND

# struct tcp_info in the length that Linux 6.18 gives it, and in it the fields that are read, by offset.
FIXED = bytearray(248)
for offset, value in (
    (16, 32741),  # snd_mss
    (20, 536),  # rcv_mss
    (24, 4),  # unacked
    (60, 65535),  # pmtu
    (64, 65_000),  # rcv_ssthresh
    (68, 83),  # rtt, µs
    (72, 41),  # rttvar, µs
    (80, 10),  # snd_cwnd
    (100, 3),  # total_retrans
    (136, 700),  # segs_out
    (176, 5_000),  # rwnd_limited, µs, the lower half
    (216, 2),  # dsack_dups
    (228, 64_000),  # snd_wnd
    (148, 27),  # min_rtt, µs
):
    struct.pack_into("@I", FIXED, offset, value)
FIXED[5] = 2  # options: SACK

READ = TcpFacts(
    smoothed_rtt=83_000,
    min_rtt=27_000,
    rtt_variation=41_000,
    retransmits=3,
    retransmits_needless=2,
    receive_window=65_000,
    send_window=64_000,
    send_window_limited=5_000_000,
    segments_sent=700,
    window_scale=False,
    sack=True,
    congestion_window=10,
    mss=32741,
    path_mtu=65535,
    unacknowledged=4,
    largest_received=536,
)


def test_each_field_is_read_where_it_is() -> None:
    assert tcp_info.parse(bytes(FIXED)) == READ


def test_an_older_system_says_less() -> None:
    assert tcp_info.parse(bytes(FIXED[:104])) == READ._replace(
        min_rtt=None,
        segments_sent=None,
        retransmits_needless=None,
        send_window=None,
        send_window_limited=None,
    )


def test_before_anything_was_measured_there_is_no_round_trip() -> None:
    fresh = bytearray(FIXED)
    struct.pack_into("@I", fresh, 68, 0)
    struct.pack_into("@I", fresh, 72, 250_000)  # what the kernel starts from
    struct.pack_into("@I", fresh, 148, 0xFFFF_FFFF)
    tcp = tcp_info.parse(bytes(fresh))
    assert (tcp.smoothed_rtt, tcp.min_rtt, tcp.rtt_variation) == (None, None, None)


@given(st.binary(max_size=300))
def test_any_length_is_read(info: bytes) -> None:
    assert isinstance(tcp_info.parse(info), TcpFacts)


@pytest.mark.skipif(not sockopts.LINUX, reason="TCP_INFO is read as Linux lays it out")
def test_of_a_real_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        for _ in range(20):
            near.sendall(b"request")
            far.sendall(far.recv(100))
            near.recv(100)
        tcp = tcp_info.read(near)
    assert tcp is not None
    assert tcp.retransmits == 0
    assert tcp.path_mtu == 65535
    assert 0 < (tcp.min_rtt or 0) <= (tcp.smoothed_rtt or 0) < SECOND
    assert (tcp.mss or 0) < 65535
    assert (tcp.congestion_window or 0) > 0


def test_of_what_is_no_tcp_connection() -> None:
    near, far = socket.socketpair()
    with near, far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert tcp_info.read(near) is None
        assert tcp_info.read(datagrams) is None
