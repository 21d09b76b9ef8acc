"""What the TCP stack knows of a connection: TCP_INFO, as Linux fills it in (include/uapi/linux/tcp.h).

The structure grows at its end from release to release; what a system does not give is None.
"""

from __future__ import annotations

import socket
import struct

from netecho.measure.facts.tcp import TcpFacts
from netecho.net.linux import sockopts
from netecho.units import MICROSECOND

_TCP_INFO = 11
LONGEST = 512
"""More than any release fills in (248 bytes in 6.18)."""
UNKNOWN = 0xFFFF_FFFF
"""What tcpi_min_rtt says before there is one."""

_OPTIONS = 5
"""A byte of flags: which options both ends agreed on."""
_SACK, _WINDOW_SCALE = 2, 4

# Offsets of 32-bit fields. Round trips are microseconds there.
_SND_MSS = 16
_RCV_MSS = 20
_UNACKED = 24
_SACKED = 28
_PMTU = 60
_RCV_SSTHRESH = 64
_RTT = 68
_RTTVAR = 72
_SND_CWND = 80
_TOTAL_RETRANS = 100
_SEGS_OUT = 136
_DSACK_DUPS = 216
_SND_WND = 228
# 64 bits.
_RWND_LIMITED = 176
_MIN_RTT = 148


_RCV_RTT = 92
_BYTES_ACKED = 120
"""64 bits; the SYN counts as one."""

_U32, _U64 = struct.Struct("@I"), struct.Struct("@Q")


def read(sock: socket.socket) -> TcpFacts | None:
    """Ask the stack about a connected TCP socket; None where it does not say."""
    if not sockopts.LINUX or sock.type != socket.SOCK_STREAM or sock.family == socket.AF_UNIX:
        return None
    try:
        return parse(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, LONGEST))
    except OSError:
        return None


def arrived(sock: socket.socket) -> int | None:
    """Return how many bytes have arrived at the peer: acknowledged, in order or not; None where nobody says.

    What arrived behind a hole is counted as whole segments (SACK): it is not sent again, and without it a loss would
    look like a standstill of a round trip.
    """
    acknowledged, sacked, mss = _one(sock, _BYTES_ACKED, _U64), _one(sock, _SACKED, _U32), _one(sock, _SND_MSS, _U32)
    return None if acknowledged is None or sacked is None or mss is None else max(0, acknowledged - 1) + sacked * mss


def smoothed_rtt(sock: socket.socket) -> int | None:
    """Return the smoothed round trip of a sender, nanoseconds; None where there is none yet."""
    return _nanoseconds(_one(sock, _RTT, _U32) or None)


def receiver_rtt(sock: socket.socket) -> int | None:
    """Return a receiver's estimate of the round trip, nanoseconds; None where there is none yet."""
    return _nanoseconds(_one(sock, _RCV_RTT, _U32) or None)


def _one(sock: socket.socket, offset: int, field: struct.Struct) -> int | None:
    if not sockopts.LINUX:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, LONGEST)
    except OSError:
        return None
    value: int | None = field.unpack_from(info, offset)[0] if len(info) >= offset + field.size else None
    return value


def parse(info: bytes) -> TcpFacts:
    """Read a `struct tcp_info` of any release's length."""
    u32 = struct.Struct("@I")

    def field(offset: int) -> int | None:
        return u32.unpack_from(info, offset)[0] if len(info) >= offset + u32.size else None

    limited = _U64.unpack_from(info, _RWND_LIMITED)[0] if len(info) >= _RWND_LIMITED + _U64.size else None
    options = info[_OPTIONS] if len(info) > _OPTIONS else None
    smoothed, variation, least = field(_RTT), field(_RTTVAR), field(_MIN_RTT)
    return TcpFacts(
        smoothed_rtt=_nanoseconds(smoothed or None),  # 0: nothing was measured yet
        min_rtt=_nanoseconds(None if least == UNKNOWN else least),
        rtt_variation=_nanoseconds(variation if smoothed else None),
        retransmits=field(_TOTAL_RETRANS),
        retransmits_needless=field(_DSACK_DUPS),
        receive_window=field(_RCV_SSTHRESH),
        send_window=field(_SND_WND),
        send_window_limited=_nanoseconds(limited),
        segments_sent=field(_SEGS_OUT),
        window_scale=None if options is None else bool(options & _WINDOW_SCALE),
        sack=None if options is None else bool(options & _SACK),
        congestion_window=field(_SND_CWND),
        mss=field(_SND_MSS),
        path_mtu=field(_PMTU),
        unacknowledged=field(_UNACKED),
        largest_received=field(_RCV_MSS),
    )


def _nanoseconds(microseconds: int | None) -> int | None:
    return None if microseconds is None else microseconds * MICROSECOND
