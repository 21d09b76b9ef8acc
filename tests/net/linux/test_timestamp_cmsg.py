"""What the control messages of a send's timestamp, an arrival and an error of the network say."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import example, given, strategies as st

from netecho.net.linux import sockopts, timestamping
from netecho.net.linux.sockopts import MSG_ERRQUEUE, SO_TIMESTAMPING
from netecho.net.linux.timestamp_cmsg import (
    ORIGIN_ICMP,
    QueuedError,
    entry_tx_timestamp,
    parse_error,
    parse_tx_timestamp,
)
from tests.net.linux.ancillary import SEEN, Control, ScriptedQueue, extended, laid_out, stamp


def test_a_sends_stamp_as_this_kernel_writes_it() -> None:
    ancillary = [
        (1, 37, bytes.fromhex("73fc036b00000000a004900000000000") + bytes(32)),
        (0, 11, bytes.fromhex("2a000000040000000000000007000000") + bytes(16)),
    ]
    assert parse_tx_timestamp(ancillary) == (7, 1_795_423_347_009_438_368)


def test_the_order_of_the_messages_does_not_matter() -> None:
    assert (
        parse_tx_timestamp([extended(id32=7), stamp()]) == parse_tx_timestamp([stamp(), extended(id32=7)]) == (7, SEEN)
    )


def test_ipv6_has_a_type_of_its_own() -> None:
    _, _, data = extended(id32=9)
    assert parse_tx_timestamp([stamp(), (socket.IPPROTO_IPV6, sockopts.IPV6_RECVERR, data)]) == (9, SEEN)


@pytest.mark.parametrize(
    "ancillary",
    [
        pytest.param([], id="nothing"),
        pytest.param([stamp()], id="a stamp of nobody knows what"),
        pytest.param([extended(id32=1)], id="no stamp"),
        pytest.param([stamp(0), extended(id32=1)], id="an empty stamp"),
        pytest.param([stamp(), extended(id32=1, info=1)], id="stamped as it was queued (SCHED)"),
        pytest.param([stamp(), extended(id32=1, info=2)], id="stamped as it was acknowledged (ACK)"),
        pytest.param([stamp(), extended(id32=1, origin=ORIGIN_ICMP)], id="an error that is stamped"),
    ],
)
def test_what_is_not_a_departure(ancillary: list[Control]) -> None:
    assert parse_tx_timestamp(ancillary) is None


STAMPS = st.builds(stamp, st.sampled_from([0, SEEN]))
ERRORS = st.builds(
    extended,
    id32=st.integers(0, 2**32 - 1),
    origin=st.sampled_from([ORIGIN_ICMP, sockopts.ORIGIN_TIMESTAMPING]),
    info=st.integers(0, 2),
)
OTHERS = st.sampled_from([(0, sockopts.IP_TTL, struct.pack("@i", 64)), (41, SO_TIMESTAMPING, bytes(48)), (1, 2, b"")])


ENTRIES = st.lists(STAMPS | ERRORS | OTHERS, max_size=5, unique_by=lambda message: message[:2])


@given(st.lists(ENTRIES, max_size=6))
@example([[stamp(), extended(id32=1, info=1)], [stamp(), extended(id32=1, origin=ORIGIN_ICMP)]])
@example([[stamp(0), extended(id32=1)], [stamp(), extended(id32=1)], [stamp()], []])
def test_what_is_seen_at_a_glance_is_what_a_careful_look_sees(entries: list[list[Control]]) -> None:
    queue = ScriptedQueue()
    queue.control[:] = (
        laid_out([stamp(), extended(id32=3)]).ljust(queue.space, b"\0") * timestamping.PER_DRAIN
    )  # of old
    queue.entries.extend(entries)
    assert queue.receive(7, MSG_ERRQUEUE) == len(entries)
    assert [entry_tx_timestamp(queue, index) for index in range(len(entries))] == [
        parse_tx_timestamp(entry) for entry in entries
    ]


def test_trouble_is_what_is_not_a_stamp() -> None:
    message = extended(errno=90, origin=ORIGIN_ICMP, type_=3, code=4, info=1400)
    assert parse_error([message]) == QueuedError(errno=90, origin=ORIGIN_ICMP, type=3, code=4, info=1400)
    assert parse_error([stamp(), extended()]) is None
    assert parse_error([]) is None
