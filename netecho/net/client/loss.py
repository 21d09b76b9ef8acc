"""From what the system says of a send or a connection to the reason of a loss, and to a sentence for a person."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from twisted.internet import error as twisted_error

from netecho.errors import NetechoError, UnreachableError
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.openssl_reasons import reason_of

if TYPE_CHECKING:
    from twisted.python.failure import Failure

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
    errno.ENOENT: LossReason.REFUSED,
}


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
