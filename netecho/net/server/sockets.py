"""Sockets to listen on: every address that a target stands for, bound as asked, or one sentence why not.

No Twisted here: these are the sockets, made before anything runs, so that several processes can share them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UnreachableError
from netecho.net.linux.cmsg import request_headers
from netecho.net.server.peers import host_of
from netecho.net.server.unix_socket import bind_path
from netecho.net.sockaddr import look_up
from netecho.target import TRAITS, Target, default_listen, format_endpoint, parse_listen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.net.sockaddr import Found, SockAddr
    from netecho.target import Scheme

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn."""

UNSENT = 524_288
"""Bytes that the kernel may hold for one connection beyond what is on its way: a client that does not read costs
this much of the kernel's memory, and not the megabytes that its send buffer may grow to. With 128 KiB one connection's
bulk was a quarter slower."""

DATAGRAM_BUFFERS = 4 * 1024 * 1024
"""Bytes asked of the kernel for each direction, so that a burst is not lost while Python is busy."""

_ATTEMPTS = 20


class BoundSocket(NamedTuple):
    """A socket that is bound, and what it is for."""

    scheme: Scheme
    socket: socket.socket
    path: str | None = None
    """Of a Unix socket that this process made, and that is to be removed at the end."""
    inode: int | None = None
    """Of its file: another server's in the same place is not to be removed."""

    @property
    def address(self) -> str:
        """The IP literal, or the path."""
        name = self.socket.getsockname()
        return self.path or (name if isinstance(name, str) else host_of(name))

    @property
    def port(self) -> int | None:
        """The port, the real one."""
        name = self.socket.getsockname()
        return None if isinstance(name, str | bytes) else int(name[1])

    @property
    def url(self) -> str:
        """The target as one would write it to listen here again."""
        if self.port is None:
            return f"unix:{self.address}"
        return f"{self.scheme}://{format_endpoint(self.address, self.port)}"

    @property
    def is_secure(self) -> bool:
        """Whether a TLS handshake comes first."""
        return TRAITS[self.scheme].is_secure


def bind_all(targets: Sequence[Target], *, shared: bool = False, mode: int = 0o660) -> list[BoundSocket]:
    """Bind every address of every target; targets beside each other with the same host and port 0 get the same port.

    `shared` lets further sockets be bound to the same ports (SO_REUSEPORT). Raises UnreachableError.
    """
    bound: list[BoundSocket] = []
    try:
        for group in _groups(targets):
            bound += _bind_group(group, shared=shared, mode=mode)
    except BaseException:
        close_all(bound)
        raise
    return bound


def bind_default(*, shared: bool = False) -> tuple[list[BoundSocket], str | None]:
    """Bind where `netecho serve` listens if no address is named, and STAMP's own port as well where this user may.

    Return also, in a sentence, why that port was not to be had by somebody who may. Raises UnreachableError for the
    others.
    """
    bound = bind_all(default_listen(), shared=shared)
    try:
        return [*bound, *bind_all(parse_listen("stamp://"), shared=shared)], None
    except UnreachableError as error:
        # Most users may not: then there is nothing that they would want to mend.
        forbidden = isinstance(error.__cause__, PermissionError)
        return bound, None if forbidden else f"{error.sentence}: STAMP is answered on port {bound[-1].port} alone"
    except BaseException:
        close_all(bound)
        raise


def bind_again(bound: Sequence[BoundSocket]) -> list[BoundSocket]:
    """Bind to the same ports once more, for another process; Unix sockets cannot be, and are shared as they are.

    Raises UnreachableError.
    """
    again: list[BoundSocket] = []
    try:
        for each in bound:
            if each.port is None or not each.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
                again.append(BoundSocket(each.scheme, each.socket.dup()))
            else:
                name = each.socket.getsockname()
                target = Target(each.scheme, each.address, each.port)
                again.append(BoundSocket(each.scheme, _bind(target, each.socket.family, name, shared=True)))
    except BaseException:
        close_all(again)
        raise
    return again


def close_all(bound: Iterable[BoundSocket]) -> None:
    """Give the sockets back, and remove the Unix sockets' files."""
    for each in bound:
        is_open = (
            each.socket.fileno() >= 0
        )  # or the file is gone already, and what has its name and number is another's
        each.socket.close()
        if is_open and each.path is not None:
            with contextlib.suppress(OSError):
                if os.lstat(each.path).st_ino == each.inode:
                    Path(each.path).unlink()


def _groups(targets: Sequence[Target]) -> list[list[Target]]:
    """Put together what has to get one port: `:0` is TCP and UDP on the same one."""
    groups: list[list[Target]] = []
    for target in targets:
        last = groups[-1] if groups else None
        if (
            last is not None
            and target.port == 0
            and last[-1].port == 0
            and last[-1].host == target.host
            and [each.is_stream for each in last] == [not target.is_stream]
        ):
            last.append(target)
        else:
            groups.append([target])
    return groups


def _bind_group(group: list[Target], *, shared: bool, mode: int) -> list[BoundSocket]:
    if group[0].path is not None:
        path = group[0].path
        return [BoundSocket("unix", bind_path(path, mode, BACKLOG), path, os.lstat(path).st_ino)]
    for attempt in range(_ATTEMPTS):
        port = group[0].port or 0
        bound: list[BoundSocket] = []
        try:
            for target in group:
                for family, address in _addresses(target):
                    if shared and port:
                        # Else a second server would get half of the first one's clients, and neither would know.
                        _bind(target, family, (address[0], port, *address[2:])).close()
                    bound.append(
                        BoundSocket(
                            target.scheme, _bind(target, family, (address[0], port, *address[2:]), shared=shared)
                        )
                    )
                    port = bound[0].port or 0
        except _InUseError as error:
            close_all(bound)
            # Port 0: the one that was free for the first was taken for another. Only the system knows; ask again.
            if group[0].port or attempt + 1 == _ATTEMPTS:
                raise UnreachableError(error.sentence, error.hint) from error
        except BaseException:
            close_all(bound)
            raise
        else:
            return bound
    raise AssertionError("unreachable")


def _addresses(target: Target) -> Found:
    """Return what a target's host stands for on this machine; an empty one: every address, IPv4 and IPv6."""
    if not target.host:
        everywhere: Found = [(socket.AF_INET, ("0.0.0.0", 0))]  # noqa: S104 - asked for
        return [*everywhere, (socket.AF_INET6, ("::", 0))] if _has_ipv6() else everywhere
    try:
        found = look_up(target.host, 0, socket.AF_UNSPEC, socket.SOCK_STREAM, socket.AI_PASSIVE)
    except OSError as error:
        raise UnreachableError(
            f"cannot listen on {target}: {target.host!r} does not resolve: {error.strerror or error}",
            f"an address of this machine, or none for all of them: {target.scheme}://:{target.port}",
        ) from error
    addresses: Found = []
    for family, address in found:  # every one that a name has: localhost is 127.0.0.1 and ::1
        # A name such as localhost may stand for ::1 on a machine that has no IPv6.
        missing = family == socket.AF_INET6 and len(found) > 1 and not _has_ipv6(address[0])
        if (family, address) not in addresses and not missing:
            addresses.append((family, address))
    return addresses


def _has_ipv6(address: str = "::") -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind((address, 0))
    except OSError:
        return False
    return True


class _InUseError(UnreachableError):
    """The port is taken."""


def _bind(target: Target, family: int, address: SockAddr, *, shared: bool = False) -> socket.socket:
    stream = target.is_stream
    bound = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if stream:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
        if stream:
            prepare_stream(bound)
            bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise _explained(target, address, error) from error
    return bound


def prepare_stream(listener: socket.socket) -> None:
    """Set what every accepted connection inherits: no Nagle, and a bound on what the kernel holds for it."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)


def prepare_datagrams(sock: socket.socket, ttl: int, *, traffic_class: bool = False) -> None:
    """Ask the kernel for what the answers depend on, and have them leave with this TTL or hop limit."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, DATAGRAM_BUFFERS)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    request_headers(sock, traffic_class=traffic_class)


def _explained(target: Target, address: SockAddr, error: OSError) -> UnreachableError:
    port = int(address[1])
    where = f"{target.scheme}://{format_endpoint(host_of(address), port)}"
    if error.errno == errno.EADDRINUSE:
        return _InUseError(
            f"cannot listen on {where}: the port is in use",
            f"see by what with `ss -lnp 'sport = :{port}'`, or take another; port 0 takes a free one",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnreachableError(
            f"cannot listen on {where}: not permitted",
            "ports under 1024 are for root: take a higher one, have systemd hand the socket over, or allow it with "
            "`setcap cap_net_bind_service=ep` or `sysctl net.ipv4.ip_unprivileged_port_start`",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UnreachableError(
            f"cannot listen on {where}: this machine has no such address",
            f"`ip address` shows those it has; for all of them: {target.scheme}://:{target.port}",
        )
    return UnreachableError(f"cannot listen on {where}: {error.strerror or error}")
