"""Many targets on one reactor: when probes leave, what becomes of lost links, names and configurations.

The clock is the test's, and so are the links: each answers after a millisecond, while its world says so.
"""

from __future__ import annotations

import socket
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from netecho.errors import UnreachableError, UsageError
from netecho.measure.loss_reason import Loss, LossReason
from netecho.monitor.monitored import MonitoredTarget
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.monitor.state import State
from netecho.net import descriptors
from netecho.net.client.link import OpenedLink
from netecho.net.client.loss import LinkError
from netecho.net.client.resolve import Address
from netecho.net.client.transports import Transport
from netecho.net.monitor import watch as watch_module
from netecho.net.monitor.engine import LOOKUPS, SLICE, Engine, Reconfigured
from netecho.net.reactor.timer import Timer
from netecho.target import parse_target
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.measure.probe import Probe
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.link import LinkContext

REFUSED = LinkError("connection refused: 192.0.2.1:7", None, Loss(LossReason.REFUSED))


class FakeLink:
    stays_open = True

    def __init__(self, world: World, driver: SessionDriver, address: Address) -> None:
        self.world, self.driver, self.address = world, driver, address
        self.closed = False
        self.indices: list[int] = []

    def send(self, probe: Probe) -> None:
        assert not self.closed
        self.indices.append(probe.index)
        self.world.sends.append(self.world.now())
        self.driver.session.sent(probe, self.world.now())
        if self.world.answers:
            self.world.clock.callLater(0.001, self._reply, probe.index)

    def _reply(self, index: int) -> None:
        if not self.closed:
            now = self.world.now()
            self.driver.session.answered(index, now)
            self.driver.replied(now)

    def poll(self) -> None: ...

    def settle(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class World:
    """Links that are opened as it says, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.answers = True
        self.error: Exception | None = None
        self.names: dict[str, str] = defaultdict(lambda: "192.0.2.1")
        self.links: list[FakeLink] = []
        self.dials: list[float] = []
        self.waits_for: Deferred[None] | None = None
        self.resolver: Callable[[], Deferred[None]] | None = None
        """What an answer of the resolver waits for; None: it is there."""
        self.asking = 0
        self.sends: list[int] = []
        self.changes: list[tuple[str, State, str]] = []
        self.minutes: list[int] = []
        fake = Transport(socket.SOCK_DGRAM, self.prepare)
        monkeypatch.setattr(watch_module, "TRANSPORTS", dict.fromkeys(("tcp", "udp", "stamp"), fake))
        monkeypatch.setattr(watch_module, "resolve", self.resolve)
        reactor: Any = self.clock
        self.engine = Engine(reactor, self, Timer(self.clock, clock=self.now))

    def now(self) -> int:
        return round(self.clock.seconds() * SECOND)

    async def resolve(self, _reactor: object, target: Any, *_: object) -> tuple[list[Address], int | None]:
        if self.resolver is not None:
            self.asking += 1
            try:
                await self.resolver()
            finally:
                self.asking -= 1
        if self.names[target.host] == "":
            raise UnreachableError(f"the name {target.host!r} does not resolve")
        return [Address(socket.AF_INET, (self.names[target.host], 7))], 1000

    def prepare(self, context: LinkContext) -> Any:
        async def open_link(driver: SessionDriver) -> OpenedLink:
            self.dials.append(self.clock.seconds())
            if self.waits_for is not None:
                await self.waits_for
            if self.error is not None:
                raise self.error
            self.links.append(FakeLink(self, driver, context.addresses[0]))
            return OpenedLink(link=self.links[-1], address=context.addresses[0], connect=1000)

        return open_link

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        self.changes.append((target.settings.name, change.after, change.reason))

    def minute_ended(self, target: MonitoredTarget, minute: Slot) -> None:
        del target
        self.minutes.append(minute.counts.received)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self.clock.advance(0.001)

    @property
    def states(self) -> list[State]:
        return [target.state.state for target in self.engine.targets]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def named(name: str, url: str = "udp://echo.example", **probing: Any) -> TargetSettings:
    return TargetSettings(name=name, target=parse_target(url), probing=ProbeSettings(**probing))


def test_starts_are_spread_over_the_interval_and_each_keeps_its_pace(world: World) -> None:
    world.engine.configure([named(f"t{n}") for n in range(100)])
    world.pass_time(3)
    assert len(world.sends) == 300
    for second in range(3):
        tenths = Counter(at // (SECOND // 10) for at in world.sends if at // SECOND == second)
        assert max(tenths.values()) <= 12
    assert world.engine.lag.count == 300
    assert world.states == [State.UP] * 100
    assert len(world.changes) == 100


class Ticks:
    """How many targets are gone through at each turn, where each takes the processor for half a slice."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used = self.done = 0
        self.turns: list[int] = []
        self.names: Counter[str] = Counter()
        monkeypatch.setattr(world.engine, "_processor", lambda: self.used)
        monkeypatch.setattr(MonitoredTarget, "advance", lambda target, _: self.advance(target))
        monkeypatch.setattr(world.engine, "_go_through", partial(self.turn, world.engine._go_through))

    def advance(self, target: MonitoredTarget) -> None:
        self.used += SLICE // 2
        self.done += 1
        self.names[target.settings.name] += 1

    def turn(self, call: Callable[[], None]) -> None:
        self.done = 0
        call()
        self.turns.append(self.done)


def test_what_is_done_of_each_target_holds_up_sends_for_a_slice_and_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a minute ends there is more to do, so it is the time that bounds a slice."""
    ticks = Ticks(world, monkeypatch)
    world.engine.configure([named(f"t{n}") for n in range(20)])
    world.pass_time(1.5)
    assert ticks.turns == [2] * 10


def test_where_turns_are_long_each_target_has_its_own_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is busy with others a tick may not be through when the next is due."""
    ticks = Ticks(world, monkeypatch)
    world.engine.configure([named(f"t{n}") for n in range(20)])
    monkeypatch.setattr(world.engine, "spare", SimpleNamespace(later=partial(world.clock.callLater, 0.3)))
    world.pass_time(6.3)
    turns = [ticks.names[f"t{n}"] for n in range(20)]
    assert min(turns) >= 2
    assert max(turns) - min(turns) <= 1
    assert max(ticks.turns) > 2


def test_a_minute_is_told_of_each_target_at_its_end(world: World) -> None:
    world.engine.configure([named("a"), named("b", interval=2 * SECOND)])
    world.pass_time(121)
    assert sorted(world.minutes) == [30, 30, 60, 60]


@pytest.mark.parametrize("url", ["tcp://echo.example", "udp://echo.example"])
def test_a_target_that_cannot_be_reached_is_a_state_and_is_tried_again_more_and_more_seldom(
    world: World, url: str
) -> None:
    world.error = REFUSED
    world.engine.configure([named("a", url)])
    world.pass_time(200)
    assert world.changes == [("a", State.UNREACHABLE, "connection refused: 192.0.2.1:7")]
    assert 6 <= len(world.dials) <= 12
    gaps = [later - earlier for earlier, later in zip(world.dials, world.dials[1:], strict=False)]
    assert max(gaps) <= 61
    (target,) = world.engine.targets
    assert target.recorder.counts.lost == target.recorder.counts.sent >= 198
    world.error = None
    world.pass_time(65)
    assert world.changes[1:] == [("a", State.UP, "it answers")]
    assert world.links[0].indices[0] == (0 if url.startswith("udp") else target.recorder.counts.lost)


def test_a_lost_connection_is_made_again_by_the_next_probe(world: World) -> None:
    world.engine.configure([named("a", "tcp://echo.example")])
    world.pass_time(2.5)
    world.links[0].driver.lost(world.links[0], Loss(LossReason.RESET))
    world.pass_time(2)
    assert [link.closed for link in world.links] == [True, False]
    (target,) = world.engine.targets
    assert (target.recorder.counts.lost, target.state.state) == (0, State.UP)


def test_a_name_that_moves_is_followed_within_a_minute_and_keeps_its_counts(world: World) -> None:
    world.engine.configure([named("a")])
    world.pass_time(30)
    world.names["echo.example"] = "192.0.2.2"
    world.pass_time(45)
    assert [link.address.host for link in world.links] == ["192.0.2.1", "192.0.2.2"]
    assert world.links[0].closed
    (target,) = world.engine.targets
    assert target.address == "192.0.2.2"
    assert target.recorder.counts.received >= 74
    assert target.recorder.counts.lost == 0


def test_a_name_that_is_gone_for_a_while_changes_nothing_while_its_address_answers(world: World) -> None:
    world.engine.configure([named("a")])
    world.pass_time(30)
    world.names["echo.example"] = ""
    world.pass_time(200)
    assert (len(world.links), world.states) == (1, [State.UP])


def test_what_did_not_change_goes_on_and_keeps_its_counts_when_the_configuration_is_read_again(world: World) -> None:
    kept, removed, altered = named("kept"), named("removed"), named("altered")
    world.engine.configure([kept, removed, altered])
    world.pass_time(5)
    before = world.engine.targets[0]
    changed = replace(altered, probing=ProbeSettings(interval=2 * SECOND))
    assert world.engine.configure([changed, named("added"), kept]) == Reconfigured(kept=1, added=2, removed=2)
    assert [target.settings.name for target in world.engine.targets] == ["altered", "added", "kept"]
    assert world.engine.targets[2] is before
    world.pass_time(5)
    assert before.recorder.counts.sent == 10
    assert sum(link.closed for link in world.links) == 2


def test_a_file_that_cannot_be_read_changes_nothing(world: World) -> None:
    world.engine.configure([named("a")])
    with pytest.raises(UsageError, match="a file of b, cannot be read: No such file or directory"):
        world.engine.configure([named("b", "stamp://host", auth_key_file="/nowhere/key")])
    assert [target.settings.name for target in world.engine.targets] == ["a"]


def test_the_end_closes_every_link_and_loses_nothing_that_is_in_flight(world: World) -> None:
    world.engine.configure([named("a"), named("b", "tcp://echo.example")])
    world.pass_time(3)
    world.answers = False
    world.pass_time(1.5)
    world.engine.stop()
    assert all(link.closed for link in world.links)
    counts = [target.recorder.counts for target in world.engine.targets]
    assert [(each.lost, each.sent - each.received) for each in counts] == [(0, 1), (0, 2)]
    world.pass_time(5)
    assert world.clock.getDelayedCalls() == []


def test_the_end_calls_off_a_connection_that_is_being_made(world: World) -> None:
    cancelled: list[object] = []
    world.waits_for = Deferred(cancelled.append)
    world.engine.configure([named("a", "tcp://echo.example")])
    world.pass_time(1)
    world.engine.stop()
    assert len(cancelled) == 1
    assert world.links == []


def test_a_resolver_that_does_not_answer_is_asked_for_a_few_names_at_once_and_holds_up_no_address(world: World) -> None:
    waiting: list[Deferred[None]] = []

    def asked() -> Deferred[None]:
        waiting.append(Deferred())
        return waiting[-1]

    world.resolver = asked
    world.engine.configure([named(f"t{n}", f"udp://h{n}.example") for n in range(100)])
    world.pass_time(1.1)
    assert world.asking == LOOKUPS
    world.resolver = None
    world.engine.configure([each.settings for each in world.engine.targets] + [named("literal", "udp://192.0.2.9")])
    world.pass_time(1.1)
    assert [link.driver.session.issued > 0 for link in world.links] == [True]
    for each in waiting:
        each.callback(None)
    world.pass_time(1.1)
    assert len(world.links) == 101


def test_more_targets_than_descriptors_are_refused_before_anything_is_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.engine.configure([named("a")])
    monkeypatch.setattr(descriptors, "allow", lambda _: 40)
    with pytest.raises(UnreachableError, match="too few file descriptors"):
        world.engine.configure([named(f"t{n}") for n in range(100)])
    assert [target.settings.name for target in world.engine.targets] == ["a"]
