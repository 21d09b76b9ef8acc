"""The Session-Sender's socket: a datagram link whose payloads are test packets, and whose replies have T2 and T3.

T1 and T4 are kernel timestamps where there are any. `stamp.session_sender` reads the packets, `measure.oneway` decides
which timestamps to believe and makes the figures; this module connects the two for a run.

T3 is written into a reply before it leaves. A reflector that has the tx timestamp of a reply sends it in the next one
(RFC 8972 section 4.7, Follow-Up Telemetry). So where the next reply is due soon, a reply is held until it is
received: the session is given the same times, with a better T3.
"""

from __future__ import annotations

import contextlib
import errno
import random
import time
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError
from twisted.internet.task import deferLater

from netecho.measure.ecn import value_of
from netecho.measure.events import OneWayDelays
from netecho.measure.facts import TransportFacts
from netecho.measure.facts.stamp import LocationFacts, StampFacts
from netecho.measure.oneway.delays import OTHER_TIME, Claim, Flow, InvalidTimestamps, Timestamps
from netecho.measure.settled import capacity
from netecho.net.client.datagram import DatagramLink, ecn_counter, facts_of
from netecho.net.client.loss import LinkError
from netecho.net.client.packet_counts import PacketCounts
from netecho.net.client.probe_port import open_port
from netecho.net.linux.wall_clock import clock_state
from netecho.net.reactor.interfaces import for_twisted
from netecho.stamp.control import NO_COOKIE, Ask
from netecho.stamp.control_sender import ControlSender, least_request
from netecho.stamp.packet import TTL
from netecho.stamp.session_sender import Reflection, Rejection, Sender
from netecho.target import UNPRIVILEGED_STAMP_PORT
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.link import LinkContext
    from netecho.net.client.resolve import Address
    from netecho.net.linux.wall_clock import ClockState
    from netecho.stamp.location import Location

SOON = 100_000_000
"""The longest interval between probes, in nanoseconds, at which a reply is held until the next is received."""
LEARNING_TRIES = 3
"""Requests for a cookie, each of which may be lost."""


class StampRun:
    """What all the links of a run share: two clocks and the figures made from them."""

    def __init__(self, context: LinkContext) -> None:
        job = context.job
        self.context = context
        self.ip_options = job.ip_options._replace(ttl=job.ip_options.ttl or TTL)
        self.oneway = context.recorder.one_way(job.stamp_options.clock, job.plan.warmup)
        self.counts = PacketCounts()
        self.ecn = ecn_counter(job)
        self._links: list[StampLink] = []
        self._clock: ClockState | None = None
        self._clock_due = 0
        # Of the padding and the SSID: seldom the same as in another run, never a secret.
        self._random = random.Random(job.plan.seed)

    def link(self, driver: SessionDriver) -> StampLink:
        """Make a link with an SSID of its own, and open its socket."""
        context, stamp_options = self.context, self.context.job.stamp_options
        ssid = self._random.randrange(1, 1 << 16) if stamp_options.ssid is None else stamp_options.ssid
        if stamp_options.ssid:  # RFC 8972 section 3: no two sessions of a sender share one
            ssid = (stamp_options.ssid + len(self._links) - 1) % 0xFFFF + 1
        sender = Sender(
            ssid=ssid,
            key=stamp_options.key,
            dscp=self.ip_options.dscp or 0,
            padding=self._padding,
            ptp=stamp_options.timestamp_format == "ptp",
            remembered=capacity(context.job.plan),
            reply_size=stamp_options.reply_size,
        )
        address = context.addresses[0]
        link = StampLink(driver, address, self, sender)
        open_port(context.reactor, link, address, self.ip_options)
        self._links.append(link)
        return link

    def _padding(self, size: int) -> bytes:
        """Return what fills packets up, as asked for (RFC 8972 section 4.1 wants that it can be)."""
        pattern = self.context.job.plan.pattern
        if pattern == "random":
            return self._random.randbytes(size)
        return bytes(size) if pattern == "zeros" else bytes(n & 0xFF for n in range(size))

    def clock(self, now: int) -> ClockState:
        """Return the state of our wall clock, at most a second old."""
        if self._clock is None or now >= self._clock_due:
            self._clock = clock_state()
            self._clock_due = now + SECOND
        return self._clock

    def facts(self, link: StampLink) -> TransportFacts:
        """Return what replies and their packets said, at the end of the run."""
        recorder, ip_options, counts = self.context.recorder, self.ip_options, self.counts
        so_far = recorder.summary(whole=False)
        oneway = self.oneway.summary(so_far.lost, so_far.dropped_here)
        recorder.directions(oneway)
        stamp = StampFacts(
            authenticated=self.context.job.stamp_options.key is not None,
            oneway=oneway,
            extensions=bool(counts.extended) if counts.replies else None,
            ssid=counts.without_ssid < counts.replies if counts.replies else None,
            sync_source=counts.sync_source,
            egress_delay=counts.egress_delay.distribution(),
            class_of_service=counts.class_of_service(ip_options.dscp or 0, value_of(ip_options.ecn)),
            ttl=counts.ttl(ip_options.ttl),
            location=link.location(),
            reply_size=counts.reply_size(self.context.job.stamp_options.reply_size),
        )
        ecn = None if self.ecn is None else self.ecn.facts()
        return TransportFacts(udp=facts_of(self._links), ecn=ecn, stamp=stamp)


class Answer(NamedTuple):
    """A reply, and when it was read."""

    reflection: Reflection
    now: int
    rx_timestamp: int | None


class StampLink(DatagramLink):
    """One session with a reflector."""

    def __init__(self, driver: SessionDriver, address: Address, run: StampRun, sender: Sender) -> None:
        super().__init__(driver, run.context.payloads, address, run.context.trouble, run.ecn)
        self.closed_loop = False  # the closed loop outside the reactor only matches payloads
        self._run = run
        self._sender = sender
        self._flow: Flow = run.oneway.flow()
        self._plan = run.context.job.plan
        # Where a probe leaves only when a reply was received, no reply may be held.
        self._holds = 0 < self._plan.interval <= SOON and self._plan.window is None
        self._held: Answer | None = None
        self._location: Location | None = None
        self._location_changes = 0
        self._learning: tuple[ControlSender, Deferred[None]] | None = None

    async def learn_cookie(self) -> None:
        """Have the far end say by what it knows this address, if longer replies are wanted; up to three times.

        Before the first probe, in a session of its own: so the first reply is as it was asked for.
        """
        context = self._run.context
        options, timeout = context.job.stamp_options, min(self._plan.timeout, SECOND)
        if options.reply_size is None or options.key is not None:
            return
        sender = ControlSender(ssid=random.randrange(1, 1 << 16))
        for _ in range(LEARNING_TRIES):
            request = sender.request(time.time_ns(), least_request(), Ask(0), self._run.clock(0).estimate)
            told: Deferred[None] = Deferred()
            self._learning = sender, told
            with contextlib.suppress(OSError):
                self.port.socket.send(request)
            with contextlib.suppress(DeferredTimeoutError):
                await told.addTimeout(timeout / SECOND, for_twisted(context.reactor))
                break
        self._learning = None
        self._sender.cookie = sender.cookie
        # Go on from the reactor: the read that brought the cookie is one without timestamps.
        await deferLater(for_twisted(context.reactor), 0)

    def refused(self, error: OSError) -> None:
        """Report that the network or the peer refused a datagram, which brings no cookie."""
        super().refused(error)
        if self._learning is not None and not self._learning[1].called:
            self._learning[1].callback(None)

    def received(self, data: bytes, rx_timestamp: int | None) -> None:
        """Handle a datagram: before the first probe it can only bring a cookie."""
        if self._learning is None:
            super().received(data, rx_timestamp)
            return
        sender, told = self._learning
        sender.read(data, time.time_ns())
        if sender.cookie != NO_COOKIE and not told.called:
            told.callback(None)

    def payload(self, probe: Probe) -> bytes:
        """Return the next request. Probes are sent in the order of their numbers, so that the two agree."""
        estimate = self._run.clock(self._driver.clock()).estimate
        return self._sender.request(time.time_ns(), probe.size, estimate)

    def unreachable(self, error: OSError) -> LinkError:
        """Return the error for what the network says of the reflector; where `netecho serve` has one is the hint."""
        found = super().unreachable(error)
        target = self._run.context.job.target
        if error.errno != errno.ECONNREFUSED or target.port == UNPRIVILEGED_STAMP_PORT:
            return found
        right = target._replace(port=UNPRIVILEGED_STAMP_PORT)
        hint = f"is a reflector listening there? `netecho serve` alone is one on port {right.port}: {right}"
        return LinkError(found.sentence, hint, found.why)

    def poll(self) -> None:
        """Hand over what has arrived, and the reply that is held."""
        super().poll()
        self._settle_held()

    def judge(self, data: bytes, now: int, rx_timestamp: int | None) -> None:
        """Take in a datagram of the reflector."""
        reflection = self._sender.read(data, rx_timestamp or time.time_ns())
        session = self._session
        if isinstance(reflection, Rejection):
            session.stray(data)
            return
        self._locate(reflection.location)
        if self._ecn is not None:
            cos = reflection.class_of_service
            self._ecn.replied(reflection.sequence, far=None if cos is None else cos.ecn, here=self.ecn)
        self._settle_held(reflection.follow_up)
        probe = session.outstanding.get(reflection.sequence)
        self._number(reflection, late=probe is None or now - probe.sent_at > self._plan.timeout)
        if probe is None:
            session.answered(reflection.sequence, now)
            return
        answer = Answer(reflection, now, rx_timestamp)
        another_is_due = session.sending or len(session.outstanding) > 1
        if self._holds and another_is_due and reflection.follow_up is not None and reflection.follow_up[1] is not None:
            self._held = answer
        else:
            self._settle(answer, None)

    def _locate(self, location: Location | None) -> None:
        """Take in the addresses and ports that a reply names."""
        if location is None or location is self._location:
            return
        if self._location is not None and self._location.source != location.source:
            self._location_changes += 1
        self._location = location

    def location(self) -> LocationFacts | None:
        """Return the session's addresses and ports here and there, if a reply named them."""
        if self._location is None:
            return None
        here, there = self.port.socket.getsockname(), self._location
        return LocationFacts(
            source=(here[0].partition("%")[0], here[1]),
            destination=(self._address.host.partition("%")[0], self._address.port or 0),
            source_there=(there.source.host, there.source.port),
            destination_there=(there.destination.host, there.destination.port),
            changes=self._location_changes,
        )

    def _settle_held(self, follow_up: tuple[int, int | None] | None = None) -> None:
        """Settle the reply that is held, with the follow-up of the next one, if there is one."""
        held, self._held = self._held, None
        if held is None:
            return
        tx_timestamp = None
        if follow_up is not None and follow_up[0] == held.reflection.reply_sequence:
            tx_timestamp = follow_up[1]
        if held.reflection.sequence in self._session.outstanding:
            self._settle(held, tx_timestamp)

    def _settle(self, answer: Answer, tx_timestamp: int | None) -> None:
        """Record a reply; `tx_timestamp`: when it left the reflector, where that is known."""
        reflection, now, rx_timestamp = answer
        session = self._session
        probe = session.outstanding[reflection.sequence]
        # The same choice of timestamps as the session's: the kernel's where they can be believed.
        t1, round_trip = reflection.t1, now - probe.sent_at
        if (
            probe.tx_timestamp is not None
            and rx_timestamp is not None
            and 0 < rx_timestamp - probe.tx_timestamp <= round_trip
        ):
            t1, round_trip = probe.tx_timestamp, rx_timestamp - probe.tx_timestamp
        stamps = Timestamps(t1, reflection.t2, reflection.t3, t1 + round_trip, reflection.unset)
        if tx_timestamp is not None:
            self._run.counts.egress_delay.record(tx_timestamp - reflection.t3)
            if 0 <= tx_timestamp - reflection.t2 < round_trip:
                stamps = stamps._replace(t3=tx_timestamp)
        oneway, here = self._run.oneway, self._run.clock(now)
        claims = (
            Claim(here.synchronised, here.error),
            Claim(reflection.estimate.synchronised, reflection.estimate.error),
        )
        counts = reflection.sequence >= self._plan.warmup and round_trip <= self._plan.timeout
        kept, wrong = oneway.check(stamps, round_trip, *claims) if counts else (0, None)
        delays = _delays(stamps, kept, wrong)
        session.answered(reflection.sequence, now, rx_timestamp, reflection.wrong_at, kept=kept, delays=delays)
        if counts:
            self._run.counts.add(reflection)
            if wrong is None:
                oneway.replied(self._flow, reflection.sequence, now, stamps, *claims)

    def _number(self, reflection: Reflection, *, late: bool) -> None:
        """Count, by the reflector's own sequence numbers, in which direction packets were lost."""
        stateful = None
        if reflection.follow_up is not None and (reflection.follow_up[1] is not None or reflection.reply_sequence):
            # It fills in when the last reply left, or, though it was not the first, cannot.
            stateful = reflection.follow_up[1] is not None
        self._flow.directions.replied(reflection.sequence, reflection.reply_sequence, stateful=stateful, late=late)


def _delays(stamps: Timestamps, kept: int, wrong: InvalidTimestamps | None) -> OneWayDelays:
    """Return each part of a round trip, as far as its timestamps can be believed."""
    if wrong is None:
        return OneWayDelays(stamps.t2 - stamps.t1, stamps.t4 - stamps.t3, kept)
    return OneWayDelays(processing=kept if wrong in OTHER_TIME else None)
