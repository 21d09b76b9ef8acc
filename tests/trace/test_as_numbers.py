"""Whose a router's address is, by a table that is given."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.trace.as_numbers import AsTable

if TYPE_CHECKING:
    import ipaddress

TABLE = """
; as a tool writes it
# and another
10.0.0.0/8 64496
10.0.2.0/24\tAS64497 second
10.0.2.2/32,64498
2001:db8::/32|64499
0.0.0.0/0 4294967295
"""


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("10.0.1.2", 64496),
        ("10.0.2.1", 64497),
        ("10.0.2.2", 64498),
        ("2001:db8:1::2", 64499),
        ("2001:db9::1", None),
        ("fe80::1%eth0", None),
        ("203.0.113.1", 4294967295),
    ],
)
def test_the_longest_prefix_counts(address: str, number: int | None) -> None:
    assert AsTable(TABLE.splitlines()).of(address) == number


@given(st.ip_addresses(), st.data())
def test_an_address_is_in_every_prefix_of_its_own(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    assert AsTable([f"{address}/{length} 64496"]).of(str(address)) == 64496


@pytest.mark.parametrize(
    "line", ["10.0.0.0 64496", "10.0.0.0/33 64496", "10.0.0.0/8", "10.0.0.0/8 4294967296", "x/8 1"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(UsageError, match="line 2 is no prefix of an AS"):
        AsTable(["192.0.2.0/24 64496", line])


@given(st.text())
def test_no_text_is_an_error_of_ours(line: str) -> None:
    with contextlib.suppress(UsageError):
        AsTable([line])
