"""A command at each change: how many at once, for how long, in which order; and what it is never part of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies as st
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from netecho.monitor.facts import environment
from netecho.net.monitor.commands import GRACE, LONGEST, MOST, QUEUED, ChangeCommand
from tests.report.monitored import DOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from netecho.net.monitor.commands import Running


class Started:
    """A process as Twisted's transport has it."""

    def __init__(
        self, protocol: Running, argv: Sequence[str], env: Mapping[str, str], files: Mapping[int, Any]
    ) -> None:
        self.protocol, self.argv, self.env, self.files = protocol, argv, env, files
        self.signals: list[str] = []
        self.over = False
        protocol.transport = self
        protocol.connectionMade()

    def signalProcess(self, name: str) -> None:
        if self.over:
            raise ProcessExitedAlready
        self.signals.append(name)

    def end(self, code: int | None = 0, signal: int | None = None) -> None:
        self.over = True
        why = ProcessDone(0) if code == 0 else ProcessTerminated(code, signal)
        self.protocol.processEnded(Failure(why))


class Processes(Clock):
    """A reactor that starts processes which end when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Started] = []
        self.refuses: OSError | None = None

    def spawnProcess(self, protocol: Any, executable: str, args: Any, env: Any, **files: Any) -> None:
        assert executable == args[0]
        if self.refuses is not None:
            raise self.refuses
        self.started.append(Started(protocol, args, env, files["childFDs"]))

    @property
    def running(self) -> list[Started]:
        return [each for each in self.started if not each.over]


class Bench:
    def __init__(self) -> None:
        self.reactor = Processes()
        self.said: list[str] = []
        reactor: Any = self.reactor
        self.command = ChangeCommand(reactor, ("/bin/page", "--now"), self.said.append)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.command.stop()


def test_it_has_the_facts_in_its_environment_and_none_in_its_arguments(bench: Bench) -> None:
    target, change = DOWN
    nasty = change._replace(reason="$(reboot)\0; `rm -rf /`")
    bench.command.run("nyc", environment(target, nasty, "2026-11-29T12:00:00.000000Z"))
    (process,) = bench.reactor.started
    assert process.argv == ("/bin/page", "--now")
    assert process.env["PATH"] == os.environ["PATH"]
    assert os.environ.items() <= process.env.items()
    assert {name: process.env[name] for name in process.env.keys() - os.environ.keys()} == {
        "NETECHO_TARGET": "nyc",
        "NETECHO_URL": "udp://echo.example:7007",
        "NETECHO_ADDRESS": "192.0.2.1",
        "NETECHO_GROUP": "core",
        "NETECHO_STATE": "down",
        "NETECHO_BEFORE": "pending",
        "NETECHO_REASON": "$(reboot); `rm -rf /`",
        "NETECHO_LASTED": "3",
        "NETECHO_TIME": "2026-11-29T12:00:00.000000Z",
        "NETECHO_LOSS_PERCENT": "100.000",
        "NETECHO_RTT_P50_MS": "",
        "NETECHO_RTT_P99_MS": "",
        "NETECHO_LABEL_SITE": "ams",
    }
    assert (process.files[1], process.files[2]) == (2, 2)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), max_size=60))
def test_never_more_than_a_few_run_and_those_of_one_target_in_their_order(targets: list[int]) -> None:
    bench = Bench()
    for n, target in enumerate(targets):
        bench.command.run(str(target), {"target": str(target), "n": str(n)})
        assert len(bench.reactor.running) <= MOST
    while bench.reactor.running:
        running = [each.env["target"] for each in bench.reactor.running]
        assert len(running) == len(set(running)) <= MOST
        bench.reactor.running[-1].end()
    bench.command.stop()
    begun = [(each.env["target"], int(each.env["n"])) for each in bench.reactor.started]
    assert sorted(n for _, n in begun) == list(range(len(targets)))
    for target in set(targets):
        numbers = [n for of, n in begun if of == str(target)]
        assert numbers == sorted(numbers)


def test_one_that_takes_too_long_is_asked_to_end_and_then_killed(bench: Bench) -> None:
    bench.command.run("a", {})
    (process,) = bench.reactor.started
    bench.reactor.advance(LONGEST - 1)
    assert process.signals == []
    bench.reactor.advance(1)
    assert process.signals == ["TERM"]
    bench.reactor.advance(GRACE)
    assert process.signals == ["TERM", "KILL"]
    process.end(None, 9)
    assert bench.said == ["--on-change: /bin/page ran for longer than 30 s and was ended, for a"]
    assert bench.reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("code", "signal", "said"), [(3, None, "ended with 3"), (None, 11, "ended by signal 11"), (0, None, None)]
)
def test_one_that_fails_is_said(bench: Bench, code: int | None, signal: int | None, said: str | None) -> None:
    bench.command.run("a", {})
    bench.reactor.started[0].end(code, signal)
    assert bench.said == ([] if said is None else [f"--on-change: /bin/page {said}, for a"])


def test_one_that_cannot_be_started_is_said_and_the_next_is_tried(bench: Bench) -> None:
    bench.reactor.refuses = OSError(11, "Resource temporarily unavailable")
    bench.command.run("a", {})
    bench.reactor.refuses = None
    bench.command.run("a", {})
    assert bench.said == ["--on-change: /bin/page could not be started: Resource temporarily unavailable"]
    assert len(bench.reactor.started) == 1


def test_of_too_many_changes_the_oldest_are_left_out_and_counted(bench: Bench) -> None:
    for n in range(QUEUED + 5):
        bench.command.run("a", {"n": str(n)})
    bench.reactor.started[0].end()
    assert bench.said == ["--on-change: 4 changes were left out, as the command takes too long"]
    assert bench.reactor.started[1].env["n"] == "5"


def test_the_end_begins_none_and_ends_those_that_run() -> None:
    made = Bench()
    made.command.run("a", {})
    made.command.run("a", {})
    made.command.stop()
    made.command.run("b", {})
    (process,) = made.reactor.started
    assert process.signals == ["TERM"]
    process.end(None, 15)
    assert len(made.reactor.started) == 1
