"""The transports a probe knows: for each scheme, how a flow gets its link. A new transport is one row here."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netecho.errors import UnreachableError
from netecho.net.client.connect import connect
from netecho.net.client.datagram import DatagramLink, open_port
from netecho.net.client.link import Dialled, Facts, Opened, Setting
from netecho.net.client.reconnect import ConnectingLink
from netecho.net.client.stream import ProbeConnection, StreamLink
from netecho.net.linux import tcp_info
from netecho.net.linux.timestamping import SocketStamps

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from netecho.net.client.driver import Flow
    from netecho.net.client.job import Job
    from netecho.net.client.tls import Client


@dataclass(frozen=True, slots=True)
class Way:
    """How one scheme is probed."""

    kind: socket.SocketKind
    prepare: Callable[[Setting], Callable[[Flow], Coroutine[Any, Any, Opened]]]
    """Made once a run; called for each link."""


def _stamps(skt: socket.socket, job: Job) -> SocketStamps | None:
    """Switch kernel stamps on, if they are wanted and to be had."""
    if job.plan.stamps == "user":
        return None
    stamps = SocketStamps.enable(skt)
    if stamps is None and job.plan.stamps == "kernel":
        raise _no_stamps(job)
    return stamps


def _no_stamps(job: Job) -> UnreachableError:
    return UnreachableError(
        f"--stamps kernel: there are none to be had here for {job.target.scheme}://",
        "--stamps auto takes the program's own clock where it must, and says so",
    )


def _local(skt: socket.socket) -> tuple[str, int] | None:
    if skt.family == socket.AF_UNIX:
        return None
    name = skt.getsockname()
    return str(name[0]), int(name[1])


class _Streams:
    """Opens streams: plain, or inside TLS."""

    def __init__(self, setting: Setting, client: Client | None = None) -> None:
        self._setting = setting
        self._client = client
        if setting.job.plan.stamps == "kernel" and client is not None:
            raise _no_stamps(setting.job)

    async def open(self, flow: Flow) -> Opened:
        """Connect a link for `flow`; or make one that connects anew for each probe."""
        plan = self._setting.job.plan
        if plan.connect_only or plan.reconnect:
            return self._connecting(flow)
        link = StreamLink(flow, self._setting.payloads)
        dialled = await self.dial(link)
        return Opened(
            link=link,
            address=dialled.address,
            local=dialled.local,
            connect=dialled.connect,
            tls=dialled.tls,
            facts=self._facts,
        )

    async def dial(self, link: StreamLink | None) -> Dialled:
        """Connect `link`; without one, only see that a connection can be had."""
        setting = self._setting
        job = setting.job
        skt, address, took = await connect(setting.reactor, setting.addresses, job.travel, job.plan.timeout)
        dialled = Dialled(address=address, local=_local(skt), connect=took)
        if self._client is None:
            if link is None:
                skt.close()
            else:
                link.connection = ProbeConnection(setting.reactor, skt, link, _stamps(skt, job))
                link.connection.begin()
            return dialled
        tls = await self._client.secure(setting.reactor, skt, link, job.plan.timeout)
        return Dialled(address=address, local=dialled.local, connect=took, tls=tls)

    def _connecting(self, flow: Flow) -> Opened:
        setting = self._setting
        payloads = setting.payloads if setting.job.plan.reconnect else None
        link = ConnectingLink(flow, setting.recorder, self.dial, setting.trouble, payloads)
        return Opened(link=link, address=setting.addresses[0], facts=self._agreed)

    def _agreed(self, _: object = None) -> Facts:
        return {"tls": self._client.facts} if self._client is not None and self._client.facts else {}

    def _facts(self, link: StreamLink) -> Facts:
        facts = dict(self._agreed())
        known = tcp_info.read(link.connection.socket) if link.connection.connected else None
        return facts | {"tcp": known} if known else facts


def _plain(setting: Setting) -> Callable[[Flow], Coroutine[Any, Any, Opened]]:
    return _Streams(setting).open


def _tls(setting: Setting) -> Callable[[Flow], Coroutine[Any, Any, Opened]]:
    from netecho.net.client.tls import Client

    return _Streams(setting, Client(setting.job.trust, setting.job.target.host)).open


def _datagrams(setting: Setting) -> Callable[[Flow], Coroutine[Any, Any, Opened]]:
    async def open_link(flow: Flow) -> Opened:
        address = setting.addresses[0]
        link = DatagramLink(flow, setting.payloads, address, setting.trouble)
        open_port(setting.reactor, link, address, setting.job.travel)
        link.port.stamp(_stamps(link.port.socket, setting.job))
        return Opened(link=link, address=address, local=_local(link.port.socket), facts=lambda link: link.facts())

    return open_link


def _stamp(setting: Setting) -> Callable[[Flow], Coroutine[Any, Any, Opened]]:
    from netecho.net.client.stamp import StampRun

    run = StampRun(setting)

    async def open_link(flow: Flow) -> Opened:
        link = run.link(flow)
        link.port.stamp(_stamps(link.port.socket, setting.job))
        return Opened(link=link, address=setting.addresses[0], local=_local(link.port.socket), facts=run.facts)

    return open_link


WAYS: Mapping[str, Way] = {
    "tcp": Way(socket.SOCK_STREAM, _plain),
    "tls": Way(socket.SOCK_STREAM, _tls),
    "unix": Way(socket.SOCK_STREAM, _plain),
    "udp": Way(socket.SOCK_DGRAM, _datagrams),
    "stamp": Way(socket.SOCK_DGRAM, _stamp),
}
