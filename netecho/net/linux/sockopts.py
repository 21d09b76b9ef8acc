"""Linux's numbers and calls that Python does not name. Constants and one-line wrappers: nothing is decided here.

Sources: include/uapi/asm-generic/socket.h, linux/net_tstamp.h, linux/errqueue.h, linux/in.h, linux/in6.h,
timerfd_create(2). Python names the timerfd calls from 3.13 on; before that the C library is asked.
"""

from __future__ import annotations

import sys

LINUX = sys.platform == "linux"

# Socket options and the control messages of the same number, level SOL_SOCKET.
SO_TIMESTAMPING = 37
SO_RXQ_OVFL = 40

# What SO_TIMESTAMPING is asked for.
TX_SOFTWARE = 1 << 1
RX_SOFTWARE = 1 << 3
REPORT_SOFTWARE = 1 << 4
OPT_ID = 1 << 7
OPT_TSONLY = 1 << 11
OPT_ID_TCP = 1 << 16
"""Linux 6.2: count a stream's bytes from what was written, not from what was acknowledged."""

MSG_ERRQUEUE = 0x2000

# Control messages: (level, type).
IP_TOS = 1
IP_TTL = 2
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IPV6_RECVERR = 25
IPV6_RECVHOPLIMIT = 51
IPV6_HOPLIMIT = 52
IPV6_RECVTCLASS = 66
IPV6_TCLASS = 67

# Where an entry of the error queue comes from (sock_extended_err.ee_origin).
ORIGIN_LOCAL = 1
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3
ORIGIN_TIMESTAMPING = 4

TSTAMP_SND = 0
"""sock_extended_err.ee_info of the stamp taken as the packet is handed to the device."""
