"""The table of the probe's transports: for each scheme, how a link is opened. A new transport is one row here."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import deferLater

from netecho.errors import UnreachableError
from netecho.measure.facts import TransportFacts
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.connect import connect
from netecho.net.client.link import Established, LinkContext, OpenedLink
from netecho.net.client.loss import LinkError
from netecho.net.client.stream import ProbeConnection, StreamLink
from netecho.net.linux import tcp_info
from netecho.net.linux.timestamping import SocketTimestamps
from netecho.net.reactor.interfaces import for_twisted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.job import Job
    from netecho.net.client.tls import Client


HANDSHAKES = 64
"""How many of parallel connections agree on TLS at the same time. OpenSSL takes some 30 KiB for each of them, and 1,000
at once left 22 MiB of that behind in pieces; besides, each handshake was as long as all of them."""

OpenLink: TypeAlias = "Callable[[SessionDriver], Coroutine[Deferred[object], object, OpenedLink]]"
"""Opens the link of one connection."""


class Transport(NamedTuple):
    """How one scheme is probed."""

    kind: socket.SocketKind
    prepare: Callable[[LinkContext], OpenLink]
    """Made once a run; called for each link."""


def _timestamps(skt: socket.socket, job: Job) -> SocketTimestamps | None:
    """Enable the kernel's timestamps, if they are wanted; None where they are not, or the system has none."""
    if job.plan.stamps == "user":
        return None
    timestamps = SocketTimestamps.enable(skt)
    if timestamps is None and job.plan.stamps == "kernel":
        raise _no_stamps(job)
    return timestamps


def _no_stamps(job: Job) -> UnreachableError:
    return UnreachableError(
        f"--stamps kernel: there are no kernel timestamps here for {job.target.scheme}://",
        "--stamps auto takes the program's own clock where it must, and says so",
    )


def _local(skt: socket.socket) -> tuple[str, int] | None:
    if skt.family == socket.AF_UNIX:
        return None
    name = skt.getsockname()
    return str(name[0]), int(name[1])


class _Streams:
    """Opens streams: plain, or inside TLS."""

    def __init__(self, context: LinkContext, client: Client | None = None) -> None:
        self._context = context
        self._client = client
        self._handshakes = DeferredSemaphore(HANDSHAKES)
        if context.job.plan.stamps == "kernel" and client is not None:
            raise _no_stamps(context.job)

    async def open(self, driver: SessionDriver) -> OpenedLink:
        """Connect a link for the session; or make one that connects anew for each probe."""
        plan = self._context.job.plan
        if plan.connect_only or plan.reconnect:
            return self._connecting(driver)
        link = StreamLink(driver, self._context.payloads)
        if self._client is None:
            dialled = await self.dial(link)
        else:
            dialled = await self._handshakes.run(lambda: Deferred.fromCoroutine(self._agree(link)))
        return OpenedLink(
            link=link,
            address=dialled.address,
            local=dialled.local,
            connect=dialled.connect,
            tls=dialled.tls,
            facts=lambda: self._facts(link),
        )

    async def _agree(self, link: StreamLink) -> Established:
        """Connect and agree on TLS, from the reactor: one that fails at once must not begin the next inside of it."""
        await deferLater(for_twisted(self._context.reactor), 0)
        return await self.dial(link)

    async def dial(self, link: StreamLink | None) -> Established:
        """Connect `link`; without one, connect and close."""
        context = self._context
        job = context.job
        skt, address, took = await connect(context.reactor, context.addresses, job.ip_options, job.plan.timeout)
        dialled = Established(address=address, local=_local(skt), connect=took)
        if self._client is None:
            if link is None:
                skt.close()
            else:
                link.connection = ProbeConnection(context.reactor, skt, link)
                link.connection.use_timestamps(link, _timestamps(skt, job))
                link.connection.begin()
            return dialled
        try:
            tls = await self._client.secure(context.reactor, skt, link, job.plan.timeout)
        except UnreachableError as error:
            raise LinkError(error.sentence, error.hint, Loss(LossReason.TLS_ALERT, error.sentence)) from error
        return Established(address=address, local=dialled.local, connect=took, tls=tls)

    def _connecting(self, driver: SessionDriver) -> OpenedLink:
        from netecho.net.client.reconnect import ReconnectingLink

        context = self._context
        payloads = context.payloads if context.job.plan.reconnect else None
        link = ReconnectingLink(driver, context.recorder, self.dial, context.trouble, payloads)
        return OpenedLink(link=link, address=context.addresses[0], facts=self._agreed, reached=lambda: link.first)

    def _agreed(self) -> TransportFacts:
        return TransportFacts(tls=None if self._client is None else self._client.facts)

    def _facts(self, link: StreamLink) -> TransportFacts:
        tcp = tcp_info.read(link.connection.socket) if link.connection.connected else None
        return self._agreed()._replace(tcp=tcp)


def _plain(context: LinkContext) -> OpenLink:
    return _Streams(context).open


def _tls(context: LinkContext) -> OpenLink:
    from netecho.net.client.tls import Client

    return _Streams(context, Client(context.job.tls_options, context.job.target.host)).open


def _datagrams(context: LinkContext) -> OpenLink:
    from netecho.net.client.datagram import DatagramLink, ecn_counter, facts_of
    from netecho.net.client.probe_port import open_port

    ecn = ecn_counter(context.job)
    links: list[DatagramLink] = []

    async def open_link(driver: SessionDriver) -> OpenedLink:
        address = context.addresses[0]
        link = DatagramLink(driver, context.payloads, address, context.trouble, ecn)
        open_port(context.reactor, link, address, context.job.ip_options)
        links.append(link)
        link.port.use_timestamps(_timestamps(link.port.socket, context.job))
        return OpenedLink(
            link=link,
            address=address,
            local=_local(link.port.socket),
            facts=lambda: TransportFacts(udp=facts_of(links), ecn=None if ecn is None else ecn.facts()),
        )

    return open_link


def _stamp(context: LinkContext) -> OpenLink:
    from netecho.net.client.stamp import StampRun

    run = StampRun(context)

    async def open_link(driver: SessionDriver) -> OpenedLink:
        link = run.link(driver)
        await link.learn_cookie()
        link.port.use_timestamps(_timestamps(link.port.socket, context.job))
        return OpenedLink(
            link=link,
            address=context.addresses[0],
            local=_local(link.port.socket),
            facts=lambda: run.facts(link),
        )

    return open_link


TRANSPORTS: Mapping[str, Transport] = {
    "tcp": Transport(socket.SOCK_STREAM, _plain),
    "tls": Transport(socket.SOCK_STREAM, _tls),
    "unix": Transport(socket.SOCK_STREAM, _plain),
    "udp": Transport(socket.SOCK_DGRAM, _datagrams),
    "stamp": Transport(socket.SOCK_DGRAM, _stamp),
}
