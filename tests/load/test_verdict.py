"""Where the queue is, how long it is, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netecho.load.phases import ENOUGH, PhaseSummary, TransferSummary
from netecho.load.run import LOADS, PHASES, LoadRun, Phase, PhaseRun, Reading, Transfer
from netecho.load.verdict import APART, FEW, error_of, grade, judge
from netecho.measure.stats.distribution import Distribution
from netecho.units import MILLISECOND, SECOND
from tests.load.runs import NO_SERVICE, SILENT, WHY, whole

RATE = 9_600_000


def delays(milliseconds: float) -> Distribution:
    value = round(milliseconds * MILLISECOND)
    return Distribution(count=100, p50=value, p99=value + 20 * MILLISECOND * (milliseconds > 50))


def summary(
    phase: Phase,
    forward: float,
    backward: float,
    *,
    stamped: bool = True,
    lag: float = 0.1,
    lost: int = 0,
    waited: float = 0,
    short: bool | None = None,
    seconds: int = 8,
    connecting: float | None = None,
    own: float | None = None,
    again: int = 1,
    moved: int = 1448 * 1000,
) -> PhaseSummary:
    """A phase in which each direction took so many milliseconds; idle each takes 1."""
    added = None if phase == "idle" else round((forward + backward - 2) * MILLISECOND)
    known = stamped and phase != "idle"
    return PhaseSummary(
        phase=phase,
        began=0,
        ended=seconds * SECOND,
        steady=0,
        sent=100,
        lost=lost,
        rtt=delays(forward + backward),
        forward=delays(forward) if stamped else Distribution(),
        backward=delays(backward) if stamped else Distribution(),
        lag=delays(lag),
        added=added,
        added_forward=round((forward - 1) * MILLISECOND) if known else None,
        added_backward=round((backward - 1) * MILLISECOND) if known else None,
        transfers=tuple(
            TransferSummary(
                direction=each,
                goodput=RATE,
                bytes=moved,
                flows=1,
                saturated=True,
                retransmits=again,
                window_limited=waited,
                short_of_memory=short,
                smoothed_rtt=None if own is None else round(own * MILLISECOND),
                ended=None,
            )
            for each in LOADS[phase]
        ),
        connecting=None if connecting is None else round(connecting * MILLISECOND),
    )


def run(up: float, down: float, *, stamped: bool = True) -> list[PhaseSummary]:
    """Queues of so many milliseconds, in the phases that load their direction."""
    return [
        summary(
            phase,
            1 + up * ("upload" in LOADS[phase]),
            1 + down * ("download" in LOADS[phase]),
            stamped=stamped,
        )
        for phase in PHASES
    ]


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize(
    ("up", "down", "directions"),
    [(480, 0, ["upload"]), (0, 480, ["download"]), (480, 300, ["upload", "download"]), (0.2, 0.3, [])],
)
def test_the_direction_of_the_queue(up: float, down: float, directions: list[str], stamped: bool) -> None:
    verdict = judge(run(up, down, stamped=stamped))
    assert [queue.direction for queue in verdict.queues] == directions
    assert all(queue.by == ("one-way delay" if stamped else "round trip") for queue in verdict.queues)


def test_the_queue_is_as_long_as_the_delay_grew_at_most_and_has_what_that_is_in_bytes() -> None:
    verdict = judge(run(480, 0))
    (queue,) = verdict.queues
    assert (queue.delay, queue.bytes) == (500 * MILLISECOND, 600_000)
    assert verdict.sentence == "the queue is in the upload: 500 ms at 9.6 Mbit/s, about 600 kB"
    assert verdict.grade == "F"


def test_a_direction_that_is_loaded_alone_says_it_best() -> None:
    phases = [summary("idle", 1, 1), summary("upload", 401, 1), summary("both", 481, 1)]
    assert [queue.delay for queue in judge(phases).queues] == [420 * MILLISECOND]
    assert [queue.delay for queue in judge([phases[0], phases[2]]).queues] == [500 * MILLISECOND]


def test_no_queue_is_said_as_such() -> None:
    verdict = judge(run(0.2, 0.3))
    assert verdict.sentence == "no queue to speak of: the load added 0.5 ms at most"
    assert (verdict.grade, verdict.remarks) == ("A+", ())


@pytest.mark.parametrize("stamped", [True, False])
def test_a_queue_that_probes_are_kept_out_of_is_seen_by_new_connections(stamped: bool) -> None:
    idle, fast = summary("idle", 1, 1, stamped=stamped), summary("upload", 1, 1, stamped=stamped, connecting=3)
    slow = summary("download", 1, 1, stamped=stamped, connecting=242)
    verdict = judge([idle, slow, fast])
    assert [(queue.direction, queue.delay, queue.by) for queue in verdict.queues] == [
        ("download", 240 * MILLISECOND, "handshakes")
    ]
    assert (verdict.grade, verdict.added) == ("D", 0)
    assert "new connections wait in it, and probes do not" in verdict.sentence


def test_what_connections_wait_a_little_longer_than_probes_is_no_other_queue() -> None:
    little = 2 + APART / MILLISECOND
    assert judge([summary("idle", 1, 1), summary("upload", 1, 1, connecting=little)]).queues == ()
    (queue,) = judge([summary("idle", 1, 1), summary("upload", 201, 1, connecting=300)]).queues
    assert queue.by == "one-way delay"


def test_a_queue_of_the_load_alone_is_no_fault_and_said() -> None:
    verdict = judge([summary("idle", 1, 1), summary("upload", 1, 1, connecting=3, own=62)])
    assert (verdict.grade, verdict.queues) == ("A+", ())
    (said,) = verdict.remarks
    assert said == (
        "upload: the upload's own connections waited 60 ms, and others did not: each flow has a queue of its own"
    )


def test_a_line_that_drops_instead_of_queueing_is_said() -> None:
    policed = summary("upload", 1, 1, again=345, moved=1448 * 1000)
    (said,) = judge([summary("idle", 1, 1), policed]).remarks
    assert said.startswith("upload: 34% of the upload's segments were sent again, and no queue grew")
    # Behind a queue that is full, segments are dropped as they have to be.
    assert judge([summary("idle", 1, 1), summary("upload", 201, 1, again=345, moved=1448 * 1000)]).remarks == ()


def test_a_queue_that_was_not_filled_may_become_longer() -> None:
    idle, full, half = summary("idle", 1, 1), summary("upload", 201, 1), summary("upload", 201, 1, again=0)
    assert judge([idle, full]).remarks == ()
    assert judge([idle, half]).remarks == (
        "upload: the upload lost no segment, so its queue was not full: it may become longer than it did",
    )


def test_a_far_end_that_went_silent_under_load_is_said() -> None:
    silent = replace(summary("download", 1, 1), rtt=Distribution(), added=None)
    verdict = judge([summary("idle", 1, 1), silent])
    assert (verdict.grade, verdict.sentence) == (None, "nothing can be said: no probe was answered beside a load")
    assert verdict.remarks == ("download: no probe was answered in its steady part",)


def test_a_load_that_was_over_at_once_is_no_proof_of_a_good_line() -> None:
    verdict = judge([summary("idle", 1, 1), summary("upload", 1, 1, seconds=0)])
    assert (verdict.grade, verdict.queues) == (None, ())
    assert "no load lasted long enough" in verdict.sentence


def test_without_an_idle_phase_nothing_is_judged() -> None:
    verdict = judge([])
    assert (verdict.grade, verdict.queues) == (None, ())


def test_what_spoils_the_figures_is_said() -> None:
    verdict = judge([summary("idle", 1, 1, lag=0.1), summary("upload", 1, 1, lag=3, lost=5, waited=80, short=True)])
    assert verdict.late
    late, lost, narrow, short = verdict.remarks
    assert late.startswith("the probes left late, 3.0 ms at p99")
    assert lost == "upload: 5.0% of the probes were lost"
    assert narrow.startswith("upload: the upload waited for the receiver's window 80% of the time")
    assert short.startswith("upload: this system was short of memory for TCP (tcp_mem)")


@pytest.mark.parametrize(
    ("added", "name"), [(0, "A+"), (5, "A+"), (5.1, "A"), (60, "B"), (200, "C"), (400, "D"), (401, "F")]
)
def test_grades(added: float, name: str) -> None:
    assert grade(round(added * MILLISECOND)) == name


def test_a_queue_begins_where_the_best_grade_ends() -> None:
    assert (grade(FEW), grade(FEW + 1)) == ("A+", "A")


def uploaded(moved: int, *, seconds: float = 8, ended: str | None = None, refused: bool = False) -> LoadRun:
    """A run whose upload had come to so many bytes when it ended."""
    upload = Transfer(direction="upload", readings=(Reading(0, moved, 1),), ended=ended, refused=refused)
    return whole(phases=(PhaseRun(phase="upload", began=0, ended=round(seconds * SECOND), transfers=(upload,)),))


@pytest.mark.parametrize(
    "run",
    [
        whole(),
        uploaded(1, ended="the far end closed a connection in the middle of its load"),
        uploaded(1, seconds=0.1, ended="the bytes that were allowed are moved (--max-bytes)"),
        uploaded(1, seconds=ENOUGH / SECOND, ended="the far end answered 429", refused=True),
        whole(phases=whole().phases[:1], interrupted=True),
    ],
)
def test_a_run_that_loaded_something_or_was_interrupted_has_no_error(run: LoadRun) -> None:
    assert error_of(run) is None


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (NO_SERVICE, f"nothing was loaded: {WHY}"),
        (SILENT, "far.example answers nothing: no STAMP, no echo, no load service"),
        (uploaded(0), "nothing was loaded: nothing moved"),
        (uploaded(0, ended="Connection refused"), "nothing was loaded: Connection refused"),
        # What the far end's kernel took before its server had read the headers is no load.
        (
            uploaded(262_144, seconds=0.1, ended="the far end answered 401", refused=True),
            "nothing was loaded: the far end answered 401",
        ),
    ],
)
def test_where_nothing_was_loaded_the_error_has_the_reason(run: LoadRun, sentence: str) -> None:
    error = error_of(run)
    assert error is not None
    assert error.sentence == sentence
