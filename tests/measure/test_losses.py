"""Lost probes are counted by why, as exactly as that is known, in memory that no peer can make grow."""

from __future__ import annotations

from netecho.measure.loss_reason import TIMED_OUT, Loss, LossReason
from netecho.measure.losses import MOST, LossCounts, Losses, by_reason

HOST = Loss(LossReason.ICMP_UNREACHABLE, "ICMP host unreachable from 192.0.2.1")
FORBIDDEN = Loss(LossReason.ICMP_UNREACHABLE, "ICMP administratively prohibited from 192.0.2.9")


def test_what_was_lost_is_told_by_its_detail_with_the_first_and_the_last() -> None:
    counts = LossCounts()
    for why, scheduled in ((FORBIDDEN, 10), (HOST, 30), (TIMED_OUT, 20), (HOST, 25), (HOST, 40)):
        counts.lost(why, scheduled)
    assert counts.all() == (Losses(HOST, 3, 25, 40), Losses(FORBIDDEN, 1, 10, 10), Losses(TIMED_OUT, 1, 20, 20))
    assert list(by_reason(counts.all()).items()) == [(LossReason.ICMP_UNREACHABLE, 4), (LossReason.TIMEOUT, 1)]


def test_details_without_end_are_counted_by_their_reason() -> None:
    counts = LossCounts()
    for number in range(10_000):
        counts.lost(Loss(LossReason.ICMP_TTL, f"ICMP time to live exceeded from 2001:db8::{number:x}"), number)
        counts.lost(Loss(LossReason.OTHER, str(number)), number)
    losses = counts.all()
    assert len(losses) == MOST + 2
    assert by_reason(losses) == {LossReason.ICMP_TTL: 10_000, LossReason.OTHER: 10_000}
    assert {each.why: (each.first, each.last) for each in losses}[Loss(LossReason.ICMP_TTL)] == (MOST // 2, 9_999)
