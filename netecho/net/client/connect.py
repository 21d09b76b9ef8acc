"""Reaching a target, phase by phase: names to addresses, addresses to a connected socket.

Each phase is timed by itself and bounded by the timeout. Twisted's own endpoints do not report which addresses they
tried, and cannot set socket options before connecting. So the socket is connected here, with the options of
`IpOptions`, and a Twisted transport is made over it. Nothing here knows of probes.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from zope.interface import implementer

from netecho.errors import UnreachableError, UsageError
from netecho.measure.ecn import value_of
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.loss import LinkError, loss_of_errno
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.sockaddr import look_up
from netecho.target import format_endpoint
from netecho.units import SECOND

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from netecho.net.client.job import IpOptions
    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import DelayedCall, ReactorIO

# RFC 8305 section 5, Connection Attempt Delay.
_HEAD_START = 0.25


def open_socket(family: socket.AddressFamily, kind: socket.SocketKind, ip_options: IpOptions) -> socket.socket:
    """Return a non-blocking socket that is bound, with the options of `ip_options`."""
    skt = socket.socket(family, kind)
    try:
        skt.setblocking(False)
        if family != socket.AF_UNIX:
            if kind == socket.SOCK_STREAM:
                skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            mark(skt, ip_options)
            _bind(skt, ip_options)
    except BaseException:
        skt.close()
        raise
    return skt


# Linux's numbers, where Python has no name for them.
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DONT, _PMTUDISC_DO = 10, 23, 0, 2
_IP_MTU, _IPV6_MTU = 14, 24


def mark(skt: socket.socket, ip_options: IpOptions) -> None:
    """Set the options that decide the packets' headers: DSCP, TTL, fragmentation."""
    six = skt.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    if ip_options.dscp is not None or ip_options.ecn is not None:
        tos = (ip_options.dscp or 0) << 2 | value_of(ip_options.ecn)
        skt.setsockopt(level, socket.IPV6_TCLASS if six else socket.IP_TOS, tos)
    if ip_options.ttl is not None:
        skt.setsockopt(level, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, ip_options.ttl)
    if ip_options.dont_fragment:
        skt.setsockopt(level, _IPV6_MTU_DISCOVER if six else _IP_MTU_DISCOVER, _PMTUDISC_DO)
    elif skt.type == socket.SOCK_DGRAM and not six and sys.platform == "linux":
        # Linux sets DF on datagrams by default, to find the path's MTU: what did not ask for that may be fragmented.
        # An IPv6 router never fragments (RFC 8200 section 5): there Linux cuts to the MTU it knows, which is right.
        skt.setsockopt(level, _IP_MTU_DISCOVER, _PMTUDISC_DONT)


def path_mtu(skt: socket.socket) -> int | None:
    """Return the path MTU of a connected socket as the kernel knows it; None where it does not."""
    six = skt.family == socket.AF_INET6
    try:
        return skt.getsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, _IPV6_MTU if six else _IP_MTU)
    except OSError:
        return None


def _bind(skt: socket.socket, ip_options: IpOptions) -> None:
    if ip_options.source is None:
        return
    host, port = ip_options.source
    anywhere = "::" if skt.family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - the source is the system's choice
    skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # Not (host, port): that would lose the zone of a link-local address.
        skt.bind(look_up(host or anywhere, port, skt.family, skt.type)[0][1])
    except OSError as error:
        raise source_refused(ip_options, error) from None


def source_refused(ip_options: IpOptions, error: OSError) -> UsageError:
    """Return the error for a local address or port that cannot be bound."""
    host, port = ip_options.source or ("", 0)
    return UsageError(
        f"cannot send from --source {format_endpoint(host or '*', port)}: {error.strerror or error}",
        "give an address of this machine of the target's family, and a port that is free (or 0)",
    )


async def connect(
    reactor: ReactorIO, addresses: list[Address], ip_options: IpOptions, timeout: int
) -> tuple[socket.socket, Address, int]:
    """Connect to the first of `addresses` that answers; return the socket, the address and the nanoseconds it took.

    The next address is tried when an earlier one fails, or has not answered within 250 ms (RFC 8305).
    Raises `UnreachableError` when all have failed, or none has answered within `timeout` nanoseconds.
    """
    return await _Race(reactor, addresses, ip_options, timeout).run()


class _Race:
    """Concurrent attempts to connect; the first that succeeds is taken (RFC 8305)."""

    def __init__(self, reactor: ReactorIO, addresses: list[Address], ip_options: IpOptions, timeout: int) -> None:
        self._reactor = reactor
        self._waiting = list(addresses)
        self._ip_options = ip_options
        self._timeout = timeout
        self._under_way: list[_Attempt] = []
        self._errors: list[tuple[Address, OSError]] = []
        self._next: DelayedCall | None = None
        self._result: Deferred[tuple[socket.socket, Address, int]] = Deferred()

    async def run(self) -> tuple[socket.socket, Address, int]:
        first = self._waiting[0]
        self._start_next()
        self._result.addTimeout(self._timeout / SECOND, for_twisted(self._reactor))
        try:
            return await self._result
        except DeferredTimeoutError:
            raise LinkError(
                f"no answer from {_shown(first)} within {self._timeout / SECOND:g} s",
                "is the host up, and does a firewall let this port through? --timeout waits longer",
                Loss(LossReason.TIMEOUT),
            ) from None
        finally:
            self._clear()

    def _start_next(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None
        if self._result.called or not self._waiting:
            return
        attempt = _Attempt(self._reactor, self._waiting.pop(0), self._ip_options)
        self._under_way.append(attempt)
        attempt.done.addCallbacks(self._won, self._lost, callbackArgs=(attempt,), errbackArgs=(attempt,))
        if self._waiting and not self._result.called:
            self._next = self._reactor.callLater(_HEAD_START, self._start_next)
        attempt.start()

    def _won(self, took: int, attempt: _Attempt) -> None:
        self._under_way.remove(attempt)
        if self._result.called:
            attempt.abandon()
        else:
            self._result.callback((attempt.skt, attempt.address, took))

    def _lost(self, failure: Failure, attempt: _Attempt) -> None:
        self._under_way.remove(attempt)
        if not isinstance(failure.value, OSError):
            if not self._result.called:
                self._result.errback(failure)
            return
        self._errors.append((attempt.address, failure.value))
        if self._waiting:
            self._start_next()
        elif not self._under_way and not self._result.called:
            self._result.errback(_refused(self._errors))

    def _clear(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        for attempt in list(self._under_way):
            attempt.abandon()


def _shown(address: Address) -> str:
    if address.family == socket.AF_UNIX:
        return address.host
    return format_endpoint(address.host, address.port)


_HINTS = {
    errno.ECONNREFUSED: "is a server listening there? `netecho serve` starts one",
    errno.ENOENT: "is a server listening there? `netecho serve unix:PATH` starts one",
    errno.ENETUNREACH: "this machine or a router has no route there; check the address and its family (-4, -6)",
    errno.EHOSTUNREACH: "no such host on that network, or a firewall says so; check the address and the route",
    errno.EMFILE: "each connection takes a file descriptor, and this process may have no more: `ulimit -n` raises that",
    errno.ENFILE: "the system has no file descriptor left",
    errno.EACCES: "the system does not permit it",
    errno.EPERM: "a local firewall rule does not permit it",
    errno.EMSGSIZE: "this machine's own link, or the path, has no room for such packets: a smaller --size",
}


def unreachable(address: Address, error: OSError) -> LinkError:
    """Return the error for an address that could not be reached, with a hint."""
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    hint = _HINTS.get(error.errno or 0)
    if error.errno == errno.EINVAL and _lacks_interface(address):
        reason, hint = "a link-local address is of an interface, and none is named", "[fe80::1%eth0]"
    return LinkError(f"{reason}: {_shown(address)}", hint, loss_of_errno(error))


def _lacks_interface(address: Address) -> bool:
    """Tell whether it is link-local (RFC 4291 section 2.5.6), which means nothing without an interface."""
    from ipaddress import ip_address

    return address.family == socket.AF_INET6 and "%" not in address.host and ip_address(address.host).is_link_local


def _refused(errors: list[tuple[Address, OSError]]) -> UnreachableError:
    worst = unreachable(*errors[0])
    others = ", ".join(f"{_shown(address)} ({os.strerror(error.errno or 0).lower()})" for address, error in errors[1:])
    return LinkError(f"{worst.sentence}; also tried: {others}", worst.hint, worst.why) if others else worst


@implementer(IReadDescriptor, IWriteDescriptor)
class _Attempt:
    """One socket that is being connected; `done` fires with the nanoseconds it took, or fails with an OSError."""

    def __init__(self, reactor: ReactorIO, address: Address, ip_options: IpOptions) -> None:
        self.address = address
        self.done: Deferred[int] = Deferred()
        self._reactor = reactor
        self._ip_options = ip_options
        self.skt: socket.socket

    def start(self) -> None:
        try:
            self.skt = open_socket(self.address.family, socket.SOCK_STREAM, self._ip_options)
        except (OSError, UsageError) as error:
            self.done.errback(error)
            return
        self._began = time.monotonic_ns()
        status = self.skt.connect_ex(self.address.sockaddr)
        if status == errno.EINPROGRESS:
            self._reactor.addWriter(self)
        else:
            self._settle(status)

    def _settle(self, status: int) -> None:
        took = time.monotonic_ns() - self._began
        if status:
            self.skt.close()
            self.done.errback(OSError(status, os.strerror(status)))
        else:
            self.done.callback(took)

    def abandon(self) -> None:
        """Give the attempt up and close its socket."""
        self._reactor.removeWriter(self)
        self.skt.close()

    def doWrite(self) -> None:
        """Finish the attempt: the socket is writable, connected or not."""
        self._reactor.removeWriter(self)
        self._settle(self.skt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def doRead(self) -> None:
        """Never called: only writability is waited for."""

    def fileno(self) -> int:
        return self.skt.fileno()

    def logPrefix(self) -> str:
        return "dial"

    def connectionLost(self, reason: Failure) -> None:
        """Finish the attempt: the socket has an error."""
        del reason
        if not self.done.called:
            self._settle(self.skt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
