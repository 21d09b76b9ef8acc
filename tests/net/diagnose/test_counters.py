"""What this machine counts of its own losses, as Linux writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from netecho.net.diagnose.counters import interfaces, processors, read, receive_buffer_errors

DEV = """\
Inter-|   Receive                                      |  Transmit
 face |bytes packets errs drop fifo frame compr. multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 3871294   12002    0    0    0     0     0         0 3871294 12002    0    0    0     0       0          0
enp3s0: 9812345671234567 7123    1  213    2     0     0  90 1234567 23456    3    4    5     0       0          0
eth0:1:4294967296 7    0    0    0     0     0         0       7     7    0    0    0     0       0          0
"""
SNMP = """\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 991234
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 812345 912 77 823456 76 1 1 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 0 0 0 0 999 0 0 0 0
"""
STAT = """\
cpu  10132153 290696 3084719 46828483 16683 0 25195 0 175628 0
cpu0 1393280 32966 572056 13343292 6130 0 17875 0 23933 0
intr 199292
"""


def test_an_interfaces_drops_and_errors_stand_by_their_names() -> None:
    assert interfaces(DEV)["enp3s0"] == {
        "receive_errors": 1,
        "receive_dropped": 213,
        "receive_fifo": 2,
        "transmit_errors": 3,
        "transmit_dropped": 4,
        "transmit_fifo": 5,
    }


def test_a_name_with_a_colon_or_without_a_blank_behind_it_is_read() -> None:
    assert list(interfaces(DEV)) == ["lo", "enp3s0", "eth0:1"]


def test_datagrams_without_room_are_those_of_udp_alone() -> None:
    assert receive_buffer_errors(SNMP) == 76


def test_of_the_processors_what_waits_is_idle_and_guests_are_not_counted_twice() -> None:
    used = 10132153 + 290696 + 3084719 + 0 + 25195 + 0
    assert processors(STAT) == (used, used + 46828483 + 16683)


def test_an_old_kernel_has_fewer_columns() -> None:
    assert processors("cpu  10 1 5 80 4\n") == (16, 100)


@pytest.mark.parametrize("parse", [interfaces, receive_buffer_errors, processors])
@pytest.mark.parametrize("sample", [DEV, SNMP, STAT, "", "\n\n\n", "a\nb\nc: x\n", "cpu a b c\n", "Udp: a\nUdp: 1\n"])
def test_any_other_text_is_a_value_error_and_no_other(parse: object, sample: str) -> None:
    own = {interfaces: DEV, receive_buffer_errors: SNMP, processors: STAT}
    if own[parse] == sample or (parse is interfaces and not sample.splitlines()[2:]):  # type: ignore[index]
        assert parse(sample) is not None  # type: ignore[operator]
        return
    with pytest.raises(ValueError):  # noqa: PT011 - whichever
        parse(sample)  # type: ignore[operator]


@given(st.text(), st.sampled_from([DEV, SNMP, STAT]), st.integers(0, 300), st.integers(0, 300))
def test_nor_does_garbage_in_the_middle_of_it_raise_another(garbage: str, sample: str, start: int, length: int) -> None:
    for parse in (interfaces, receive_buffer_errors, processors):
        for text in (garbage, sample[:start] + garbage + sample[start + length :]):
            try:
                parse(text)
            except ValueError:
                continue


@pytest.mark.skipif(not Path("/proc/net/dev").exists(), reason="Linux's /proc")
def test_this_machines_own_are_read() -> None:
    counters = read()
    assert "lo" in counters.interfaces
    assert counters.socket_drops is not None
    assert counters.busy is not None
    assert 0 < counters.busy[0] < counters.busy[1]
