"""From an errno, an ICMP message or the end of a connection to the reason of a loss."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from twisted.internet import error as twisted_error

from netecho.errors import NetechoError, UnreachableError
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.linux.timestamp_cmsg import ORIGIN_ICMP, ORIGIN_ICMP6
from netecho.net.openssl_reasons import reason_of

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from netecho.net.linux.timestamp_cmsg import QueuedError

_BY_ERRNO = {
    errno.ECONNREFUSED: LossReason.REFUSED,
    errno.ECONNRESET: LossReason.RESET,
    errno.EPIPE: LossReason.RESET,
    errno.ETIMEDOUT: LossReason.TIMEOUT,
    errno.EHOSTUNREACH: LossReason.ICMP_UNREACHABLE,
    errno.ENETUNREACH: LossReason.NO_ROUTE,
    errno.EACCES: LossReason.LOCAL_DROP,
    errno.EPERM: LossReason.LOCAL_DROP,
    errno.ENOBUFS: LossReason.LOCAL_DROP,
    errno.ENOMEM: LossReason.LOCAL_DROP,
    errno.EAGAIN: LossReason.LOCAL_DROP,
    errno.EMSGSIZE: LossReason.TOO_LARGE,
    errno.EMFILE: LossReason.NO_DESCRIPTOR,
    errno.ENFILE: LossReason.NO_DESCRIPTOR,
    errno.ENOENT: LossReason.NO_SOCKET,
}


# RFC 792, 1122, 1812 and 4443. Linux reports the permanent ones as the socket's error, and the transient ones (net
# and host unreachable, time exceeded) only where the socket asks for them (IP_RECVERR).
_ICMP = {
    (3, 0): ("network unreachable", LossReason.ICMP_UNREACHABLE),
    (3, 1): ("host unreachable", LossReason.ICMP_UNREACHABLE),
    (3, 2): ("protocol unreachable", LossReason.ICMP_UNREACHABLE),
    (3, 3): ("port unreachable", LossReason.REFUSED),
    (3, 4): ("fragmentation needed", LossReason.TOO_LARGE),
    (3, 5): ("source route failed", LossReason.ICMP_UNREACHABLE),
    (3, 6): ("network unknown", LossReason.ICMP_UNREACHABLE),
    (3, 7): ("host unknown", LossReason.ICMP_UNREACHABLE),
    (3, 8): ("source host isolated", LossReason.ICMP_UNREACHABLE),
    (3, 9): ("network administratively prohibited", LossReason.ICMP_UNREACHABLE),
    (3, 10): ("host administratively prohibited", LossReason.ICMP_UNREACHABLE),
    (3, 11): ("network unreachable for this type of service", LossReason.ICMP_UNREACHABLE),
    (3, 12): ("host unreachable for this type of service", LossReason.ICMP_UNREACHABLE),
    (3, 13): ("communication administratively prohibited", LossReason.ICMP_UNREACHABLE),
    (3, 14): ("host precedence violation", LossReason.ICMP_UNREACHABLE),
    (3, 15): ("precedence cutoff in effect", LossReason.ICMP_UNREACHABLE),
    (11, 0): ("time to live exceeded", LossReason.ICMP_TTL),
    (11, 1): ("fragment reassembly time exceeded", LossReason.ICMP_UNREACHABLE),
    (12, 0): ("parameter problem", LossReason.REJECTED),
}
_ICMP6 = {
    (1, 0): ("no route", LossReason.ICMP_UNREACHABLE),
    (1, 1): ("administratively prohibited", LossReason.ICMP_UNREACHABLE),
    (1, 2): ("beyond the scope of the source address", LossReason.ICMP_UNREACHABLE),
    (1, 3): ("address unreachable", LossReason.ICMP_UNREACHABLE),
    (1, 4): ("port unreachable", LossReason.REFUSED),
    (1, 5): ("source address failed the policy", LossReason.ICMP_UNREACHABLE),
    (1, 6): ("reject route", LossReason.ICMP_UNREACHABLE),
    (2, 0): ("packet too big", LossReason.TOO_LARGE),
    (3, 0): ("hop limit exceeded", LossReason.ICMP_TTL),
    (3, 1): ("fragment reassembly time exceeded", LossReason.ICMP_UNREACHABLE),
    (4, 0): ("erroneous header field", LossReason.REJECTED),
    (4, 1): ("unrecognised next header", LossReason.REJECTED),
    (4, 2): ("unrecognised option", LossReason.REJECTED),
}


def loss_of_icmp(error: QueuedError) -> Loss | None:
    """Return the reason that an ICMP message gives; None for an error of this host."""
    if error.origin not in (ORIGIN_ICMP, ORIGIN_ICMP6):
        return None
    name, known = ("ICMP", _ICMP) if error.origin == ORIGIN_ICMP else ("ICMPv6", _ICMP6)
    what, reason = known.get(
        (error.type, error.code), (f"type {error.type} code {error.code}", LossReason.ICMP_UNREACHABLE)
    )
    mtu = f", path MTU {error.info}" if reason is LossReason.TOO_LARGE and error.info else ""
    return Loss(reason, f"{name} {what}{f' from {error.offender}' if error.offender else ''}{mtu}")


# As Linux has it (icmp_err_convert, icmpv6_err_convert): what a connected socket gets as its error without IP_RECVERR.
_FINAL = {3: frozenset({2, 3, 6, 7, 8, 9, 10, 13, 14, 15})}
_FINAL6 = {1: frozenset({1, 4, 5, 6})}
_PARAMETER_PROBLEM, _PARAMETER_PROBLEM6 = 12, 4


def is_final(error: QueuedError) -> bool:
    """Return whether an ICMP message is permanent: the target is not reachable, and not only for now."""
    if error.origin == ORIGIN_ICMP:
        return error.type == _PARAMETER_PROBLEM or error.code in _FINAL.get(error.type, ())
    return error.type == _PARAMETER_PROBLEM6 or error.code in _FINAL6.get(error.type, ())


class LinkError(UnreachableError):
    """The target could not be reached; `why` is the reason of the losses that this makes."""

    def __init__(self, sentence: str, hint: str | None, why: Loss) -> None:
        super().__init__(sentence, hint)
        self.why = why


def loss_of_errno(error: OSError) -> Loss:
    """Return the reason of a probe that was lost by this error of the system."""
    number = error.errno or 0
    words = os.strerror(number).lower() if number else str(error)
    reason = _BY_ERRNO.get(number, LossReason.OTHER)
    return Loss(reason, "" if reason in (LossReason.REFUSED, LossReason.RESET, LossReason.TIMEOUT) else words)


def loss_of_connecting(error: NetechoError) -> Loss:
    """Return the reason of a probe that was lost because no connection could be made."""
    return error.why if isinstance(error, LinkError) else Loss(LossReason.NOT_CONNECTED, error.sentence)


def loss_of_end(reason: Failure) -> Loss:
    """Return the reason of the probes that were outstanding on a connection that ended."""
    error = reason.value
    if isinstance(error, twisted_error.ConnectionDone):
        return Loss(LossReason.CLOSED)
    if isinstance(error, twisted_error.ConnectionLost | twisted_error.ConnectionAborted):
        return Loss(LossReason.RESET)
    if isinstance(error, OSError) and error.errno:
        return loss_of_errno(error)
    return Loss(LossReason.TLS_ALERT, reason_of(error))
