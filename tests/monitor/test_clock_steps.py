"""A wall clock that is set is told once, with by how much; one that is corrected little by little is not."""

from __future__ import annotations

from netecho.monitor.clock_steps import ClockSteps
from netecho.units import MILLISECOND, SECOND

MINUTE = 60 * SECOND
YEAR_2026 = 1_780_000_000 * SECOND


def test_a_step_is_told_once_with_its_direction() -> None:
    steps = ClockSteps(0, YEAR_2026)
    assert steps.observe(MINUTE, YEAR_2026 + MINUTE) is None
    assert steps.observe(2 * MINUTE, YEAR_2026 + 2 * MINUTE - 3600 * SECOND) == -3600 * SECOND
    assert steps.observe(3 * MINUTE, YEAR_2026 + 3 * MINUTE - 3600 * SECOND) is None
    assert steps.observe(4 * MINUTE, YEAR_2026 + 4 * MINUTE) == 3600 * SECOND


def test_what_a_daemon_corrects_is_no_step() -> None:
    steps = ClockSteps(0, YEAR_2026)
    for n in range(1, 200):
        assert steps.observe(n * MINUTE, YEAR_2026 + n * (MINUTE + 30 * MILLISECOND)) is None
