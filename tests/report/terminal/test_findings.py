from typing import Any

import pytest

from netecho.report.document.model import Document
from netecho.report.terminal.findings import remarks
from tests.report.runs import TROUBLED, calm, dropped_here, lost, reply, run

MS = 1_000_000


def sentences(document: Document) -> list[str]:
    return [sentence for _, sentence in remarks(document)]


def test_a_run_that_went_well_needs_none() -> None:
    assert sentences(run(calm())) == []


def test_worst_first() -> None:
    assert remarks(run(TROUBLED, pending=2)) == [
        ("bad", "1 of 6 probes was lost (16.7%)."),
        ("bad", "1 echo differs from what was sent: something on the way changes the bytes."),
        ("odd", "1 reply came after the timeout of 2 s: counted as lost."),
        ("odd", "1 reply came again: something duplicates packets."),
        ("odd", "1 reply came after the reply to a later probe (reordered)."),
        ("odd", "1 message from the peer answered no probe."),
        ("note", "2 probes were still on the way at the end: neither received nor lost."),
        ("note", "20% of the round trips are by this program's own clock, the rest by kernel stamps."),
    ]


def test_what_this_machine_dropped_is_said_first_and_is_in_no_share() -> None:
    assert sentences(run([reply(0, MS), *map(dropped_here, (1, 2)), lost(3)]) | {"udp": {"dropped_here": 5}}) == [
        "This machine's receive buffer dropped the replies to 2 of 4 probes: that is not the network's loss.",
        "1 of 2 probes was lost (50%).",
    ]
    assert sentences(run([dropped_here(0)])) == [
        "This machine's receive buffer dropped the reply to 1 of 1 probe: that is not the network's loss."
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (run([lost(0), lost(1)]), "No reply to any of 2 probes."),
        (run([lost(0)]), "No reply to any of 1 probe."),
        (run([reply(0, MS), lost(1), lost(2)]), "2 of 3 probes were lost (66.7%)."),
        (
            run(calm()) | {"udp": {"dropped_here": 3}},
            "This machine's receive buffer dropped 3 datagrams, and no probe lacks a reply for it.",
        ),
        (
            run(calm()) | {"tcp": {"retransmits": 1}},
            "1 segment was sent again: what TCP loses shows as a slow reply, not as a loss.",
        ),
        (
            run([reply(0, MS, lag=101 * MS)]),
            "Sends left late, by 101 ms at p99: this machine did not keep up with the schedule.",
        ),
        (
            run([reply(0, MS, lag=3 * MS)], waits=1),
            "1 send waited for room in the window, and the replies are late by that.",
        ),
        (
            run([reply(0, MS, slow=5 * MS)]),
            (
                "response is far above rtt (6.05 ms to 1 ms at p99):"
                " replies lay in this machine before the program had them."
            ),
        ),
        (run(calm()) | {"tls": {"not_after": "2026-12-05T00:00:00Z"}}, "The certificate expires in 11 days."),
        (run(calm()) | {"tls": {"not_after": "2026-11-24T06:00:00Z"}}, "The certificate expires in 1 day."),
        (run(calm()) | {"tls": {"not_after": "2026-11-23T00:00:00Z"}}, "The certificate has expired."),
        (
            run([reply(0, MS, kernel=False)]),
            "Times are by this program's own clock, which makes them longer by its wake-up.",
        ),
    ],
)
def test_each_thing_that_deserves_a_sentence(document: Document, sentence: str) -> None:
    assert sentences(document) == [sentence]


@pytest.mark.parametrize(
    "document",
    [
        run([reply(0, 20 * MS, slow=10 * MS)]),  # not twice as long
        run([reply(0, MS // 10, slow=MS // 2)]),  # not a millisecond longer
        run([reply(0, MS)]) | {"udp": {"dropped_here": 0}, "tcp": {"retransmits": 0}},
        run([reply(0, MS)]) | {"udp": {"dropped_here": None}, "tcp": {}},
        run([reply(0, MS)]) | {"tls": {"not_after": "2027-12-05T00:00:00Z"}},
        run([reply(0, MS)]) | {"tls": {"not_after": "one day"}},
        run([reply(0, MS)]) | {"tls": {"not_after": "2026-11-24"}},
        # A connection of its own is part of each response.
        run([reply(0, MS, slow=50 * MS)]) | {"connections": {"connect": {}, "tls": None}},
    ],
)
def test_what_deserves_none(document: Document) -> None:
    assert sentences(document) == []


def test_sends_that_were_left_out_are_said() -> None:
    document = run(calm()) | {"suspended_ms": 1234.5}
    document["probes"] |= {"not_sent": 6}
    assert remarks(document) == [
        ("note", "6 sends left out: this process was stopped or the machine asleep, for 1.23 s.")
    ]


def test_replies_that_came_while_the_process_was_stopped_are_no_loss_of_the_buffer() -> None:
    document = run(calm()) | {"suspended_ms": 400.0}
    document["probes"] |= {"dropped_here": 1}
    sent = document["probes"]["sent"]
    assert sentences(document) == [
        f"How long the reply to 1 of {sent} probes took is not known, as this process was stopped: that is no loss.",
        "This process was stopped for 0.40 s.",
    ]


def test_a_run_without_replies_is_not_said_to_be_slow() -> None:
    empty: dict[str, Any] = run([])
    assert sentences(empty) == []


def test_sends_that_leave_late_are_worth_a_word_only_where_a_figure_is_spoiled() -> None:
    def lateness(document: Document) -> list[str]:
        return [sentence for sentence in sentences(document) if "late" in sentence]

    # By kernel timestamps, 5 ms of 200: neither rtt nor the schedule is any worse for it.
    assert lateness(run([reply(0, MS, lag=5 * MS)])) == []
    # The program's own clock reads a reply as late as it sends.
    assert lateness(run([reply(0, MS, lag=5 * MS, kernel=False)])) == [
        "This machine was late to send, by 5 ms at p99, and as late to read: rtt by its own clock has that in it."
    ]
    assert lateness(run([reply(0, 90 * MS, lag=5 * MS, kernel=False)])) == []
    # A connection is made first, or again after the target was gone: that is not this machine's lateness.
    late = run([reply(0, MS, lag=150 * MS)])
    assert lateness(late) == ["Sends left late, by 150 ms at p99: this machine did not keep up with the schedule."]
    assert lateness(late | {"connections": {"connect": late["rtt"], "tls": None}}) == []
    assert lateness(late | {"outages": [{"start_ms": 0.0, "end_ms": 9.0}]}) == []


def test_why_probes_were_lost_and_that_the_target_was_gone_at_the_end() -> None:
    document = run([reply(0, MS), lost(1), lost(2), lost(3)])
    document |= {"loss_by_reason": {"refused": 2, "icmp_unreachable": 1}, "gone_ms": 5000.0}
    assert sentences(document)[:2] == [
        "The target no longer answered when the run ended: it was gone for 5.00 s.",
        "3 of 4 probes were lost (75%): 2 refused, 1 ICMP unreachable.",
    ]
    document["losses"] = [
        {"reason": "refused", "detail": "ICMP port unreachable from 192.0.2.1", "lost": 2},
        {"reason": "icmp_unreachable", "detail": None, "lost": 900},
        {"reason": "icmp_unreachable", "detail": "ICMP host unreachable from 192.0.2.9", "lost": 400},
        {"reason": "icmp_unreachable", "detail": "ICMP no route from 192.0.2.8", "lost": 1},
    ]
    document["loss_by_reason"]["icmp_unreachable"] = 1301
    assert sentences(document)[1] == (
        "3 of 4 probes were lost (75%): 2 refused (ICMP port unreachable from 192.0.2.1),"
        " 1,301 ICMP unreachable (400 of them ICMP host unreachable from 192.0.2.9)."
    )
    document["gone_ms"] = 0.4  # closed just before the last probe
    assert sentences(document)[0] == "The target no longer answered when the run ended."
    document["gone_ms"] = 5000.0
    document["probes"] |= {"late": 1}
    assert sentences(document)[0] == "The target no longer answered in time when the run ended, for 5.00 s."
