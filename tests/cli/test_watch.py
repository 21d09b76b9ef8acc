"""What goes on beside a run: whose the terminal's keys are while this process is stopped, and after."""

from __future__ import annotations

import io
import os
import signal
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock

from netecho.cli.watch import Watch
from netecho.report.output import Output

if TYPE_CHECKING:
    import pytest


class Reactor(Clock):
    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


class Told(list[str]):
    """A view, and keys, that tell what they are asked."""

    def take(self) -> None:
        self.append("take")

    def release(self) -> None:
        self.append("release")

    def follow(self) -> None: ...

    def draw(self) -> None: ...

    def pause(self, least: float, took: float) -> float | None: ...

    def draw_anew(self) -> None:
        self.append("draw anew")

    def close(self) -> None:
        self.append("close")


def test_keys_are_given_back_before_a_stop_and_taken_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    monkeypatch.setattr(os, "kill", lambda _, number: told.append(signal.Signals(number).name))
    output = Output(io.StringIO(), io.StringIO(), environ={})
    with Watch(Reactor(), output, told, lambda: None, keys=told):
        signal.raise_signal(signal.SIGTSTP)
        signal.raise_signal(signal.SIGCONT)  # after a SIGSTOP, of which nothing tells
    assert told == [
        "take",
        *("release", "SIGTSTP", "take"),
        *("release", "take", "draw anew"),
        *("release", "close"),
    ]
