"""Real-time priority: while it is asked for, not of children, and only where it is permitted."""

from __future__ import annotations

import os
import subprocess

import pytest

from netecho.net.linux.realtime import preferred
from tests.peers import permitted

PERMITTED = permitted("chrt", "-f", "1", "true")


@pytest.mark.skipif(not PERMITTED, reason="real-time priority is not permitted here")
def test_it_is_had_while_it_is_asked_for_and_not_by_children() -> None:
    with preferred():
        assert os.sched_getscheduler(0) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        theirs = subprocess.run(["chrt", "-p", "0"], capture_output=True, text=True, check=True).stdout
        assert "SCHED_OTHER" in theirs
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_where_it_is_not_permitted_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    before = os.sched_getscheduler(0)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with preferred():
        assert os.sched_getscheduler(0) == before


def test_a_policy_that_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_RR)
    monkeypatch.setattr(os, "sched_setscheduler", lambda *given: asked.append(given))
    with preferred():
        pass
    assert asked == []
