"""How steps measure: with what was asked for, and not at all any more once all was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netecho.diagnose.checks.transports import Reach
from netecho.diagnose.finding import CHECKS
from netecho.diagnose.services import parse_services
from netecho.net.diagnose.battery import Battery, DiagnoseOptions
from netecho.target import parse_target
from netecho.units import SECOND
from tests.diagnose.observations import MS, delaying, run, schedule

if TYPE_CHECKING:
    from netecho.diagnose.run import Run
    from netecho.net.client.job import Job
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt


def battery() -> Battery:
    options = DiagnoseOptions(services=parse_services("host"), checks=frozenset(CHECKS), bytes=1000)
    return Battery(cast("Reactor", MemoryReactorClock()), options)


def test_what_begins_when_all_was_stopped_is_over_at_once() -> None:
    stopped, runs = battery(), cast("list[Run]", [])
    stopped.stop("out of time")
    target = parse_target("tcp://192.0.2.1:7")
    Deferred.fromCoroutine(stopped.measure(target, count=100, interval=MS)).addCallback(runs.append)
    (over,) = runs
    assert (over.sent, over.fates, over.result.interrupted) == (0, (), True)


def test_a_run_hears_of_a_stop_of_this_process_while_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    over: Deferred[Run] = Deferred()

    async def measured(_: Reactor, interrupt: Interrupt, __: Job) -> Run:
        interrupt.tell_of_stops(lambda: heard.append(1))
        return await over

    monkeypatch.setattr("netecho.net.diagnose.battery.measured", measured)
    played = battery()
    Deferred.fromCoroutine(played.measure(parse_target("udp://192.0.2.1:7"), count=1, interval=MS))
    played.continued()
    assert heard == [1]
    over.callback(run(schedule(1, 1)))
    played.continued()
    assert heard == [1]


def test_a_run_ends_in_its_time_however_late_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Interrupt] = []
    over: Deferred[Run] = Deferred()

    async def measured(_: Reactor, interrupt: Interrupt, __: Job) -> Run:
        asked.append(interrupt)
        return await over

    monkeypatch.setattr("netecho.net.diagnose.battery.measured", measured)
    played = battery()
    clock = cast("MemoryReactorClock", played.reactor)
    Deferred.fromCoroutine(played.measure(parse_target("udp://192.0.2.1:7"), within=4 * SECOND, count=1, interval=MS))
    clock.advance(3.9)
    assert not asked[0].requested
    clock.advance(0.1)
    assert asked[0].requested
    over.callback(run(schedule(1, 1)))
    assert clock.getDelayedCalls() == []


def test_datagrams_go_to_a_reflector_where_there_is_one() -> None:
    known = battery()
    udp, tcp, stamp = (parse_target(each) for each in ("udp://host", "tcp://host", "stamp://host"))
    assert (known.datagrams, known.tcp, known.usual) == (None, None, None)
    known.reached = [
        Reach(target=tcp, answer="echo"),
        Reach(target=stamp, answer="silent"),
        Reach(target=udp, answer="echo"),
    ]
    assert (known.datagrams, known.tcp, known.stamp) == (udp, tcp, None)
    known.reached = [Reach(target=udp, answer="echo"), Reach(target=stamp, answer="echo")]
    assert (known.datagrams, known.tcp) == (stamp, None)


def test_the_usual_round_trip_is_that_of_the_longest_run() -> None:
    known = battery()
    known.runs += [run(schedule(1, 3)), run(delaying(schedule(2, 9), lambda _: 7 * MS)), run(schedule(1, 2))]
    assert known.usual == pytest.approx(27 * MS, rel=0.01)


def test_bytes_that_are_left_are_those_not_used() -> None:
    spent = battery()
    spent.bytes_used += 300
    assert spent.bytes_left == 700
