"""What an address must say for itself before anything is sent to it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netecho.errors import UnreachableError
from netecho.net.client.job import IpOptions
from netecho.net.client.resolve import Address, resolve
from netecho.target import parse_target


def resolved(host: str) -> list[Address]:
    asked = resolve(MemoryReactorClock(), parse_target(f"udp://{host}:7"), socket.SOCK_DGRAM, IpOptions(), 10**9)  # type: ignore[arg-type]
    outcome: list[Any] = []
    Deferred.fromCoroutine(asked).addBoth(outcome.append)
    if isinstance(outcome[0], tuple):
        return outcome[0][0]  # type: ignore[no-any-return]
    outcome[0].raiseException()
    raise AssertionError


@pytest.mark.parametrize(
    ("host", "sentence", "hint"),
    [
        ("[fe80::1]", "fe80::1 is on every link: it needs its interface", "[fe80::1%eth0]"),
        ("[fe80::1%no-such]", "there is no interface 'no-such' here: fe80::1%no-such", "`ip link` lists them"),
    ],
)
def test_a_link_local_address_names_an_interface_of_this_machine(host: str, sentence: str, hint: str) -> None:
    with pytest.raises(UnreachableError) as raised:
        resolved(host)
    assert (raised.value.sentence, raised.value.hint) == (sentence, hint)


def test_one_that_does_is_taken_as_it_is() -> None:
    index, name = socket.if_nameindex()[0]
    assert [each.sockaddr for each in resolved(f"[fe80::1%{name}]")] == [("fe80::1", 7, 0, index)]
    assert [each.sockaddr for each in resolved("[::1]")] == [("::1", 7, 0, 0)]
