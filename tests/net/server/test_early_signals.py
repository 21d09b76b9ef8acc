"""SIGINT and SIGTERM before there is a reactor: the end, and a good one, whatever is being done."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from netecho.net.server.early_signals import release_waiting, stop_early, stop_was_requested

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPING = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _handlers_are_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*STOPPING, signal.SIGHUP)}
    yield
    release_waiting()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_what_was_begun_is_unwound(number: signal.Signals) -> None:
    steps = []
    with stop_early():
        try:
            signal.raise_signal(number)
            steps.append("not reached")
        finally:
            steps.append("unwound")
    assert steps == ["unwound"]


@pytest.mark.parametrize("number", STOPPING)
def test_one_that_was_swallowed_is_remembered(number: signal.Signals) -> None:
    with stop_early():
        assert not stop_was_requested()
        with suppress(BaseException):
            signal.raise_signal(number)
        assert stop_was_requested()


def test_hangup_waits_until_it_is_handled() -> None:
    handled: list[int] = []
    with stop_early():
        signal.raise_signal(signal.SIGHUP)
        signal.signal(signal.SIGHUP, lambda number, _: handled.append(number))
        assert handled == []
        release_waiting()
        assert handled == [signal.SIGHUP]
