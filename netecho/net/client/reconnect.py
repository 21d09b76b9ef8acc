"""A connection of its own for each probe: `--reconnect` and `--connect-only`.

With `--connect-only` nothing is sent: the probe is the connection (and the TLS handshake), to any service.
With `--reconnect` each probe is sent on a connection of its own. When its echo is received, our half is closed, and the
server closes its own; what it says until then is counted, as over a connection that stays open.
Either way the probe begins with its connection, so that the response includes all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import connectionDone

from netecho.errors import NetechoError
from netecho.measure.loss_reason import TIMED_OUT
from netecho.net.client.loss import loss_of_connecting, loss_of_end
from netecho.net.client.stream import StreamLink

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.python.failure import Failure

    from netecho.measure.loss_reason import Loss
    from netecho.measure.payload import Payloads
    from netecho.measure.probe import Probe
    from netecho.measure.recording import Recording
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.link import Established


LINGERING = 64
"""How many connections are kept for a reply that may come late, or for the server to close its half; without a bound, a
server that does neither would take all descriptors there are."""


class OneProbeLink(StreamLink):
    """A stream that carries one probe, whose connection was part of it."""

    def __init__(
        self,
        driver: SessionDriver,
        payloads: Payloads,
        probe: Probe,
        answered: Callable[[OneProbeLink], None],
        lost: Callable[[OneProbeLink, Loss], None],
    ) -> None:
        """Make one; `answered` is called after its reply and after all that follows, `lost` at its connection's end."""
        super().__init__(driver, payloads, first=probe.index)
        self._answered = answered
        self._lost = lost

    def send(self, probe: Probe) -> None:
        """Send the payload; the probe began with the connection."""
        self._since = self._driver.clock()
        self.connection.after_read = self._go_on
        self._write(probe, self._payloads.of(probe.index))

    def dataReceived(self, data: bytes) -> None:
        """Pass the reply to the session; there is only one. What follows from it must wait: there may be more."""
        self._received(data, self._driver.clock())

    def _go_on(self) -> None:
        if self.is_answered:
            self._answered(self)
        self._driver.pump()

    @property
    def is_answered(self) -> bool:
        """Whether the reply has been received, be it late."""
        return self._matcher.is_complete

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Lose the probe, if it was not answered."""
        self.settle()
        self._end(reason)
        self._lost(self, loss_of_end(reason))

    def finish(self) -> None:
        """Say that nothing more will be sent, and read on until the server has closed its half."""
        self._wire.unregisterProducer()  # TLS would wait for it to be done
        if self.transport is self.connection:
            self.connection.loseWriteConnection()
        else:
            self._wire.loseConnection()  # a close_notify, and another is waited for

    def close(self) -> None:
        """Close the connection in order, as any client does."""
        self.settle()
        if self.transport is not None:
            self._close_in_order()

    def pauseProducing(self) -> None:
        """Do nothing: other probes have other connections."""

    def resumeProducing(self) -> None:
        """Do nothing."""


class ReconnectingLink:
    """Carries each of a session's probes over a connection of its own."""

    def __init__(
        self,
        driver: SessionDriver,
        recorder: Recording,
        dial: Callable[[OneProbeLink | None], Coroutine[Deferred[object], object, Established]],
        trouble: Callable[[NetechoError, int | None], None],
        payloads: Payloads | None,
    ) -> None:
        """Make one; `dial` connects the link that it is given (None: just connects); `payloads` are sent, if any."""
        self._driver = driver
        self._session = driver.session
        self._recorder = recorder
        self._dial = dial
        self._trouble = trouble
        self._payloads = payloads
        self._under_way: dict[int, Deferred[None]] = {}
        self._open: dict[OneProbeLink, Probe] = {}
        self._finished: dict[OneProbeLink, None] = {}
        """Those that have their reply, and are open on the server's side."""
        self.stays_open = payloads is not None
        self.first: Established | None = None
        """The first connection; None: there is none yet."""

    def send(self, probe: Probe) -> None:
        """Begin the connection of a probe."""
        self._session.sent(probe, self._driver.clock())
        attempt = Deferred.fromCoroutine(self._connect(probe))
        if not attempt.called:
            self._under_way[probe.index] = attempt
        attempt.addErrback(self._failed, probe).addBoth(self._settled, probe)

    async def _connect(self, probe: Probe) -> None:
        link = None
        if self._payloads is not None:
            link = OneProbeLink(self._driver, self._payloads, probe, self._answered, self._lost)
        dialled = await self._dial(link)
        now = self._driver.clock()
        if self.first is None:
            self.first = dialled
        self._recorder.connected(dialled.connect, dialled.tls)
        if link is not None:
            self._open[link] = probe
            link.send(probe)
            self._make_room()
            return
        self._session.answered(probe.index, now, since=now - dialled.connect)
        self._driver.pump()

    def _make_room(self) -> None:
        """Close the connection that has waited longest, if there are many. Probes expire in the order of sending."""
        if len(self._open) + len(self._finished) <= LINGERING:
            return
        link = next(iter(self._finished or self._open))
        if link in self._finished or self._open[link].index not in self._session.outstanding:
            link.poll()
            self._lost(link, TIMED_OUT)

    def _answered(self, link: OneProbeLink) -> None:
        if self._open.pop(link, None) is not None:
            self._finished[link] = None
            link.finish()

    def _lost(self, link: OneProbeLink, why: Loss) -> None:
        self._finished.pop(link, None)
        probe = self._open.pop(link, None)
        link.close()
        if probe is not None:
            self._session.gave_up(probe.index, self._driver.clock(), why)
            self._driver.pump()

    def _failed(self, failure: Failure, probe: Probe) -> None:
        if failure.check(CancelledError):
            return
        error = failure.value
        if not isinstance(error, NetechoError):
            failure.raiseException()
        self._session.gave_up(probe.index, self._driver.clock(), loss_of_connecting(error))
        self._trouble(error, None)
        self._driver.pump()

    def _settled(self, result: None, probe: Probe) -> None:
        self._under_way.pop(probe.index, None)
        return result

    def poll(self) -> None:
        """Read what waits in the sockets."""
        for link in self._all():
            link.poll()
            if link.is_answered:
                self._answered(link)

    def settle(self) -> None:
        """Settle each open connection."""
        for link in self._all():
            link.settle()

    def close(self) -> None:
        """Close every connection, and cancel those being made."""
        for attempt in list(self._under_way.values()):
            attempt.cancel()
        for link in self._all():
            link.close()

    def _all(self) -> list[OneProbeLink]:
        return [*self._finished, *self._open]
