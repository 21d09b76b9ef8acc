"""Two runs side by side."""

from __future__ import annotations

from random import Random

import pytest

from netecho.errors import UsageError
from netecho.measure.compare import Comparison, Run, compare, judge
from netecho.measure.criteria import parse
from netecho.measure.events import ProbeLost, ReplyReceived
from netecho.measure.metrics import METRICS, Unit
from netecho.measure.recorder import Recorder
from netecho.measure.result import Setup
from netecho.measure.samples import Samples
from netecho.measure.stats.distribution import Distribution
from netecho.measure.summary import Summary

MS = 1_000_000


def measured(
    probes: int, seed: int, *, slower: int = 0, tail: float = 0.0, lost: float = 0.0, limit: int = 1000
) -> Run:
    """A run with its probes: rtts of 1 to 1.2 ms, a share `tail` of them ten times that, a share `lost`."""
    random = Random(seed)
    recorder, samples = Recorder(), Samples(limit)
    flow = recorder.flow()
    for seq in range(probes):
        lag = random.randrange(1000, 2000)
        recorder.sent(lag)
        if random.random() < lost:
            recorder.lost(64)
            samples.tell(ProbeLost(0, seq, 0, lag, 64))
            continue
        rtt = random.randrange(MS, 1_200_000) * (10 if random.random() < tail else 1) + slower
        recorder.replied(flow, seq, rtt, True, rtt + lag, 64)
        samples.tell(ReplyReceived(0, seq, 0, lag, rtt, rtt + lag, 64, True))
    return Run(summary=recorder.summary(), setup=Setup(connect=MS), samples=samples)


def summarised(**figures: object) -> Run:
    """A run of which the summary alone is known."""
    return Run(summary=Summary(**{"sent": 100, "received": 100} | figures), setup=Setup())  # type: ignore[arg-type]


def within_noise(comparison: Comparison) -> dict[str, bool | None]:
    return {change.metric: change.within_noise for change in comparison.changes}


def test_a_run_and_itself_do_not_differ() -> None:
    run = measured(1000, 1, lost=0.01)
    comparison = compare(run, run)
    assert {change.difference for change in comparison.changes} == {0}
    assert set(within_noise(comparison).values()) == {True}
    assert {name: test.higher for name, test in comparison.locations.items()} == {
        "rtt": 0.5,
        "response": 0.5,
        "lag": 0.5,
    }


def test_two_runs_of_one_kind_differ_by_what_they_vary_by() -> None:
    comparison = compare(measured(1000, 1, lost=0.05), measured(1000, 2, lost=0.05))
    assert False not in within_noise(comparison).values()
    assert all(test.within_noise for test in comparison.locations.values())


def test_a_slower_run_differs_in_what_is_slower() -> None:
    comparison = compare(measured(1000, 1), measured(1000, 2, slower=MS // 10))
    known = within_noise(comparison)
    assert [name for name, is_within in known.items() if is_within is False] == [
        *("rtt.mean", "rtt.p50", "rtt.p90", "rtt.p95", "rtt.p99"),
        *("response.mean", "response.p50", "response.p90", "response.p95", "response.p99"),
    ]
    assert [name for name, test in comparison.locations.items() if not test.within_noise] == ["rtt", "response"]
    change = comparison.of("rtt.p50")
    assert change is not None
    assert change.difference == pytest.approx(100_000, rel=0.1)
    assert change.percent == pytest.approx(9.1, abs=0.5)
    assert change.interval is not None
    assert change.interval[0] < 100_000 < change.interval[1]


def test_a_longer_tail_differs_in_the_tail_and_not_in_the_middle() -> None:
    known = within_noise(compare(measured(1000, 1), measured(1000, 2, tail=0.03)))
    assert (known["rtt.p99"], known["rtt.stddev"], known["rtt.p50"]) == (False, False, True)


def test_loss_is_a_share_and_its_difference_is_in_points() -> None:
    before, after = measured(1000, 1), measured(500, 2, lost=0.1)
    change = compare(before, after).of("loss")
    assert change is not None
    assert (change.unit, change.before, change.percent) == (Unit.PERCENT, 0.0, None)
    assert change.difference == change.after == after.summary.loss_percent == 6.2
    assert change.within_noise is False
    assert change.interval is not None
    assert 2 < change.interval[0] < 6.2 < change.interval[1] < 12


def test_a_single_loss_is_no_news() -> None:
    before, after = measured(500, 1), measured(500, 7, lost=0.002)
    assert after.summary.lost == 1
    change = compare(before, after).of("loss")
    assert change is not None
    assert change.within_noise is True


@pytest.mark.parametrize(
    ("metric", "probes", "needed"),
    [
        ("rtt.p50", 19, "20"),
        ("rtt.mean", 19, "20"),
        ("loss", 19, "20"),
        ("lag.p90", 99, "100"),
        ("rtt.p95", 199, "200"),
        ("response.p99", 999, "1,000"),
        ("rtt.p99_9", 1000, "10,000"),
    ],
)
def test_a_percentile_needs_probes_beyond_it(metric: str, probes: int, needed: str) -> None:
    change = compare(measured(probes, 1), measured(probes + 1, 2, slower=MS)).of(metric)
    assert change is not None
    assert (change.interval, change.reason) == (None, f"needs {needed} probes in each run")


def test_from_summaries_alone_it_is_not_known() -> None:
    faster, slower = summarised(rtt=Distribution(p50=MS)), summarised(rtt=Distribution(p50=2 * MS), lost=1)
    comparison = compare(faster, slower)
    change = comparison.of("rtt.p50")
    assert change is not None
    assert (change.before, change.after, change.difference, change.percent) == (MS, 2 * MS, MS, 100.0)
    assert (change.within_noise, change.reason) == (None, "a run was saved without its probes")
    assert comparison.locations == {}
    # One that has its probes does not help the other.
    change = compare(measured(100, 1), slower).of("rtt.p50")
    assert change is not None
    assert change.within_noise is None


def test_what_is_never_known() -> None:
    comparison = compare(measured(100, 1), measured(100, 2))
    unknown = {change.metric: change.reason for change in comparison.changes}
    assert unknown["rtt.max"] == unknown["lag.min"] == "an extreme: no resample goes beyond it"
    assert unknown["pdv"] == unknown["jitter"] == unknown["connect"] == unknown["sent"] == "not tested"


def test_a_figure_that_one_run_lacks_is_shown_without_a_difference() -> None:
    before, after = measured(100, 1), summarised(received=0, lost=100)
    comparison = compare(before, after)
    change = comparison.of("rtt.p50")
    assert change is not None
    assert (change.after, change.difference, change.percent) == (None, None, None)
    assert (change.within_noise, change.reason) == (None, "one of the runs has no value")
    assert comparison.of("tls") is None


def test_figures_come_in_the_order_of_the_table() -> None:
    names = [change.metric for change in compare(measured(100, 1), measured(100, 2)).changes]
    assert names == [name for name in METRICS if name in names]


def test_the_same_runs_give_the_same_answer() -> None:
    before, after = measured(100, 1), measured(100, 2)
    assert compare(before, after) == compare(before, after)
    assert compare(before, after, seed=1) != compare(before, after)


def test_a_long_run_is_compared_by_some_of_its_probes() -> None:
    before, after = measured(3000, 1, limit=500), measured(3000, 2, slower=MS, limit=500)
    change = compare(before, after).of("rtt.p95")
    assert change is not None
    assert change.within_noise is False
    change = compare(before, after).of("rtt.p99")
    assert change is not None
    assert change.reason == "needs 1,000 probes in each run"


# --- criteria


BEFORE = summarised(rtt=Distribution(p99=20 * MS), sent=1000, received=998, lost=2)
AFTER = summarised(rtt=Distribution(p99=22 * MS), sent=1000, received=997, lost=3)


@pytest.mark.parametrize(
    ("text", "failures"),
    [
        ("rtt.p99>+10%", []),
        ("rtt.p99>=+10%", ["rtt.p99>=+10%: +10%"]),
        ("rtt.p99>+9.9%", ["rtt.p99>+9.9%: +10%"]),
        ("rtt.p99>+2ms", []),
        ("rtt.p99>=+2ms", ["rtt.p99>=+2ms: +2 ms"]),
        ("rtt.p99>21ms", ["rtt.p99>21ms: 22 ms"]),
        ("rtt.p99>22ms", []),
        ("loss>+0.1%", []),
        ("loss>=+0.1%", ["loss>=+0.1%: +0.1%"]),
        ("loss>+0", ["loss>+0: +1"]),
        ("loss>2,loss>2", ["loss>2: 3"]),
        ("received<-0.1%", ["received<-0.1%: -0.1%"]),
        ("rtt.p50>+10%,late>+0", ["rtt.p50>+10%: no value"]),
        ("connect>+10%", ["connect>+10%: no value"]),
    ],
)
def test_criteria_between_runs(text: str, failures: list[str]) -> None:
    criteria = parse(f"raw:{text}" if "+" in text or "-" in text else text, comparing=True)
    judged = judge(criteria, BEFORE, AFTER, compare(BEFORE, AFTER))
    assert [str(failure).removeprefix("raw:") for failure in judged] == failures


def test_a_change_within_noise_does_not_fail_and_one_beyond_it_does() -> None:
    before = measured(1000, 1)
    alike, slower = measured(1000, 2), measured(1000, 2, slower=50_000)
    unchanged, changed = compare(before, alike), compare(before, slower)
    for text, of_alike, of_slower in (
        ("rtt.p50>+0.1us", False, True),
        ("rtt.p50>+noise", False, True),
        ("rtt.p50<-noise", False, False),
        ("rtt.p50>+1ms", False, False),
    ):
        criteria = parse(text, comparing=True)
        assert bool(judge(criteria, before, alike, unchanged)) is of_alike, text
        assert bool(judge(criteria, before, slower, changed)) is of_slower, text
    difference = unchanged.of("rtt.p50")
    assert difference is not None
    assert difference.difference
    sign = ">+1ns" if difference.difference > 0 else "<-1ns"
    assert judge(parse(f"raw:rtt.p50{sign}", comparing=True), before, alike, unchanged)


def test_a_change_of_which_noise_is_not_known_fails_and_says_so() -> None:
    (failure,) = judge(parse("rtt.p99>+9.9%", comparing=True), BEFORE, AFTER, compare(BEFORE, AFTER))
    assert str(failure) == "rtt.p99>+9.9%: +10% (noise not known: a run was saved without its probes)"


@pytest.mark.parametrize(
    "text", ["rtt.p99>+noise%", "rtt.p99>noise", "rtt.p99>=+noise", "raw:rtt.p99>+noise", "raw:rtt.p99>5ms"]
)
def test_what_is_no_criterion_on_noise(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text, comparing=True)
    with pytest.raises(UsageError):
        parse("raw:rtt.p99>+5ms")


def test_a_change_from_nothing_has_no_percentage() -> None:
    nothing, something = summarised(ipdv_mean_abs=0.0), summarised(ipdv_mean_abs=5.0)
    more = parse("ipdv>+10%", comparing=True)
    assert [str(failure) for failure in judge(more, nothing, something, compare(nothing, something))] == [
        "ipdv>+10%: no value"
    ]
    assert judge(more, nothing, nothing, compare(nothing, nothing)) == ()
