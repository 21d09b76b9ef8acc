"""A server beside another program: when it is started again, and when it is given up.

That it is, with processes, is tested where the command is: `tests/cli/commands/test_monitor.py`.
"""

from __future__ import annotations

import pytest

from netecho.net.server.answering import restart
from netecho.net.server.restarts import RETRY_DELAYS, STEADY


class Life:
    """Servers that live for as long as is said, one after the other."""

    def __init__(self, *lives: int) -> None:
        self.lives = list(lives)
        self.now = 0
        self.said: list[str] = []
        self.slept: list[float] = []

    def serve(self) -> str:
        if not self.lives:
            raise InterruptedError
        self.now += self.lives.pop(0)
        return "signal 9"

    def play(self) -> Life:
        restart(self.serve, self.said.append, lambda: self.now, self.slept.append)
        return self


def test_one_that_ends_is_started_again_at_once_and_then_with_growing_delays() -> None:
    life = Life(STEADY, 1, 1)
    with pytest.raises(InterruptedError):
        life.play()
    assert life.slept == list(RETRY_DELAYS[:3])
    assert life.said == [
        "what answers died (signal 9) and is started again",
        "what answers died (signal 9) and is started again in 0.5 s",
        "what answers died (signal 9) and is started again in 1 s",
    ]


def test_one_that_served_for_a_while_is_no_failure() -> None:
    life = Life(*[STEADY] * 20)
    with pytest.raises(InterruptedError):
        life.play()
    assert life.slept == [RETRY_DELAYS[0]] * 20


def test_one_that_ends_soon_each_time_is_given_up() -> None:
    life = Life(*[STEADY - 1] * 20).play()
    assert len(life.slept) == len(RETRY_DELAYS)
    assert life.said[-1] == "what answers is given up: it died 6 times soon after its start, the last time of: signal 9"
