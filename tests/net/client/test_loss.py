"""What the system and the network say of a failure, as the reason of a loss."""

from __future__ import annotations

import errno

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from netecho.errors import UnreachableError
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.loss import LinkError, is_final, loss_of_connecting, loss_of_end, loss_of_errno, loss_of_icmp
from netecho.net.linux.timestamp_cmsg import ORIGIN_ICMP, ORIGIN_ICMP6, ORIGIN_LOCAL, QueuedError


@pytest.mark.parametrize(
    ("error", "expected", "final"),
    [
        (
            QueuedError(errno.ECONNREFUSED, ORIGIN_ICMP, 3, 3, 0, "10.0.0.1"),
            Loss(LossReason.REFUSED, "ICMP port unreachable from 10.0.0.1"),
            True,
        ),
        (
            QueuedError(errno.EMSGSIZE, ORIGIN_ICMP, 3, 4, 1400, "10.0.0.1"),
            Loss(LossReason.TOO_LARGE, "ICMP fragmentation needed from 10.0.0.1, path MTU 1400"),
            False,
        ),
        (
            QueuedError(errno.EHOSTUNREACH, ORIGIN_ICMP, 11, 0, 0, "10.0.0.9"),
            Loss(LossReason.ICMP_TTL, "ICMP time to live exceeded from 10.0.0.9"),
            False,
        ),
        (
            QueuedError(errno.EHOSTUNREACH, ORIGIN_ICMP6, 1, 3, 0, "fe80::1"),
            Loss(LossReason.ICMP_UNREACHABLE, "ICMPv6 address unreachable from fe80::1"),
            False,
        ),
        (
            QueuedError(errno.EHOSTUNREACH, ORIGIN_ICMP, 3, 99, 0),
            Loss(LossReason.ICMP_UNREACHABLE, "ICMP type 3 code 99"),
            False,
        ),
    ],
)
def test_an_icmp_message_says_which_it_is_and_who_sent_it(error: QueuedError, expected: Loss, final: bool) -> None:
    assert loss_of_icmp(error) == expected
    assert is_final(error) == final


def test_an_error_of_this_host_is_no_icmp_message() -> None:
    assert loss_of_icmp(QueuedError(errno.EMSGSIZE, ORIGIN_LOCAL, 0, 0, 1400)) is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, LossReason.REFUSED),
        (errno.ENOENT, LossReason.NO_SOCKET),
        (errno.ECONNRESET, LossReason.RESET),
        (errno.EMSGSIZE, LossReason.TOO_LARGE),
        (errno.EMFILE, LossReason.NO_DESCRIPTOR),
        (errno.ENETUNREACH, LossReason.NO_ROUTE),
        (errno.EPERM, LossReason.LOCAL_DROP),
        (errno.EIO, LossReason.OTHER),
    ],
)
def test_an_error_of_the_system_has_a_reason(number: int, reason: LossReason) -> None:
    assert loss_of_errno(OSError(number, "")).reason is reason


def test_a_connection_ends_by_a_close_or_a_reset() -> None:
    assert loss_of_end(Failure(ConnectionDone())).reason is LossReason.CLOSED
    assert loss_of_end(Failure(ConnectionLost())).reason is LossReason.RESET


def test_a_connection_that_could_not_be_made_has_the_reason_of_that() -> None:
    assert loss_of_connecting(LinkError("refused", None, Loss(LossReason.REFUSED))) == Loss(LossReason.REFUSED)
    assert loss_of_connecting(UnreachableError("no key")) == Loss(LossReason.NOT_CONNECTED, "no key")
