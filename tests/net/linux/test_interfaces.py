"""Interfaces by their addresses: the loopback of this machine, and the text of the kernel's table."""

from __future__ import annotations

from netecho.net.linux.interfaces import interface_with, mtu_of, six_of

TABLE = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000100000000000000000002 02 40 00 82     near
"""


def test_an_address_has_its_interface() -> None:
    assert interface_with("127.0.0.1") == "lo"
    assert interface_with("192.0.2.77") is None
    assert interface_with("2001:db8::77") is None
    assert interface_with("no address:") is None


def test_an_ipv6_address_is_found_in_the_kernels_table() -> None:
    assert six_of(TABLE) == {"::1": "lo", "2001:db8:1::2": "near"}
    assert six_of("") == {}
    assert six_of("what is this\n" + TABLE)["::1"] == "lo"


def test_an_interface_has_its_mtu() -> None:
    assert (mtu_of("lo") or 0) >= 1280
    assert mtu_of("nosuch0") is None
