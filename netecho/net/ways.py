"""The transports a probe knows: for each scheme, how a flow gets its link. A new transport is one row here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netecho.errors import UnreachableError
from netecho.net.datagram import DatagramLink, datagram_link
from netecho.net.dial import Address, connect
from netecho.net.stamps import SocketStamps
from netecho.net.stream import StreamLink, stream_link

if TYPE_CHECKING:
    from netecho.measure.payload import Payloads
    from netecho.net.flow import Flow, Link
    from netecho.net.options import Job

Trouble = Callable[[UnreachableError, int | None], None]
Facts = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A link, where it leads, and the nanoseconds its phases took."""

    link: Link
    address: Address
    local: tuple[str, int] | None = None
    connect: int | None = None
    tls: int | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How one scheme is probed."""

    kind: socket.SocketKind
    open: Callable[[Any, Flow, Payloads, list[Address], Job, Trouble], Coroutine[Any, Any, Opened]]
    facts: Callable[[Sequence[Any]], Facts]
    """What the system knows of the links at the end of the run, as sections of the document."""


def _stamps(skt: socket.socket, job: Job) -> SocketStamps | None:
    """Switch kernel stamps on, if they are wanted and to be had."""
    if job.plan.stamps == "user":
        return None
    stamps = SocketStamps.enable(skt)
    if stamps is None and job.plan.stamps == "kernel":
        raise UnreachableError(
            f"--stamps kernel: this system has no kernel time stamps for {job.target.scheme} sockets",
            "--stamps auto takes the program's own clock there, and says so",
        )
    return stamps


def _local(skt: socket.socket) -> tuple[str, int]:
    name = skt.getsockname()
    return str(name[0]), int(name[1])


async def _open_stream(
    reactor: Any, flow: Flow, payloads: Payloads, addresses: list[Address], job: Job, trouble: Trouble
) -> Opened:
    del trouble
    skt, address, took = await connect(reactor, addresses, job.travel, job.plan.timeout)
    link = stream_link(reactor, skt, flow, payloads, _stamps(skt, job))
    local = None if address.family == socket.AF_UNIX else _local(skt)
    return Opened(link=link, address=address, local=local, connect=took)


async def _open_datagrams(
    reactor: Any, flow: Flow, payloads: Payloads, addresses: list[Address], job: Job, trouble: Trouble
) -> Opened:
    link = datagram_link(reactor, flow, payloads, addresses[0], job.travel, trouble)
    link.port.stamps = _stamps(link.port.socket, job)
    return Opened(link=link, address=addresses[0], local=_local(link.port.socket))


def _stream_facts(links: Sequence[StreamLink]) -> Facts:
    del links
    return {}


def _datagram_facts(links: Sequence[DatagramLink]) -> Facts:
    del links
    return {}


WAYS: Mapping[str, Way] = {
    "tcp": Way(socket.SOCK_STREAM, _open_stream, _stream_facts),
    "unix": Way(socket.SOCK_STREAM, _open_stream, _stream_facts),
    "udp": Way(socket.SOCK_DGRAM, _open_datagrams, _datagram_facts),
}
