"""What `--fail-if` takes, what it refuses and how, and what it makes of a run."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.measure.criteria import ALWAYS, Criterion, Failure, judge, parse
from netecho.measure.metrics import METRICS, Unit
from netecho.measure.result import Setup
from netecho.measure.stats.distribution import Distribution
from netecho.measure.summary import Summary

MS = 1_000_000


def run(**figures: object) -> Summary:
    """A run of which all went well, but for what is said."""
    return Summary(**{"sent": 200, "received": 200} | figures)  # type: ignore[arg-type]


def failures(text: str, summary: Summary, setup: Setup | None = None) -> list[str]:
    return [str(failure) for failure in judge(parse(text), summary, setup or Setup())]


def refused(text: str, *, comparing: bool = False) -> tuple[str, str | None]:
    with pytest.raises(UsageError) as caught:
        parse(text, comparing=comparing)
    return caught.value.sentence, caught.value.hint


# --- the grammar


@pytest.mark.parametrize(
    ("text", "metric", "operator", "value", "unit"),
    [
        ("rtt.p99>20ms", "rtt.p99", ">", 20 * MS, Unit.TIME),
        ("rtt.p99 >= 200us", "rtt.p99", ">=", 200_000, Unit.TIME),
        ("  response.p99_9<1.5s ", "response.p99_9", "<", 1500 * MS, Unit.TIME),
        ("lag.p99<=2s", "lag.p99", "<=", 2000 * MS, Unit.TIME),
        ("loss>1%", "loss", ">", 1.0, Unit.PERCENT),
        ("loss>0.1%", "loss", ">", 0.1, Unit.PERCENT),
        ("loss > .5 %", "loss", ">", 0.5, Unit.PERCENT),
        ("loss>3", "loss", ">", 3, Unit.COUNT),
        ("received<100", "received", "<", 100, Unit.COUNT),
        ("ipdv>1ms", "ipdv", ">", MS, Unit.TIME),
    ],
)
def test_a_criterion(text: str, metric: str, operator: str, value: float, unit: Unit) -> None:
    (criterion,) = parse(text)
    assert criterion.metric == metric
    assert criterion.operator == operator
    assert criterion.value == value
    assert criterion.unit is unit
    assert not criterion.change


def test_several_joined_by_commas() -> None:
    assert [str(criterion) for criterion in parse("rtt.p99 > 20ms, loss>1% ,late>0")] == [
        "rtt.p99>20ms",
        "loss>1%",
        "late>0",
    ]


def test_every_metric_of_the_contract() -> None:
    named = ["rtt.p99", "rtt.max", "response.p99_9", "loss", "late", "duplicate", "reordered", "corrupt"]
    named += ["ipdv", "pdv", "jitter", "lag.p99", "connect", "tls"]
    figures = ("min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99_9", "max")
    named += [f"{kind}.{figure}" for kind in ("rtt", "response", "lag") for figure in figures]
    assert [name for name in named if name not in METRICS] == []


@given(st.sampled_from(sorted(METRICS)), st.sampled_from([">", ">=", "<", "<="]))
def test_every_metric_takes_its_own_example(name: str, operator: str) -> None:
    example = f"{name}{operator}{METRICS[name].example[1:]}"
    (criterion,) = parse(example)
    assert str(criterion) == example


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "an empty criterion in ''", "a metric, a comparison and a value: rtt.p99>20ms"),
        ("loss>1%,", "an empty criterion in 'loss>1%,'", "a metric, a comparison and a value: rtt.p99>20ms"),
        (">20ms", "no metric in '>20ms'", "rtt.p99>20ms"),
        ("rtt.p99", "no comparison in 'rtt.p99'", "one of > >= < <=: rtt.p99>20ms"),
        ("rtt.p99 20ms", "no comparison in 'rtt.p99 20ms'", "one of > >= < <=: rtt.p99>20ms"),
        ("loss=0", "'=' in 'loss=0' is not a comparison", "one of > >= < <=: loss>1%"),
        ("loss=>0", "'=>' in 'loss=>0' is not a comparison", "one of > >= < <=: loss>1%"),
        ("loss!=0", "'!=' in 'loss!=0' is not a comparison", "one of > >= < <=: loss>1%"),
        ("rtt.p99>", "no value in 'rtt.p99>'", "rtt.p99>20ms"),
        ("rtt>20ms", "'rtt' in 'rtt>20ms' is not a metric", "perhaps rtt.p99>20ms"),
        ("p95>20ms", "'p95' in 'p95>20ms' is not a metric", "perhaps rtt.p95>20ms"),
        ("rtt.p99.9>20ms", "'rtt.p99.9' in 'rtt.p99.9>20ms' is not a metric", "perhaps rtt.p99_9>20ms"),
        ("lost>1%", "'lost' in 'lost>1%' is not a metric", "perhaps loss>1%"),
        ("RTT.P99>1s", "'RTT.P99' in 'RTT.P99>1s' is not a metric", "perhaps rtt.p99>1s"),
        ("rtt.p99>5%", "'5%' does not fit rtt.p99, which is a time", "rtt.p99>20ms"),
        ("sent>5%", "'5%' does not fit sent, which is a count", "sent>3"),
        ("loss>5ms", "'5ms' does not fit loss, which is a count or a percentage", "loss>1%"),
        ("loss>0.01", "'0.01' does not fit loss, which is a count or a percentage", "loss>1%"),
        ("sent<1k", "'1k' does not fit sent, which is a count", "sent>3"),
        ("loss>%", "'%' is not a percentage", "loss>1%"),
        ("rtt.p99>20 parsecs", "' parsecs' in '20 parsecs' is not a unit of time", "rtt.p99>20ms"),
        ("rtt.p99>soon", "'soon' is not a time", "rtt.p99>20ms"),
        ("rtt.p99>-1ms", "'-1ms' in 'rtt.p99>-1ms' is below 0", "rtt.p99>20ms"),
        (
            "rtt.p99>+10%",
            "'+10%' in 'rtt.p99>+10%' compares two runs",
            "rtt.p99>20ms; or netecho compare",
        ),
        ("loss>" + "9" * 5000, "'" + "9" * 5000 + "' does not fit loss, which is a count or a percentage", "loss>1%"),
    ],
)
def test_what_is_refused_and_how(text: str, sentence: str, hint: str) -> None:
    assert refused(text) == (sentence, hint)


def test_a_metric_like_no_other_is_answered_with_the_list() -> None:
    sentence, hint = refused("throughput>5")
    assert sentence == "'throughput' in 'throughput>5' is not a metric"
    assert hint is not None
    assert all(name.partition(".")[0] in hint for name in METRICS)
    assert ".p99_9" in hint


PIECES = st.sampled_from(
    [*sorted(METRICS), "rtt", "x", ">", ">=", "<", "=", "+", "-", "1", "0.5", "20", "%", "ms", "h", ",", " ", ".", "\n"]
)


@given(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=8).map("".join)), st.booleans())
def test_any_text_is_read_to_the_same_as_its_spelling_or_refused(text: str, comparing: bool) -> None:
    try:
        criteria = parse(text, comparing=comparing)
    except UsageError as error:
        hint = error.hint
    else:
        hint = ",".join(map(str, criteria))
        assert parse(hint, comparing=comparing) == criteria
    assert hint


# --- the judgement


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("rtt.p99>20ms", False),
        ("rtt.p99>=20ms", True),
        ("rtt.p99<20ms", False),
        ("rtt.p99<=20ms", True),
        ("rtt.p99>19.999999ms", True),
        ("rtt.p99<20.000001ms", True),
    ],
)
def test_the_comparisons(text: str, fails: bool) -> None:
    summary = run(rtt=Distribution(p99=20 * MS))
    assert bool(failures(text, summary)) is fails


def test_a_failure_tells_the_value_that_was_measured() -> None:
    summary = run(rtt=Distribution(p99=20_500_001, mean=1_250_000.25), received=199, lost=1)
    assert failures("rtt.p99>20ms,rtt.mean>1ms,loss>0,loss>=0.5%", summary) == [
        "rtt.p99>20ms: 20.500001 ms",
        "rtt.mean>1ms: 1.25 ms",
        "loss>0: 1",
        "loss>=0.5%: 0.5%",
    ]


def test_a_count_and_a_share_are_two_things() -> None:
    summary = run(sent=1000, received=997, lost=3, late=1, duplicate=2, reordered=997, corrupt=0)
    assert failures("loss>2", summary) == ["loss>2: 3"]
    assert failures("loss>3,loss>0.3%,late>0.1%", summary) == []
    assert failures("loss>=0.3%,late>=0.1%,reordered>99.9%", summary) == [
        "loss>=0.3%: 0.3%",
        "late>=0.1%: 0.1%",
        "reordered>99.9%: 100%",
    ]
    assert failures("duplicate>0.2%", summary) == ["duplicate>0.2%: 0.201%"]


def test_probes_in_flight_at_the_end_are_not_part_of_the_loss() -> None:
    assert failures("loss>=50%", run(sent=4, received=1, lost=1, pending=2)) == ["loss>=50%: 50%"]


@pytest.mark.parametrize(
    ("text", "summary", "setup"),
    [
        ("response.p99_9>2ms", run(response=Distribution(p99_9=3 * MS)), Setup()),
        ("lag.stddev>2ms", run(lag=Distribution(stddev=3e6)), Setup()),
        ("ipdv>2ms", run(ipdv_mean_abs=3e6), Setup()),
        ("pdv>2ms", run(pdv_p99=3 * MS), Setup()),
        ("jitter>2ms", run(jitter_rfc3550=3e6), Setup()),
        ("resolve>2ms", run(), Setup(resolve=3 * MS)),
        ("connect>2ms", run(), Setup(connect=3 * MS)),
        ("tls>2ms", run(), Setup(tls=3 * MS)),
    ],
)
def test_where_metrics_are_found(text: str, summary: Summary, setup: Setup) -> None:
    assert failures(text, summary, setup) == [f"{text}: 3 ms"]
    assert failures(text.replace("2ms", "3ms"), summary, setup) == []


@pytest.mark.parametrize(
    "text",
    [f"{name}<1%" for name, metric in METRICS.items() if metric.share]
    + [f"{name}<1ms" for name, metric in METRICS.items() if metric.unit is Unit.TIME and name != "gone"],
)
def test_a_metric_without_a_value_fails(text: str) -> None:
    assert f"{text}: no value" in failures(text, Summary())


def test_no_reply_at_all_always_fails() -> None:
    assert failures("loss>99%", Summary(sent=3, lost=3)) == ["received<1: 0 (no reply at all)", "loss>99%: 100%"]
    assert [str(failure) for failure in judge((), Summary(), Setup())] == ["received<1: 0 (no reply at all)"]


def test_a_corrupt_echo_always_fails_and_only_once() -> None:
    expected = ["corrupt>0: 2 (the echo differs from what was sent)"]
    assert [str(failure) for failure in judge((), run(corrupt=2), Setup())] == expected
    assert failures("corrupt>0,corrupt>0", run(corrupt=2)) == expected


def test_a_target_that_is_gone_at_the_end_always_fails() -> None:
    expected = ["gone>0ms: 1500 ms (the target no longer answered in time when the run ended)"]
    assert [str(failure) for failure in judge((), run(gone=1_500_000_000), Setup())] == expected


def test_a_failure_has_its_parts() -> None:
    (failure,) = judge(parse("loss>1"), run(lost=2), Setup())
    assert failure == Failure(parse("loss>1")[0], 2)
    assert (failure.criterion.text, failure.measured) == ("loss>1", "2")
    assert [str(criterion) for criterion in ALWAYS] == ["received<1", "corrupt>0", "gone>0ms"]


# --- between two runs


@pytest.mark.parametrize(
    ("text", "value", "unit", "change"),
    [
        ("rtt.p99>+10%", 10.0, Unit.PERCENT, True),
        ("rtt.p99 < -2.5%", -2.5, Unit.PERCENT, True),
        ("rtt.p99>+2ms", 2 * MS, Unit.TIME, True),
        ("loss>+1%", 1.0, Unit.PERCENT, True),
        ("loss>+3", 3, Unit.COUNT, True),
        ("sent<-10%", -10.0, Unit.PERCENT, True),
        ("rtt.p99>20ms", 20 * MS, Unit.TIME, False),
        ("loss>1%", 1.0, Unit.PERCENT, False),
    ],
)
def test_a_sign_makes_it_a_change(text: str, value: float, unit: Unit, change: bool) -> None:
    (criterion,) = parse(text, comparing=True)
    assert (criterion.value, criterion.unit, criterion.change) == (value, unit, change)
    assert parse(str(criterion), comparing=True) == (criterion,)


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("", "an empty criterion in ''", "a metric, a comparison and a value: rtt.p99>+10%"),
        ("rtt.p99>10%", "'10%' does not fit rtt.p99, which is a time", "rtt.p99>+10%"),
        ("rtt.p99>+x%", "'x%' is not a percentage", "rtt.p99>+10%"),
        ("rtt.p99>+", "no value in 'rtt.p99>+'", "rtt.p99>20ms"),
        ("rtt.p99>+x", "'x' is not a time", "rtt.p99>+20ms"),
        ("loss>+5ms", "'5ms' does not fit loss, which is a count or a percentage", "loss>+1%"),
        ("sent<-0.5", "'0.5' does not fit sent, which is a count", "sent>+3"),
    ],
)
def test_a_change_that_does_not_fit(text: str, sentence: str, hint: str) -> None:
    assert refused(text, comparing=True) == (sentence, hint)


def test_a_criterion_is_a_value() -> None:
    assert isinstance(hash(parse("loss>1%")[0]), int)
    assert parse("loss > 1%") == parse("loss>1%")
    assert isinstance(parse("loss>1%")[0], Criterion)
