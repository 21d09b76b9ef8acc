"""The probe's side of UDP: one datagram a probe, its echo found by what is in it. `probe_port` has the socket."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.internet.protocol import DatagramProtocol

from netecho.measure.ecn import EcnCounter
from netecho.measure.facts.udp import UdpFacts
from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.matching import DatagramMatcher
from netecho.net.client.closed_loop import LARGEST as CLOSED_LOOP_LARGEST
from netecho.net.client.connect import path_mtu, unreachable
from netecho.net.client.loss import LinkError, is_final, loss_of_errno, loss_of_icmp
from netecho.net.linux.drops import dropped
from netecho.net.linux.pending_errors import OF_AN_EARLIER, OF_AN_EARLIER_OR_THIS, PENDING
from netecho.net.linux.wall_clock import ClockWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.payload import Payloads
    from netecho.measure.probe import Probe
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.job import Job
    from netecho.net.client.link import Trouble
    from netecho.net.client.probe_port import ProbePort
    from netecho.net.client.resolve import Address

# How often one datagram is tried again: a flood of errors is as good as no way out.
_TRIES = 4


class DatagramLink(DatagramProtocol):
    """Carries a session's probes in datagrams, and finds the replies among those that are received."""

    stays_open = True
    port: ProbePort

    def __init__(
        self,
        driver: SessionDriver,
        payloads: Payloads,
        address: Address,
        trouble: Trouble,
        ecn: EcnCounter | None = None,
    ) -> None:
        """Make a link; `trouble` is called with the network's errors, `ecn` counts how each reply arrived."""
        self._driver = driver
        self.session = self._session = session = driver.session
        self.payloads = self._payloads = payloads
        self.clock = driver.clock
        self._address = address
        self._trouble = trouble
        self._ecn = ecn
        self._matcher = DatagramMatcher(payloads, session.outstanding, lambda: session.issued)
        self._watch = ClockWatch()
        self.dropped: int | None = None
        """Datagrams that the receive buffer had no room for, as of the last look; None where that is not known."""
        self.closed_loop = session.one_at_a_time and payloads.longest <= CLOSED_LOOP_LARGEST and ecn is None
        """Whether nothing is to be done between a reply and the next probe: a reply's control messages are read."""

    @property
    def expecting(self) -> bool:
        """Whether more replies may be waiting than the one just read."""
        return bool(self._session.outstanding)

    def send(self, probe: Probe) -> None:
        """Send a probe."""
        payload = self.payload(probe)
        port = self.port
        at = self._driver.clock()
        try:
            try:
                port.socket.send(payload)
            except OSError as error:
                self._send_again(payload, error)
        except OSError as error:
            self._session.failed(probe, at, self._loss(error))
            if port.timestamps is not None:
                port.timestamps.failed(port.socket)
            self._trouble(self.unreachable(error), error.errno)
            return
        self._session.sent(probe, at)
        if port.timestamps is not None and port.pending_tx is not None:
            port.pending_tx.expect(port.timestamps.sent(len(payload)), probe)
            port.pending_tx.collect()
            if port.timestamps.error is not None:
                self.report_queued_error()

    def _send_again(self, payload: bytes, error: OSError) -> None:
        """Send what was not sent because of earlier datagrams. Raises OSError for what is an error of this one.

        Between two sends further errors of earlier ones may have come.
        """
        port = self.port
        for _ in range(_TRIES):
            number = error.errno
            if number not in PENDING:
                break
            if port.pending_tx is not None:
                port.pending_tx.collect(everything=True)
            if number in OF_AN_EARLIER:
                self.refused(error)
            failed = self._tried(payload)
            if failed is not None and failed.errno == number and number in OF_AN_EARLIER_OR_THIS:
                break
            if number in OF_AN_EARLIER_OR_THIS:
                self.refused(error)
            if failed is None:
                return
            error = failed
        raise error

    def _tried(self, payload: bytes) -> OSError | None:
        """Send, and return why that was refused."""
        try:
            self.port.socket.send(payload)
        except OSError as error:
            return error
        return None

    def _loss(self, error: OSError) -> Loss:
        if error.errno == errno.EMSGSIZE:
            mtu = path_mtu(self.port.socket)
            return Loss(LossReason.TOO_LARGE, f"path MTU {mtu}" if mtu else "")
        return loss_of_errno(error)

    def payload(self, probe: Probe) -> bytes:
        """Return the payload of a probe that is sent at once."""
        return self._payloads.of(probe.index)

    def follows(self, index: int, data: bytes) -> bool:
        """Return whether `data` is the echo of probe `index`."""
        return data == self._payloads.of(index)

    def caught_up(self, index: int, written: int) -> None:
        """Do nothing: a datagram is matched by its content."""

    def remainder(self, payload: bytes) -> None:
        """Do nothing: the system takes a datagram whole or not at all."""

    def pump(self) -> None:
        """Run the driver's next pass."""
        self._driver.pump()

    def stepped(self) -> bool:
        """Return whether the wall clock was set since the last call."""
        return self._watch.stepped()

    def received(self, data: bytes, rx_timestamp: int | None) -> None:
        """Handle a datagram that the kernel received at `rx_timestamp`."""
        now = self._driver.clock()
        if rx_timestamp is not None and self._watch.stepped():
            self._session.clock_was_set()
            rx_timestamp = None
        self.judge(data, now, rx_timestamp)
        self._driver.replied(now)

    def judge(self, data: bytes, now: int, rx_timestamp: int | None) -> None:
        """Match a datagram that was read at `now` and that the kernel received at `rx_timestamp`."""
        found = self._matcher.match(data)
        if found is None:
            self._session.stray(data)
            return
        if self._ecn is not None:
            self._ecn.replied(found.number, here=self.ecn)
        self._session.answered(found.number, now, rx_timestamp, found.wrong_at)

    @property
    def ecn(self) -> int | None:
        """The ECN codepoint that the last datagram arrived with; None where the system does not say."""
        timestamps = self.port.timestamps
        tos = None if timestamps is None else timestamps.tos
        return None if tos is None else tos & 3

    def facts(self) -> UdpFacts | None:
        """Return what the replies' headers said; None without their control messages."""
        timestamps = self.port.timestamps
        if timestamps is None:
            return None
        if self.port.connected:
            self._count_drops()
        tos = timestamps.tos
        return UdpFacts(
            dropped_here=self.dropped,
            reply_ttl=timestamps.ttl,
            reply_dscp=None if tos is None else tos >> 2,
            reply_ecn=self.ecn,
        )

    def unreachable(self, error: OSError) -> LinkError:
        """Return the error for what the network says of the target, with a hint."""
        return unreachable(self._address, error)

    def refused(self, error: OSError) -> None:
        """Report that the network or the peer refused a datagram."""
        if not self.report_queued_error():
            self._session.error_reported(loss_of_errno(error), self.clock())
            self._trouble(self.unreachable(error), error.errno)

    def report_queued_error(self) -> bool:
        """Report the ICMP error that was queued since the last call; return whether there was one."""
        timestamps = self.port.timestamps
        if timestamps is None or timestamps.error is None:
            return False
        queued, timestamps.error = timestamps.error, None
        why = loss_of_icmp(queued)
        if why is None:
            return False
        self._session.error_reported(why, self.clock())
        if is_final(queued):
            self._trouble(self._rejected(OSError(queued.errno, ""), why), queued.errno)
        return True

    def _rejected(self, error: OSError, why: Loss) -> LinkError:
        """Return the error for an ICMP message in its words: those of its errno are of this machine's routes."""
        found = self.unreachable(error)
        if why.reason is LossReason.REFUSED:
            return LinkError(found.sentence, found.hint, why)
        return LinkError(f"{found.sentence}: {why.detail}", "whoever sent that message refuses the packets", why)

    def poll(self) -> None:
        """Read what waits in the socket, and learn how many more datagrams there was no room for."""
        if not self.port.connected:
            return
        self.port.read_all()
        self._session.dropped_here(self._count_drops(), self.clock())

    def _count_drops(self) -> int:
        """Return how many datagrams there was no room for since this was last asked."""
        before = self.dropped or 0
        self.dropped = dropped(self.port.socket)
        return (self.dropped or 0) - before

    def settle(self) -> None:
        """Do nothing: what answers no probe was recorded as it was read."""

    def close(self) -> None:
        """Close the socket."""
        if self.port.connected:
            self.port.stopListening()


def facts_of(links: Sequence[DatagramLink]) -> UdpFacts | None:
    """Return the facts of all the links of a run: of each the drops, of the first what its replies' headers said."""
    first, *others = (link.facts() for link in links)
    if first is None or first.dropped_here is None:
        return first
    return replace(first, dropped_here=first.dropped_here + sum((each and each.dropped_here) or 0 for each in others))


def ecn_counter(job: Job) -> EcnCounter | None:
    """Return what all the links of a run count their replies' ECN in, where a codepoint was chosen."""
    return None if job.ip_options.ecn is None else EcnCounter(job.ip_options.ecn, job.plan.warmup)
