"""The probe's side of UDP: a connected socket, one datagram a probe.

`ProbePort` is Twisted's UDP port, with the stamps of each datagram beside it, and with an error queue that is read
instead of being taken for an error.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import udp
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from netecho.errors import UsageError
from netecho.measure.facts import UdpFacts
from netecho.measure.matching import DatagramMatcher
from netecho.net.client.closed_loop import LARGEST as CLOSED_LOOP_LARGEST, run_closed_loop
from netecho.net.client.connect import mark, unreachable
from netecho.net.client.loss import loss_of_errno
from netecho.net.client.pending_stamps import PendingTxTimestamps
from netecho.net.linux.wall_clock import ClockWatch
from netecho.net.reactor.error_queue import ErrorQueueAware

if TYPE_CHECKING:
    from netecho.measure.payload import Payloads
    from netecho.measure.session import Probe
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.job import IpOptions
    from netecho.net.client.link import Trouble
    from netecho.net.client.resolve import Address
    from netecho.net.linux.timestamping import SocketTimestamps

LARGEST = 65535
# Datagrams read in one go, before what is due gets its turn.
_BURST = 32


class ProbePort(ErrorQueueAware, udp.Port):
    """A UDP socket connected to the target, as a Twisted transport that stamps."""

    def __init__(self, reactor: Any, address: Address, ip_options: IpOptions, protocol: DatagramLink) -> None:
        anywhere = "::" if address.family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - the source is the system's choice
        host, port = ip_options.source or ("", 0)
        super().__init__(port, protocol, host or anywhere, LARGEST, reactor)
        self._ip_options = ip_options
        self._link = protocol
        self.timestamps: SocketTimestamps | None = None
        self.pending_tx: PendingTxTimestamps | None = None

    def stamp(self, timestamps: SocketTimestamps | None) -> None:
        """Take the kernel's stamps from now on, where there are any."""
        self.timestamps = timestamps
        self.pending_tx = PendingTxTimestamps(timestamps, self.socket) if timestamps is not None else None

    def createInternetSocket(self) -> socket.socket:
        """Make a socket that is marked as asked."""
        skt: socket.socket = super().createInternetSocket()
        mark(skt, self._ip_options)
        return skt

    def doRead(self) -> None:
        """Read datagrams with their stamps, and hand each to the link; in a closed loop, play on for a while."""
        self.read(closed_loop=True)

    def read(self, *, closed_loop: bool = False) -> None:
        """Read datagrams with their stamps, and hand each to the link."""
        link, timestamps, pending_tx = self._link, self.timestamps, self.pending_tx
        if pending_tx:
            pending_tx.collect()
        for _ in range(_BURST):
            try:
                if timestamps is None:
                    data, rx_timestamp = self.socket.recv(LARGEST), None
                else:
                    data, rx_timestamp = timestamps.read(self.socket, LARGEST)
                    if closed_loop and link.closed_loop and pending_tx is not None:
                        rest = run_closed_loop(link, self.socket, timestamps, pending_tx, data, rx_timestamp)
                        if rest is None:
                            link.pump()
                            return
                        data, rx_timestamp = rest
            except BlockingIOError:
                if pending_tx is not None:
                    pending_tx.collect(everything=True)
                return
            except OSError as error:
                link.refused(error)
                return
            link.received(data, rx_timestamp)
            if not link.expecting or not self.connected:
                return


class DatagramLink(DatagramProtocol):
    """Carries a flow's probes in datagrams, and finds the replies among those that come back."""

    port: ProbePort

    def __init__(self, driver: SessionDriver, payloads: Payloads, address: Address, trouble: Trouble) -> None:
        """Make a link; `trouble(error)` is told what the network refuses."""
        self._driver = driver
        self.session = self._session = session = driver.session
        self.payloads = self._payloads = payloads
        self.clock = driver.clock
        self._address = address
        self._trouble = trouble
        self._matcher = DatagramMatcher(payloads, session.outstanding, lambda: session.issued)
        self._watch = ClockWatch()
        self.closed_loop = session.one_at_a_time and payloads.longest <= CLOSED_LOOP_LARGEST
        """Whether nothing is to be done between a reply and the next probe."""

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
            port.socket.send(payload)
        except OSError as error:
            self._session.failed(probe, at, loss_of_errno(error))
            if port.timestamps is not None:
                port.timestamps.failed(port.socket)
            self.refused(error)
            return
        self._session.sent(probe, at)
        if port.timestamps is not None and port.pending_tx is not None:
            port.pending_tx.expect(port.timestamps.sent(len(payload)), probe)
            port.pending_tx.collect()

    def payload(self, probe: Probe) -> bytes:
        """Return what a probe carries; it leaves at once."""
        return self._payloads.of(probe.index)

    def follows(self, index: int, data: bytes) -> bool:
        """Tell whether `data` is the echo of probe `index`."""
        return data == self._payloads.of(index)

    def caught_up(self, index: int, written: int) -> None:
        """Do nothing: datagrams tell by themselves which probe they answer."""

    def remainder(self, payload: bytes) -> None:
        """Do nothing: the system takes a datagram whole or not at all."""

    def pump(self) -> None:
        """Have the flow go on."""
        self._driver.pump()

    def stepped(self) -> bool:
        """Tell whether the wall clock was set since this was last asked."""
        return self._watch.stepped()

    def received(self, data: bytes, rx_timestamp: int | None) -> None:
        """Take in a datagram that the kernel stamped `arrived`."""
        now = self._driver.clock()
        if rx_timestamp is not None and self._watch.stepped():
            self._session.clock_was_set()
            rx_timestamp = None
        self.judge(data, now, rx_timestamp)
        self._driver.proceed(now)

    def judge(self, data: bytes, now: int, rx_timestamp: int | None) -> None:
        """Tell the session which probe a datagram answers, in our hands at `now` and stamped `arrived`."""
        found = self._matcher.match(data)
        if found is None:
            self._session.stray(data)
        else:
            self._session.answered(found.number, now, rx_timestamp, found.wrong_at)

    def facts(self) -> UdpFacts | None:
        """Return what is known beside the replies; None without the control messages that say so."""
        timestamps = self.port.timestamps
        if timestamps is None:
            return None
        tos = timestamps.tos
        return UdpFacts(
            dropped_here=timestamps.dropped,
            reply_ttl=timestamps.ttl,
            reply_dscp=None if tos is None else tos >> 2,
            reply_ecn=None if tos is None else tos & 3,
        )

    def refused(self, error: OSError) -> None:
        """Learn that the network or the far host refuses."""
        self._trouble(unreachable(self._address, error), error.errno)

    def poll(self) -> None:
        """Read what waits in the socket."""
        if self.port.connected:
            self.port.read()

    def settle(self) -> None:
        """Do nothing: a datagram is judged when it is received."""

    def close(self) -> None:
        """Let go of the socket."""
        if self.port.connected:
            self.port.stopListening()


def open_port(reactor: Any, link: DatagramLink, address: Address, ip_options: IpOptions) -> None:
    """Open a socket to `address` for `link`. Raises `UsageError` where `--source` cannot be had."""
    link.port = ProbePort(reactor, address, ip_options, link)
    try:
        link.port.startListening()
    except CannotListenError as error:
        host, port = ip_options.source or ("", 0)
        raise UsageError(
            f"cannot send from --source {host or '*'}:{port}: {error.socketError}",
            "give an address of this machine of the target's family, and a port that is free (or 0)",
        ) from None
    try:
        link.port.connect(address.host, address.port)
    except OSError as error:
        link.close()
        raise unreachable(address, error) from None
