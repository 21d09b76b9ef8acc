"""Watching one target: a session without an end over a link that is made, lost and made again.

The probe's own parts do the work (`client.driver`, `client.transports`); here is decided when to connect. A probe that
is due asks for a link where there is none. Where none can be had the probe is lost, and so are those that are due
until the next attempt: each waits twice as long as the one before it, up to a minute. A name is resolved again with
each attempt, each minute, and sooner while nothing answers; where its addresses no longer have the one that is probed,
the session ends and another begins.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore

from netecho.errors import NetechoError
from netecho.measure.session import Session
from netecho.monitor.state import ANSWERS
from netecho.net.client.driver import SessionDriver
from netecho.net.client.link import LinkContext, OpenedLink
from netecho.net.client.loss import loss_of_connecting
from netecho.net.client.resolve import is_literal, resolve
from netecho.net.client.transports import TRANSPORTS
from netecho.net.reactor.timer import Pacer
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from netecho.measure.loss_reason import Loss
    from netecho.measure.payload import Payloads
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.net.client.job import Job
    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.timer import Timer

REFRESH = 60 * SECOND
"""A name's addresses are asked for again after so long: the resolver does not tell their TTL."""
REFRESH_IN_DOUBT = 10 * SECOND
"""The same, while nothing answers."""
_FIRST_PAUSE = SECOND
LONGEST_PAUSE = 60 * SECOND
"""Between two attempts to connect."""


class Watch:
    """Probes one target until it is stopped."""

    def __init__(
        self,
        reactor: Reactor,
        timer: Timer,
        target: MonitoredTarget,
        job: Job,
        payloads: Payloads,
        lookups: DeferredSemaphore,
    ) -> None:
        """Make one; `lookups` bounds how many names are asked for at once, of all targets."""
        self.target = target
        self._lookups = lookups
        self._reactor = reactor
        self._timer = timer
        self._job = job
        self._payloads = payloads
        self._clock = timer.clock
        self._transport = TRANSPORTS[job.target.scheme]
        self._driver: SessionDriver | None = None
        self._address: Address | None = None
        self._opening: Deferred[None] | None = None
        self._refreshing: Deferred[None] | None = None
        self._begin = Pacer(timer, self._begun)
        self._refresh = Pacer(timer, self._resolve_again)
        self._attempts = 0
        """To connect, in a row, that failed."""
        self._not_before = 0
        self._why: Loss | None = None
        self._stopped = False

    def start(self, at: int) -> None:
        """Have the first probe leave at `at`, or when the target is connected to."""
        self._begin.arm(at)

    def stop(self) -> None:
        """Stop probing: what is in flight is neither received nor lost."""
        self._stopped = True
        self._begin.arm(None)
        self._refresh.arm(None)
        for under_way in (self._opening, self._refreshing):
            if under_way is not None:
                under_way.cancel()
        self._end(self._driver)

    def continued(self) -> None:
        """Take in that this process goes on after a stop: called in the signal's handler."""
        if self._driver is not None:
            self._driver.continued()

    def _begun(self) -> None:
        driver = self._new_driver()

        def opened(link: OpenedLink | None) -> None:
            # Without a link: the first probe is due, and is lost as those are that are due while none can be had.
            driver.start(None if link is None else link.link, self._clock())

        self._driver = driver
        self._open(driver, opened)

    def _new_driver(self) -> SessionDriver:
        session = Session(self._job.plan, self.target.recorder, follows=False)
        return SessionDriver(self._timer, session, redial=self._redial)

    def _redial(self, driver: SessionDriver) -> None:
        """Have a link made: a probe is due, and there is none."""
        if self._why is not None and self._clock() < self._not_before:
            driver.unreachable(self._why)
            return
        if self._job.target.is_stream:
            self._open(driver, lambda link: self._reconnected(driver, link))
            return
        # The packets of a datagram link may be numbered by itself (STAMP): it has a session of its own.
        fresh = self._new_driver()
        self._open(fresh, lambda link: self._replaced(driver, fresh, link))

    def _reconnected(self, driver: SessionDriver, opened: OpenedLink | None) -> None:
        if opened is not None:
            driver.connected(opened.link)
        elif self._why is not None:
            driver.unreachable(self._why)

    def _replaced(self, driver: SessionDriver, fresh: SessionDriver, opened: OpenedLink | None) -> None:
        if opened is None:
            self._reconnected(driver, None)
            return
        self._end(driver)
        self._driver = fresh
        fresh.start(opened.link, self._clock())

    def _open(self, driver: SessionDriver, tell: Callable[[OpenedLink | None], None]) -> None:
        """Open a link for `driver`, and tell of it; of None where that failed."""

        def failed(failure: Failure) -> None:
            if failure.check(CancelledError):
                return
            failure.trap(NetechoError)
            self._failed(cast("NetechoError", failure.value))
            tell(None)

        def succeeded(opened: OpenedLink) -> None:
            self._attempts, self._why = 0, None
            self.target.recorder.explained = None
            self.target.address = opened.address.host
            self._address = opened.address
            self._refresh_later()
            if self._stopped:
                opened.link.close()
            else:
                tell(opened)

        def settled(result: object) -> object:
            self._opening = None
            return result

        opening = Deferred.fromCoroutine(self._opened(driver))
        self._opening = cast("Deferred[None]", opening)
        opening.addBoth(settled).addCallbacks(succeeded, failed)

    async def _opened(self, driver: SessionDriver) -> OpenedLink:
        job, phases = self._job, self.target.recorder.phases
        addresses, took = await self._resolve()
        if took is not None:
            phases.record("resolve", took)
        context = LinkContext(
            reactor=self._reactor,
            job=job,
            payloads=self._payloads,
            recorder=self.target.recorder,
            addresses=addresses,
            trouble=lambda _error, _number: None,  # it is a loss with a reason, and the state follows from those
        )
        opened = await self._transport.prepare(context)(driver)
        if opened.connect is not None:
            self.target.recorder.connected(opened.connect, opened.tls)
        return opened

    def _failed(self, error: NetechoError) -> None:
        """Note why there is no link, and when to try again: not all targets at the same time."""
        pause = min(LONGEST_PAUSE, _FIRST_PAUSE << min(self._attempts, 16))
        self._attempts += 1
        self._not_before = self._clock() + int(pause * random.uniform(0.75, 1))
        self._why = loss_of_connecting(error)
        self.target.recorder.explained = error.sentence

    def _refresh_later(self) -> None:
        if self._refreshing is None and not self._stopped and self._job.target.path is None:
            answers = self.target.state.state in ANSWERS
            self._refresh.arm(self._clock() + (REFRESH if answers else REFRESH_IN_DOUBT))

    def _resolve_again(self) -> None:
        """Ask for the name's addresses, and go on with another where the one that is probed is no longer among them."""

        def settled(result: object) -> object:
            self._refreshing = None
            return result

        def found(result: tuple[list[Address], int | None]) -> None:
            addresses, took = result
            if took is None or self._stopped:
                return  # an address has no name to follow
            self.target.recorder.phases.record("resolve", took)
            if self._address not in addresses and self._opening is None:
                self._end(self._driver)
                self._begin.arm(self._clock())
            else:
                self._refresh_later()

        def failed(failure: Failure) -> None:
            if not failure.check(CancelledError):
                failure.trap(NetechoError)
                self._refresh_later()

        resolving = Deferred.fromCoroutine(self._resolve())
        self._refreshing = cast("Deferred[None]", resolving)
        resolving.addBoth(settled).addCallbacks(found, failed)

    async def _resolve(self) -> tuple[list[Address], int | None]:
        """Look the target up; a name waits for its turn, for each takes a thread until the resolver has answered."""
        job = self._job

        async def looked_up() -> tuple[list[Address], int | None]:
            return await resolve(self._reactor, job.target, self._transport.kind, job.ip_options, job.plan.timeout)

        if job.target.path is not None or is_literal(job.target.host):
            return await looked_up()
        return await self._lookups.run(lambda: Deferred.fromCoroutine(looked_up()))

    def _end(self, driver: SessionDriver | None) -> None:
        if driver is None:
            return
        link = driver.link
        driver.stop()
        if link is not None:
            link.close()
