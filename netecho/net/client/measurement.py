"""A whole run: resolve, connect, probe until the end, and return the result.

Transports differ in how a link is opened; each has a row in `TRANSPORTS`.
"""

from __future__ import annotations

import errno
import time
import uuid
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.python.failure import Failure

from netecho.errors import NetechoError
from netecho.measure.facts import NO_FACTS, TransportFacts
from netecho.measure.payload import Payloads
from netecho.measure.result import Result, Route, Setup, Start
from netecho.measure.session import Session
from netecho.net import descriptors
from netecho.net.client.driver import SessionDriver
from netecho.net.client.link import Established, LinkContext, OpenedLink
from netecho.net.client.loss import loss_of_connecting
from netecho.net.client.resolve import resolve
from netecho.net.client.transports import TRANSPORTS
from netecho.net.linux import run_clock
from netecho.net.reactor.timer import Timer
from netecho.units import MICROSECOND

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.observer import Reporter
    from netecho.measure.recorder import Recorder
    from netecho.net.client.job import Job
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt


async def probe(reactor: Reactor, interrupt: Interrupt, job: Job, recorder: Recorder, reporter: Reporter) -> Result:
    """Probe as `job` says until it is done or interrupted, and return what was measured.

    Raises `UnreachableError` where the target could not be reached at all, `UsageError` for what the system says of
    the options.
    """
    timer = Timer(reactor, spin=job.plan.spin)
    try:
        return await _Measurement(reactor, timer, interrupt, job, recorder, reporter).result()
    finally:
        timer.close()


class _Measurement:
    """The state of a run beside its figures."""

    def __init__(
        self,
        reactor: Reactor,
        timer: Timer,
        interrupt: Interrupt,
        job: Job,
        recorder: Recorder,
        reporter: Reporter,
    ) -> None:
        self._reactor = reactor
        self._timer = timer
        self._interrupt = interrupt
        self._job = job
        self._recorder = recorder
        self._reporter = reporter
        self._drivers: list[SessionDriver] = []
        self._opened: dict[SessionDriver, OpenedLink] = {}
        """The latest link of each."""
        self._trouble: NetechoError | None = None
        self._ending = False
        """Whether the network's refusal ends the run, or may."""
        self._failed: Deferred[None] = Deferred()
        self._began = run_clock.now()
        self._id = str(uuid.uuid4())

    async def result(self) -> Result:
        plan = self._job.plan
        opening = Deferred.fromCoroutine(self._open())
        self._interrupt.tell(opening.cancel)
        try:
            start, opened = await opening
        except CancelledError:
            return self._ended(self._start(None, Setup()), NO_FACTS)
        self._reporter.started(start)
        self._opened = dict(zip(self._drivers, opened, strict=True))
        self._began = run_clock.now()
        for n, (driver, link) in enumerate(zip(self._drivers, opened, strict=True)):
            # Parallel connections take turns within an interval, instead of sending all at once.
            driver.start(link.link, self._began, Fraction(n, plan.connections) * plan.interval)
            driver.session.opened(link.local)
        self._interrupt.tell(self._stop)
        try:
            await self._until_done()
        finally:
            facts = self._opened[self._drivers[0]].facts()
            for driver in self._drivers:
                driver.stop(poll=False)
                if driver.link is not None:
                    driver.link.close()
        if self._trouble is not None and not self._recorder.rtt.count:
            raise self._trouble
        return self._ended(start._replace(route=_reached(start.route, opened[0].reached())), facts)

    async def _open(self) -> tuple[Start, list[OpenedLink]]:
        job = self._job
        transport = TRANSPORTS[job.target.scheme]
        addresses, resolve_took = await resolve(
            self._reactor, job.target, transport.kind, job.ip_options, job.plan.timeout
        )
        context = LinkContext(
            reactor=self._reactor,
            job=job,
            payloads=Payloads(job.plan),
            recorder=self._recorder,
            addresses=addresses,
            trouble=self._met_trouble,
        )
        # One each, and a second one while another address is tried (RFC 8305), or a connection that is over is closed.
        descriptors.allow(descriptors.LEAST + 2 * job.plan.connections)
        self._open_link = transport.prepare(context)
        self._drivers = [
            SessionDriver(
                self._timer,
                Session(job.plan, self._recorder, connection=n, follows=self._reporter.follows),
                report=self._tell,
                redial=self._redial,
            )
            for n in range(job.plan.connections)
        ]
        for driver in self._drivers:
            self._interrupt.tell_of_stops(driver.continued)
        opened = await gatherResults([self._link(driver) for driver in self._drivers], consumeErrors=True).addErrback(
            _first
        )
        first = opened[0]
        setup = Setup(resolve=resolve_took, connect=first.connect, tls=first.tls)
        return self._start(first, setup), opened

    def _tell(self, event: Event) -> None:
        """Report an event; end the run where the reporter fails."""
        if self._failed.called:
            return
        try:
            self._reporter.tell(event)
        except NetechoError as error:
            self._fail(Failure(error))

    def _link(self, driver: SessionDriver) -> Deferred[OpenedLink]:
        return Deferred.fromCoroutine(self._open_link(driver))

    def _redial(self, driver: SessionDriver) -> None:
        def failed(failure: Failure) -> None:
            failure.trap(NetechoError)
            driver.unreachable(loss_of_connecting(cast("NetechoError", failure.value)))

        def connected(opened: OpenedLink) -> None:
            self._opened[driver] = opened
            driver.connected(opened.link)

        self._link(driver).addCallback(connected).addErrback(failed).addErrback(self._fail)

    def _start(self, first: OpenedLink | None, setup: Setup) -> Start:
        target = self._job.target
        local = first.local if first else None
        route = Route(
            url=target.url,
            transport=target.scheme,
            host=target.host,
            address=first.address.host if first else None,
            port=first.address.port if first else target.port,
            local_address=local[0] if local else None,
            local_port=local[1] if local else None,
        )
        return Start(
            id=self._id,
            label=self._job.label,
            # To the microsecond, as documents have it: what is counted from it is the same in a saved run.
            started=time.time_ns() // MICROSECOND * MICROSECOND,
            route=route,
            setup=setup,
            settings=self._job.settings,
        )

    async def _until_done(self) -> None:
        done = gatherResults([driver.done for driver in self._drivers])
        done.addCallbacks(self._succeed, self._fail)
        await self._failed

    def _succeed(self, _: object) -> None:
        if not self._failed.called:
            self._failed.callback(None)

    def _fail(self, failure: Failure) -> None:
        if not self._failed.called:
            self._failed.errback(failure)

    def _met_trouble(self, error: NetechoError, number: int | None) -> None:
        """Handle an error of the network: it ends the run where nothing was received yet, else it is a loss.

        A reply may lie in a socket beside the error, so all are read first; then nothing more is, so that the run ends
        either with this error or as if it had not been. A datagram that is too long for the path says nothing of the
        next one, which may be shorter.
        """
        if self._trouble is None:
            self._trouble = error
        if number == errno.EMSGSIZE or self._ending or self._recorder.rtt.count:
            return
        self._ending = True
        for driver in self._drivers:
            driver.poll()
        self._ending = not self._recorder.rtt.count
        for driver in self._drivers:
            if self._ending:
                driver.stop(poll=False)
            elif driver.link is not None:
                driver.pump()  # what was read may have been the last reply, or the one that the next probe waits for

    def _stop(self) -> None:
        for driver in self._drivers:
            driver.stop()

    def _ended(self, start: Start, facts: TransportFacts) -> Result:
        return Result(
            start=start,
            duration=self._until() - self._began,
            interrupted=self._interrupt.requested,
            summary=self._recorder.summary(),
            facts=facts,
        )

    def _until(self) -> int:
        """Return when the last probe was settled: to listen for duplicates of it is no part of the run."""
        settled = [driver.settled_at for driver in self._drivers if driver.settled_at is not None]
        return max(settled, default=run_clock.now())


def _reached(route: Route, established: Established | None) -> Route:
    """Return the route with the address that answered, where the first connection was made by a probe."""
    if established is None:
        return route
    return route._replace(address=established.address.host, port=established.address.port)


def _first(failure: Failure) -> Failure:
    """Unwrap what `gatherResults` says of the first that failed."""
    return getattr(failure.value, "subFailure", failure)
