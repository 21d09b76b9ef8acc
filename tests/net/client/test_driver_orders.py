"""Whatever happens inside of whatever: every order of sends, replies, failures, lost links and stops.

The driver is walked by hypothesis on a clock that the test turns, over a link that does anything while it sends, is
polled or closed. What comes of each probe is held against `Reference`, which knows nothing of the driver: it replays
the log of what happened, in plain terms. 10,000 sequences: `pytest --hypothesis-profile=long` on this file.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock

from netecho.measure.events import Event, ProbeLost, ReplyDuplicated, ReplyLate, ReplyReceived
from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.driver import SessionDriver
from netecho.net.reactor.timer import Timer
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe

# Not a multiple of the clock's steps: nothing happens in the same instant as a timeout.
TIMEOUT = 5 * MILLISECOND + MILLISECOND // 2
CLOSED, REFUSED, NO_ROUTE = (Loss(reason) for reason in (LossReason.CLOSED, LossReason.REFUSED, LossReason.NO_ROUTE))

ACTIONS = ("reply", "reply again", "lose", "stop", "pump", "pause", "resume", "give up")
INSIDE = st.lists(st.sampled_from(ACTIONS), max_size=2)
SENDS = st.tuples(st.booleans(), INSIDE, INSIDE)
"""Whether the system takes it, and what happens before and after the session learns of it."""
DIALS = st.sampled_from(["later", "connected", "unreachable"])


class Reference:
    """What becomes of each probe, by the log of what happened, one entry after the other."""

    def __init__(self) -> None:
        self.sent: dict[int, int] = {}
        self.fate: dict[int, str] = {}
        self.replies: Counter[str] = Counter()
        self.stopped = False

    def expire(self, now: int) -> None:
        for index in self.outstanding:
            if now - self.sent[index] > TIMEOUT:
                self.fate[index] = "timeout"

    @property
    def outstanding(self) -> list[int]:
        return [index for index in self.sent if index not in self.fate]

    def left(self, index: int, now: int, failed: Loss | None, link_lost: Loss | None) -> None:
        assert index not in self.sent
        assert index == len(self.sent)
        self.sent[index] = now
        if failed is not None:
            self.fate[index] = failed.reason
        elif self.stopped:
            self.fate[index] = "pending"
        elif link_lost is not None:
            self.fate[index] = link_lost.reason

    def answered(self, index: int) -> None:
        fate = self.fate.get(index)
        if fate is None:
            self.fate[index] = "received"
        elif fate == "pending":
            pass
        elif fate in ("received", "late"):
            self.replies["duplicate"] += 1
        else:
            self.replies["late"] += 1
            self.fate[index] = "late"

    def lose_all(self, reason: str) -> None:
        for index in self.outstanding:
            self.fate[index] = reason


class AnyLink:
    """A link on which anything may happen."""

    stays_open = True

    def __init__(self, machine: Orders) -> None:
        self.machine = machine
        self.closed = False

    def send(self, probe: Probe) -> None:
        machine = self.machine
        assert not self.closed
        taken, before, after = machine.sends.pop() if machine.sends else (True, [], [])
        machine.play(before)
        gone = None if machine.driver.link is self else machine.why
        machine.reference.expire(machine.now())
        if taken:
            machine.reference.left(probe.index, machine.now(), None, gone)
            machine.session.sent(probe, machine.now())
        else:
            machine.reference.left(probe.index, machine.now(), NO_ROUTE, None)
            machine.session.failed(probe, machine.now(), NO_ROUTE)
        machine.play(after)

    def poll(self) -> None:
        machine = self.machine
        machine.play(machine.polls.pop() if machine.polls else [])

    def settle(self) -> None: ...

    def close(self) -> None:
        self.closed = True
        self.machine.driver.lost(self, CLOSED)


class Orders(RuleBasedStateMachine):
    """Walks the driver."""

    @initialize(
        closed_loop=st.booleans(),
        follows=st.booleans(),
        window=st.sampled_from([None, 1, 2]),
        count=st.integers(1, 12),
        sends=st.lists(SENDS, max_size=12),
        polls=st.lists(INSIDE, max_size=4),
        dials=st.lists(DIALS, max_size=6),
    )
    def begin(self, closed_loop: bool, follows: bool, window: int | None, count: int, **inside: Any) -> None:
        plan = Plan(count=count, interval=Fraction(0 if closed_loop else MILLISECOND), window=window, timeout=TIMEOUT)
        self.count, self.why = count, CLOSED
        self.sends, self.polls, self.dials = inside["sends"], inside["polls"], inside["dials"]
        self.clock = Clock()
        self.recorder = Recorder()
        self.follows = follows
        self.session = Session(plan, self.recorder, follows=follows)
        self.reference = Reference()
        self.events: list[Event] = []
        self.ended = 0
        self.driver = SessionDriver(
            Timer(self.clock, clock=self.now), self.session, report=self.events.append, redial=self.redial
        )
        self.driver.done.addCallback(self.over)
        self.driver.start(AnyLink(self), 0)

    def now(self) -> int:
        return round(self.clock.seconds() * 1e6) * 1000

    def over(self, _: object) -> None:
        self.ended += 1

    def redial(self, driver: SessionDriver) -> None:
        assert driver.link is None
        assert not self.reference.stopped
        how = self.dials.pop() if self.dials else "later"
        if how == "connected":
            driver.connected(AnyLink(self))
        elif how == "unreachable":
            self.nothing_to_connect_to()

    def nothing_to_connect_to(self) -> None:
        """Fail to connect: what is due is lost, as the session alone knows what that is."""
        known = self.session.issued
        self.driver.unreachable(REFUSED)
        for index in range(known, self.session.issued):
            if index not in self.reference.sent:
                self.reference.left(index, self.now(), REFUSED, None)

    def play(self, actions: list[str]) -> None:
        for action in actions:
            self.reference.expire(self.now())
            getattr(self, action.replace(" ", "_"))()

    # What may happen inside of something.

    def reply(self) -> None:
        if self.reference.outstanding:
            self.answer(self.reference.outstanding[0])

    def reply_again(self) -> None:
        if self.reference.sent:
            self.answer(max(self.reference.sent))

    def answer(self, index: int) -> None:
        if self.driver.link is None or self.reference.stopped or self.driver.done.called:
            return  # a link that is gone, or was closed with the run, delivers nothing any more
        self.reference.answered(index)
        self.session.answered(index, self.now())
        self.driver.replied(self.now())

    def lose(self) -> None:
        if self.driver.link is not None:
            if not self.reference.stopped:
                self.reference.lose_all(REFUSED.reason)
            self.why = REFUSED
            self.driver.lost(self.driver.link, REFUSED)

    def give_up(self) -> None:
        if self.reference.outstanding and not self.reference.stopped:
            index = self.reference.outstanding[-1]
            self.reference.fate[index] = NO_ROUTE.reason
            self.session.gave_up(index, self.now(), NO_ROUTE)
            self.driver.pump()

    def stop(self) -> None:
        if self.driver.done.called or self.reference.stopped:
            self.driver.stop()
            return
        polled, self.polls = self.polls, []  # what a poll brings is the link's; here it brings nothing
        self.driver.stop()
        self.polls = polled
        self.reference.stopped = True
        self.reference.lose_all("pending")

    def pump(self) -> None:
        self.driver.pump()

    def pause(self) -> None:
        if self.driver.link is not None:
            self.session.pause()

    def resume(self) -> None:
        self.session.resume()
        self.driver.pump()

    # The rules.

    @rule(actions=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3))
    def happens(self, actions: list[str]) -> None:
        self.play(actions)

    @rule(milliseconds=st.integers(1, 8))
    def time_passes(self, milliseconds: int) -> None:
        for _ in range(milliseconds):
            self.clock.advance(0.001)
            self.reference.expire(self.now())

    @precondition(lambda self: self.dialling)
    @rule()
    def connects(self) -> None:
        self.driver.connected(AnyLink(self))

    @precondition(lambda self: self.dialling)
    @rule()
    def cannot_connect(self) -> None:
        self.nothing_to_connect_to()

    @property
    def dialling(self) -> bool:
        return self.driver.dialling and not self.driver.done.called

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        self.session.resume()
        for _ in range(4000):
            if self.driver.done.called:
                break
            if self.dialling:
                self.nothing_to_connect_to()
            self.time_passes(1)
        assert self.ended == 1, "the run ends, and once"
        assert not self.clock.getDelayedCalls()
        self.agrees()

    def agrees(self) -> None:
        reference, summary = self.reference, self.recorder.summary()
        fates = Counter("lost" if fate not in ("received", "pending") else fate for fate in reference.fate.values())
        assert set(reference.fate) == set(reference.sent)
        assert reference.stopped or len(reference.sent) == self.count
        assert summary.sent == len(reference.sent)
        assert (summary.received, summary.lost, summary.pending) == tuple(
            fates[each] for each in ("received", "lost", "pending")
        )
        assert (summary.late, summary.duplicate) == tuple(reference.replies[each] for each in ("late", "duplicate"))
        assert sum(summary.loss_by_reason.values()) == summary.lost
        told = {event.seq: event.reason for event in self.events if isinstance(event, ProbeLost)}
        assert {seq for seq, fate in reference.fate.items() if fate not in ("received", "pending")} == set(told)
        for seq, fate in reference.fate.items():
            assert fate in ("received", "pending", "late") or told[seq] == fate
        replied = [event.seq for event in self.events if isinstance(event, ReplyReceived)]
        received = [seq for seq, fate in sorted(reference.fate.items()) if fate == "received"]
        assert sorted(replied) == (received if self.follows else [])
        assert sum(isinstance(event, ReplyLate) for event in self.events) == summary.late
        assert sum(isinstance(event, ReplyDuplicated) for event in self.events) == summary.duplicate


def test_every_order_of_events() -> None:
    examples = max(150, settings().max_examples)
    run_state_machine_as_test(Orders, settings=settings(max_examples=examples, stateful_step_count=20))
