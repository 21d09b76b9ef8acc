"""When the target was away: from the losses of each connection, in whatever order they are known."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.measure.loss_reason import TIMED_OUT, Loss, LossReason
from netecho.measure.outages import KEPT, Outage, Outages, OutageTracker
from netecho.measure.settled import SettledProbes

RESET = Loss(LossReason.RESET)
TOO_LARGE = Loss(LossReason.TOO_LARGE)
TIMEOUT = 25


class Connection:
    """Probes leave every 10 ns from 1000 on, and are lost 25 ns later, or known to be lost at once."""

    def __init__(self, outages: Outages | None = None) -> None:
        self.outages = outages or Outages()
        self.settled = SettledProbes(256)
        self.tracker = OutageTracker(self.outages, self.settled)
        self.tracker.origin = 1000

    def run(self, fates: str) -> None:
        """`.` answered at once, `x` timed out, `r` reset, `l` too large; each known at its time."""
        known: list[tuple[int, int, str]] = []
        for index, fate in enumerate(fates):
            at = 1000 + 10 * index
            known.append((at, index, ""))
            known.append((at + (TIMEOUT if fate == "x" else 1), index, fate))
        for now, index, fate in sorted(known):
            at = 1000 + 10 * index
            if not fate:
                self.settled.sent(index, at)
            elif fate == ".":
                self.settled.answered(index)
                self.tracker.answered(index, at)
            else:
                self.settled.lost(index)
                self.tracker.lost(index, at, now, {"x": TIMED_OUT, "r": RESET, "l": TOO_LARGE}[fate])

    @property
    def found(self) -> list[Outage]:
        return list(self.outages.with_open(self.tracker.open())[0])


def found(fates: str) -> list[Outage]:
    connection = Connection()
    connection.run(fates)
    return connection.found


def test_one_or_two_probes_without_a_reply_are_packet_loss() -> None:
    assert found("..x..xx..") == []


def test_three_in_a_row_are_an_outage_until_the_next_answered_one_left() -> None:
    assert found("..xxx..") == [Outage(20, 50, 3, LossReason.TIMEOUT)]


def test_one_with_a_word_of_why_is_an_outage() -> None:
    assert found("..r..") == [Outage(20, 30, 1, LossReason.RESET)]


def test_the_first_reason_that_is_known_is_the_outages() -> None:
    assert found("..rxxx.") == [Outage(20, 60, 4, LossReason.RESET)]


def test_an_outage_that_is_not_over_ends_when_its_last_loss_was_known() -> None:
    assert found("..xxx") == [Outage(20, 40 + TIMEOUT, 3, LossReason.TIMEOUT, recovered=False)]


def test_an_answer_behind_probes_still_in_flight_is_a_recovery() -> None:
    connection = Connection()
    connection.run("..xxx")
    for index in (5, 6):
        connection.settled.sent(index, 1000 + 10 * index)
    connection.settled.answered(6)
    connection.tracker.answered(6, 1060)
    assert connection.found == [Outage(20, 60, 3, LossReason.TIMEOUT)]


def test_what_this_machine_did_not_send_is_no_outage_and_ends_none() -> None:
    assert found("..llll..") == []
    assert found("..xxlx..") == [Outage(20, 60, 3, LossReason.TIMEOUT)]


def test_two_outages_are_two() -> None:
    assert found(".rr..rr.") == [Outage(10, 30, 2, LossReason.RESET), Outage(50, 70, 2, LossReason.RESET)]


def test_those_of_parallel_connections_that_overlap_are_one() -> None:
    outages = Outages()
    for fates in ("..xxx...", "...rrr.."):
        Connection(outages).run(fates)
    assert outages.with_open([]) == ((Outage(20, 60, 6, LossReason.RESET),), 40)


def test_the_longest_are_kept_and_all_are_counted() -> None:
    outages = Outages()
    for n in range(2 * KEPT):
        outages.add(Outage(1000 * n, 1000 * n + n + 1, 1, LossReason.RESET))
    kept, total = outages.with_open([])
    assert len(kept) == KEPT
    assert min(outage.end - outage.start for outage in kept) == KEPT + 1
    assert total == sum(range(1, 2 * KEPT + 1))


@given(st.text("..xr", max_size=60))
def test_outages_are_the_runs_of_losses_between_answers(fates: str) -> None:
    expected = []
    index = 0
    for stretch in fates.split("."):
        if stretch and (len(stretch) >= 3 or "r" in stretch):
            last = index + len(stretch)
            recovered = last < len(fates)
            known = max(10 * (index + n) + (TIMEOUT if fate == "x" else 1) for n, fate in enumerate(stretch))
            reason = LossReason.RESET if "r" in stretch else LossReason.TIMEOUT
            expected.append((10 * index, 10 * last if recovered else known, len(stretch), reason, recovered))
        index += len(stretch) + 1
    assert [tuple(outage) for outage in found(fates)] == expected
