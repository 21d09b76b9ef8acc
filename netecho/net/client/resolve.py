"""Names to addresses, timed and bounded, in the order in which they are to be tried (RFC 8305 section 4)."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet.defer import Deferred, TimeoutError as DeferredTimeoutError

from netecho.errors import UnreachableError
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.sockaddr import look_up
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.net.client.job import IpOptions
    from netecho.net.reactor.interfaces import Reactor, ReactorThreads
    from netecho.net.sockaddr import Found, SockAddr
    from netecho.target import Target


class Address(NamedTuple):
    """Where packets go: a family and a socket address of that family."""

    family: socket.AddressFamily
    sockaddr: SockAddr | str
    """Of a Unix socket it is the path."""

    @property
    def host(self) -> str:
        """The address without its port: `127.0.0.1`, `fe80::1%eth0`, or the path of a Unix socket."""
        if isinstance(self.sockaddr, str):
            return self.sockaddr
        return socket.getnameinfo(self.sockaddr, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]

    @property
    def port(self) -> int | None:
        """The port; None for a Unix socket."""
        return None if isinstance(self.sockaddr, str) else self.sockaddr[1]


async def resolve(
    reactor: Reactor, target: Target, kind: socket.SocketKind, ip_options: IpOptions, timeout: int
) -> tuple[list[Address], int | None]:
    """Return the addresses of `target` in the order to try them, and the nanoseconds that took (None: no name)."""
    if target.path is not None:
        return [Address(socket.AF_UNIX, target.path)], None
    family = {4: socket.AF_INET, 6: socket.AF_INET6, None: socket.AF_UNSPEC}[ip_options.family]
    literal = is_literal(target.host)
    if literal:
        _check_zone(target.host)
    start = time.monotonic_ns()
    try:
        if literal:  # answered without a resolver: it cannot block
            found = look_up(target.host, target.port, family, kind)
        else:
            looked_up = _getaddrinfo(reactor, target.host, target.port, family, kind)
            found = await looked_up.addTimeout(timeout / SECOND, for_twisted(reactor))
    except DeferredTimeoutError:
        raise UnreachableError(
            f"the name {target.host!r} was not resolved within {timeout / SECOND:g} s",
            "check the resolver, or give the address itself",
        ) from None
    except OSError as error:
        raise _unresolved(target.host, error, ip_options) from None
    took = time.monotonic_ns() - start
    addresses = _interleaved([Address(*each) for each in found])
    return addresses, None if literal else took


def is_literal(host: str) -> bool:
    """Tell whether a host is an address, which needs no resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_zone(host: str) -> None:
    """Raise UnreachableError for a link-local address (RFC 4007) without its interface, or with none of this host."""
    address = ipaddress.ip_address(host)
    zone = getattr(address, "scope_id", None)
    if zone is None:
        if address.version == 6 and address.is_link_local:
            raise UnreachableError(f"{host} is on every link: it needs its interface", f"[{host}%eth0]")
    elif not zone.isdecimal() and zone not in (name for _, name in socket.if_nameindex()):
        raise UnreachableError(f"there is no interface {zone!r} here: {host}", "`ip link` lists them")


def _getaddrinfo(reactor: ReactorThreads, host: str, port: int | None, family: int, kind: int) -> Deferred[Found]:
    """Look a name up in a thread of its own: a program does not end before those of the reactor's pool."""
    answer: Deferred[Found] = Deferred()
    done = False

    def settle(result: Found | OSError) -> None:
        nonlocal done
        if not done and not answer.called:
            done = True
            answer.errback(result) if isinstance(result, OSError) else answer.callback(result)

    def ask() -> None:
        try:
            result: Found | OSError = look_up(host, port, family, kind)
        except (OSError, UnicodeError) as error:
            result = error if isinstance(error, OSError) else OSError(str(error))
        reactor.callFromThread(settle, result)

    threading.Thread(target=ask, daemon=True).start()
    return answer


def _unresolved(host: str, error: OSError, ip_options: IpOptions) -> UnreachableError:
    reason = error.strerror or str(error)
    version = f" to an IPv{ip_options.family} address" if ip_options.family else ""
    hint = f"leave out -{ip_options.family}: it may have other addresses" if ip_options.family else "check the spelling"
    return UnreachableError(f"the name {host!r} does not resolve{version}: {reason}", hint)


def _interleaved(addresses: list[Address]) -> list[Address]:
    """Order addresses by turns of their families, the resolver's first choice first: RFC 8305 section 4."""
    if not addresses:
        return []
    first = [a for a in addresses if a.family == addresses[0].family]
    other = [a for a in addresses if a.family != addresses[0].family]
    ordered: list[Address] = []
    for n in range(max(len(first), len(other))):
        ordered += first[n : n + 1] + other[n : n + 1]
    return list(dict.fromkeys(ordered))
