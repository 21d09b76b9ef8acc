"""The battery: its steps in their order, within what they may take, to whatever end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from netecho.diagnose.checks.transports import Reach
from netecho.diagnose.finding import CHECKS, Check, Fine, NotTested
from netecho.diagnose.services import parse_services
from netecho.errors import NetechoError, UnreachableError
from netecho.net.diagnose.battery import DiagnoseOptions
from netecho.net.diagnose.steps import STEPS, Step, diagnose
from netecho.net.reactor.runner import Interrupt
from netecho.target import parse_target
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.diagnose.checks.transports import Answer
    from netecho.diagnose.finding import Diagnosis, Outcome
    from netecho.net.diagnose.battery import Battery
    from netecho.net.reactor.interfaces import Reactor

NONE_OF_THE_HOST = frozenset(CHECKS) - {"host"}


def nothing(_: Battery) -> None:
    """Do nothing."""


def step(
    *checks: Check,
    doing: Callable[[Battery], None] = nothing,
    seconds: float = 0,
    size: int = 0,
    deep: bool = False,
) -> Step:
    """A step that finds all of its checks fine, after something was done."""

    async def measure(battery: Battery) -> Outcome:
        doing(battery)
        return tuple(Fine(check, f"{check} was measured") for check in checks)

    return Step(checks=checks, words=checks[0], measure=measure, seconds=seconds, bytes=size, deep=deep)


def answering(
    answer: Answer = "echo", then: Callable[[Battery], None] = nothing, *, detail: str = "by 10.0.0.1"
) -> Step:
    """The first step, to which UDP answers so, and TCP as well where it does not echo."""

    def look(battery: Battery) -> None:
        targets = ["udp://host"] if answer == "echo" else ["udp://host", "tcp://host"]
        battery.reached = [Reach(target=parse_target(each), answer=answer, detail=detail) for each in targets]
        then(battery)

    return step("transports", doing=look)


class Played:
    """A diagnosis by these steps, and what the progress was told."""

    def __init__(
        self,
        *steps: Step,
        checks: frozenset[Check] = NONE_OF_THE_HOST,
        time: int = 3600 * SECOND,
        size: int = 1 << 30,
        deep: bool = False,
        interrupt: Interrupt | None = None,
    ) -> None:
        self.told: list[tuple[int, int, str]] = []
        options = DiagnoseOptions(
            services=parse_services("host"), checks=checks, deep=deep, time=time, bytes=size, label="a label"
        )
        ended: list[Diagnosis] = []
        reactor = cast("Reactor", MemoryReactorClock())
        coroutine = diagnose(
            reactor, interrupt or Interrupt(), options, lambda *each: self.told.append(each), every=steps
        )
        Deferred.fromCoroutine(coroutine).addCallback(ended.append)
        (self.diagnosis,) = ended

    @property
    def fine(self) -> list[str]:
        return [each.check for each in self.diagnosis.fine]

    @property
    def not_tested(self) -> dict[str, str]:
        return {each.check: each.reason for each in self.diagnosis.not_tested}


def test_steps_are_played_in_their_order_and_all_that_they_say_is_kept() -> None:
    played = Played(answering(), step("tcp"), step("loss", "clocks"))
    assert played.told == [(1, 3, "transports"), (2, 3, "tcp"), (3, 3, "loss")]
    assert played.fine == ["transports", "loss", "clocks", "tcp"]
    found = played.diagnosis
    assert (found.target, found.label, found.interrupted, found.error) == ("host", "a label", False, None)


def test_only_what_was_asked_is_played_and_told_but_for_the_first_step_which_is_played() -> None:
    played = Played(answering(), step("loss", "clocks"), step("tcp"), checks=frozenset({"clocks"}))
    assert [words for *_, words in played.told] == ["transports", "loss"]
    assert played.fine == ["clocks"]


# Within what they may take


def test_the_first_step_is_played_whatever_is_left() -> None:
    assert Played(answering(), time=0, size=0).fine == ["transports"]


def test_a_step_that_would_take_longer_than_is_left_does_not_begin() -> None:
    played = Played(answering(), step("loss", seconds=31), step("tcp", seconds=3), time=30 * SECOND)
    assert played.fine == ["transports", "tcp"]
    assert "30s" in played.not_tested["loss"]
    assert "-t" in played.not_tested["loss"]


def test_nor_does_one_that_would_take_more_bytes_than_are_left() -> None:
    def use(battery: Battery) -> None:
        battery.bytes_used += 900

    played = Played(answering(then=use), step("loss", size=101), step("tcp", size=100), size=1000)
    assert played.fine == ["transports", "tcp"]
    assert "1,000 bytes" in played.not_tested["loss"]
    assert "--max-bytes" in played.not_tested["loss"]
    assert played.diagnosis.bytes_sent == 900


class Clocked:
    """A diagnosis of so many seconds by these steps, on a clock of its own."""

    def __init__(self, *steps: Step, seconds: float) -> None:
        self.clock = MemoryReactorClock()
        self.ended: list[Diagnosis] = []
        options = DiagnoseOptions(
            services=parse_services("host"), checks=NONE_OF_THE_HOST, time=int(seconds * SECOND), bytes=1 << 30
        )
        coroutine = diagnose(cast("Reactor", self.clock), Interrupt(), options, lambda *_: None, every=steps)
        Deferred.fromCoroutine(coroutine).addCallback(self.ended.append)


def lasting(first: Step, *said: Fine | NotTested) -> Step:
    """A step like that one, which lasts until all is stopped, and has that to say then."""

    async def measure(battery: Battery) -> Outcome:
        await first.measure(battery)
        over: Deferred[None] = Deferred()
        battery.on_stop(lambda: over.callback(None))
        await over
        return said

    return replace(first, measure=measure)


def test_what_is_being_measured_ends_with_the_time_and_says_what_it_has() -> None:
    flows = lasting(step("loss", "clocks"), Fine("loss", "400 probes, none lost"), NotTested("clocks", "too few"))
    played = Clocked(answering(), step("marking"), flows, step("tcp"), seconds=30)
    played.clock.advance(28)
    assert played.ended == []
    played.clock.advance(2)
    (found,) = played.ended
    assert [each.check for each in found.fine] == ["transports", "loss", "marking"]
    reasons = {each.check: each.reason for each in found.not_tested}
    assert set(reasons) == {"clocks", "tcp"}
    assert all(reason.startswith("out of time: the 30s") for reason in reasons.values())
    assert (found.interrupted, found.error) == (False, None)


@pytest.mark.parametrize("seconds", [0.001, 1])
def test_what_answers_is_looked_for_for_two_seconds_at_least_and_not_longer(seconds: float) -> None:
    silent = lasting(answering("silent"), NotTested("transports", "UDP port 7007: no answer"))
    played = Clocked(silent, step("tcp"), seconds=seconds)
    played.clock.advance(1.9)
    assert played.ended == []
    played.clock.advance(0.1)
    (found,) = played.ended
    assert isinstance(found.error, UnreachableError)
    assert [each.reason for each in found.not_tested] == ["UDP port 7007: no answer", "nothing answers"]


def test_nothing_is_left_to_call_when_a_diagnosis_ends_in_time() -> None:
    played = Clocked(answering(), step("tcp"), seconds=30)
    assert len(played.ended) == 1
    assert played.clock.getDelayedCalls() == []


def test_deep_steps_are_for_those_who_ask() -> None:
    assert "--deep" in Played(answering(), step("rate", deep=True)).not_tested["rate"]
    assert Played(answering(), step("rate", deep=True), deep=True).fine == ["transports", "rate"]


@given(st.integers(0, 60), st.integers(0, 20_000_000))
def test_by_whatever_limits_each_check_is_said_to_be_tested_or_why_not(seconds: int, size: int) -> None:
    """All but the first of the real steps, that cannot begin here: nothing is measured."""
    unaffordable = [each for each in STEPS[1:] if each.seconds > seconds or each.bytes > size or each.deep]
    played = Played(answering(), *unaffordable, time=seconds * SECOND, size=size)
    assert set(played.not_tested) == {check for each in unaffordable for check in each.checks}


# To whatever end


class BrokenError(NetechoError):
    """What a step may meet."""


def breaks(_: Battery) -> None:
    raise BrokenError("the cable is on fire", "pour water")


def test_a_step_that_meets_an_error_says_so_of_all_its_checks_and_the_others_are_played() -> None:
    played = Played(answering(), step("loss", "clocks", doing=breaks), step("tcp"))
    assert played.not_tested == {"loss": "the cable is on fire", "clocks": "the cable is on fire"}
    assert played.fine == ["transports", "tcp"]


@pytest.mark.parametrize("answer", ["silent", "refused", "other", "prohibited"])
def test_where_nothing_echoes_no_other_step_is_played_and_the_error_names_what_was_tried(answer: Answer) -> None:
    played = Played(answering(answer), step("loss"), step("tcp"))
    assert len(played.told) == 1
    nothing = "nothing echoes" if answer == "other" else "nothing answers"
    assert played.not_tested == {"loss": nothing, "tcp": nothing}
    error = played.diagnosis.error
    assert isinstance(error, UnreachableError)
    assert error.sentence == f"{nothing} at host: udp://host:7007, tcp://host:7007 (by 10.0.0.1)"


@pytest.mark.parametrize("answer", ["other", "mute", "untrusted"])
def test_where_somebody_is_there_who_does_not_echo_the_hint_is_what_can_be_measured(answer: Answer) -> None:
    error = Played(answering(answer)).diagnosis.error
    assert error is not None
    assert "netecho probe tcp://host:7007 --connect-only" in str(error.hint)


def test_a_name_that_does_not_resolve_is_said_once() -> None:
    error = Played(answering("failed", detail="the name 'host' does not resolve")).diagnosis.error
    assert error is not None
    assert (error.sentence, error.hint) == (
        "nothing answers at host: the name 'host' does not resolve",
        "check the name",
    )


def test_where_nobody_said_why_it_is_said_what_was_seen() -> None:
    for answer, why in (("silent", "no answer"), ("refused", "refused")):
        error = Played(answering(cast("Answer", answer), detail="")).diagnosis.error
        assert error is not None
        assert error.sentence.endswith(f"({why})")


def interrupted_in(number: int) -> Played:
    interrupt = Interrupt()

    def request(_: Battery) -> None:
        interrupt.request()

    each: Sequence[Check] = ("names", "loss", "marking", "tcp")
    every = [answering(then=request if number == 0 else nothing)]
    every += [step(check, doing=request if n == number else nothing) for n, check in enumerate(each, 1)]
    return Played(*every, interrupt=interrupt)


@pytest.mark.parametrize("number", range(5))
def test_an_interrupt_in_any_step_gives_what_is_known_by_then(number: int) -> None:
    played = interrupted_in(number)
    assert played.diagnosis.interrupted
    assert len(played.fine) == number + 1
    assert set(played.not_tested.values()) <= {"the diagnosis was interrupted"}
    assert len(played.fine) + len(played.not_tested) == 5


def test_one_before_anything_answered_is_not_taken_for_silence() -> None:
    interrupt = Interrupt()

    def request(_: Battery) -> None:
        interrupt.request()

    played = Played(answering("failed", then=request), step("tcp"), interrupt=interrupt)
    assert played.diagnosis.error is None
    assert played.not_tested == {"tcp": "the diagnosis was interrupted"}


def test_what_is_being_measured_is_told_of_the_interrupt_once() -> None:
    interrupt, ended = Interrupt(), []

    def measure(battery: Battery) -> None:
        over = battery.on_stop(lambda: ended.append("over"))
        battery.on_stop(lambda: ended.append("under way"))
        over()
        interrupt.request()

    Played(answering(), step("tcp", doing=measure), interrupt=interrupt)
    assert ended == ["under way"]


# The real steps


def test_every_check_has_a_step_but_the_host_whose_counters_are_read_at_both_ends() -> None:
    assert {check for each in STEPS for check in each.checks} == NONE_OF_THE_HOST


def test_without_deep_all_of_them_fit_in_the_time_and_the_bytes_that_are_usual() -> None:
    options = DiagnoseOptions(services=parse_services("host"), checks=frozenset(CHECKS))
    usual = [each for each in STEPS if not each.deep]
    assert sum(each.seconds for each in usual) * SECOND < options.time
    assert sum(each.bytes for each in usual) < options.bytes
