"""What became of a segment and of its echo, by what the kernel says of the connection."""

from __future__ import annotations

import pytest

from netecho.diagnose.run import Fate, Run
from netecho.measure.facts import TransportFacts
from netecho.measure.facts.tcp import TcpFacts
from netecho.net.diagnose.segments import Both, read
from tests.diagnose.observations import USUAL, run

HEADERS, INTERFACE = 52, 1500


def echo(*, answered: bool, mss: int = 1448, mtu: int = 1500, unacknowledged: int = 0, received: int = 1448) -> Run:
    tcp = TcpFacts(mss=mss, path_mtu=mtu, unacknowledged=unacknowledged, largest_received=received)
    return run([Fate(0, 0, 1448, USUAL if answered else None)], facts=TransportFacts(tcp=tcp))


def fates(of: Run, size: int = 1500, interface: int | None = INTERFACE) -> tuple[str, str | None]:
    both = read(of, size, HEADERS, interface)
    assert both is not None
    return both.there.fate, both.back and both.back.fate


def test_one_that_came_back_passed_both_ways() -> None:
    assert fates(echo(answered=True)) == ("passed", "passed")


def test_one_that_is_not_acknowledged_vanished_on_the_way_there() -> None:
    assert fates(echo(answered=False, unacknowledged=1)) == ("vanished", None)


def test_one_that_is_and_has_no_echo_vanished_on_the_way_back() -> None:
    assert fates(echo(answered=False)) == ("passed", "vanished")


def test_an_echo_in_pieces_says_how_large_the_far_ends_are() -> None:
    both = read(echo(answered=True, received=1200), 1500, HEADERS, INTERFACE)
    assert both is not None
    assert both.back is not None
    assert (both.back.fate, both.back.mtu) == ("local", 1252)
    assert fates(echo(answered=True, received=536), size=576) == ("passed", "passed")


@pytest.mark.parametrize(
    ("mtu", "interface", "fate"), [(1400, 1500, "refused"), (1500, 1500, "local"), (1400, None, "local")]
)
def test_what_left_in_two_segments_was_not_tried(mtu: int, interface: int | None, fate: str) -> None:
    both = read(echo(answered=True, mss=1348, mtu=mtu), 1500, HEADERS, interface)
    assert isinstance(both, Both)
    assert (both.there.fate, both.there.mtu, both.back) == (fate, 1400, None)


def test_a_system_that_does_not_say_is_not_asked() -> None:
    assert read(run([Fate(0, 0, 1448, USUAL)]), 1500, HEADERS, INTERFACE) is None
