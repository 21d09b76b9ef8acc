"""What the system says of its clock (adjtimex), in its own units and in a packet's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from netecho.net.linux import wall_clock
from netecho.net.linux.wall_clock import UNKNOWN, ClockState, clock_state
from netecho.stamp.tlv import SyncSource

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

OK, ERROR = 0, 5
STA_PLL, STA_UNSYNC = 0x0001, 0x0040


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int, int], None]:
    def says(state: int, esterror: int, status: int) -> None:
        def adjtimex(answer: ctypes.Array[ctypes.c_char]) -> int:
            struct.pack_into("@Illlli", answer, 0, 0, 0, 0, 16_000_000, esterror, status)
            return state

        monkeypatch.setattr(wall_clock, "_adjtimex", lambda: adjtimex)

    return says


@pytest.mark.parametrize(
    ("state", "esterror", "status", "expected"),
    [
        (OK, 250, STA_PLL, ClockState(True, 250_000)),
        (ERROR, 16_000_000, STA_UNSYNC, ClockState(False, UNKNOWN)),
        (ERROR, 250, STA_PLL, ClockState(False, 250_000)),
        (OK, 250, STA_UNSYNC, ClockState(False, 250_000)),
        (-1, 250, STA_PLL, ClockState(False, UNKNOWN)),
    ],
)
def test_what_the_system_says(
    system: Callable[[int, int, int], None], state: int, esterror: int, status: int, expected: ClockState
) -> None:
    system(state, esterror, status)
    assert clock_state() == expected


def test_a_system_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_clock, "_adjtimex", lambda: None)
    assert clock_state() == ClockState(False, UNKNOWN)


def test_this_system_says_something() -> None:
    state = clock_state()
    assert 0 <= state.error <= UNKNOWN
    assert state.estimate.synchronised is state.synchronised


def test_in_a_packet() -> None:
    synced = ClockState(True, 250_000)
    assert synced.estimate.error is not None
    assert 250_000 <= synced.estimate.error <= 252_500
    assert synced.sync is SyncSource.NTP
    assert ClockState(False, UNKNOWN).sync is SyncSource.FREE_RUNNING
    assert ClockState(False, UNKNOWN).estimate.error == UNKNOWN
