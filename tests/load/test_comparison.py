"""When a change between two runs of load is more than their own spread."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.load.comparison import FEWEST, Figure, compare, judge
from netecho.load.criteria import parse
from netecho.measure.metrics import Unit
from netecho.units import MILLISECOND

MS = MILLISECOND


def delay(*milliseconds: float) -> Figure:
    stretches = tuple(each * MS for each in milliseconds)
    return Figure(sorted(stretches)[len(stretches) // 2], Unit.TIME, stretches)


SAWTOOTH = (350, 400, 450, 500, 380, 430, 480, 360, 410, 460)


def test_what_two_sawteeth_share_is_no_change() -> None:
    (change,) = compare({"upload.rtt.p50": delay(*SAWTOOTH)}, {"upload.rtt.p50": delay(*(n + 100 for n in SAWTOOTH))})
    assert change.within_noise is True
    assert (change.difference, change.interval) == (100 * MS, (-50 * MS, 250 * MS))


def test_a_queue_that_is_beyond_all_of_the_other_is_one() -> None:
    (change,) = compare({"upload.rtt.p50": delay(*SAWTOOTH)}, {"upload.rtt.p50": delay(*(n / 10 for n in SAWTOOTH))})
    assert change.within_noise is False
    assert change.percent == -90


def test_what_is_not_known_has_a_reason() -> None:
    one = Figure(9e6, Unit.COUNT)
    short = delay(*SAWTOOTH[: FEWEST - 1])
    goodput, few, gone = compare(
        {"a": one, "b": short, "c": one}, {"a": one._replace(value=8e6), "b": delay(*SAWTOOTH)}
    )
    assert (goodput.within_noise, goodput.reason) == (None, "a run has one value of it")
    assert (few.within_noise, few.reason) == (None, f"needs {FEWEST} stretches of a phase in each run")
    assert (gone.after, gone.difference, gone.reason) == (None, None, "one of the runs has no value")


@given(st.lists(st.integers(1, 10**9), min_size=FEWEST, max_size=40), st.lists(st.integers(1, 10**9), min_size=FEWEST))
def test_a_change_is_only_where_the_ranges_do_not_meet(before: list[int], after: list[int]) -> None:
    first, second = (Figure(max(each), Unit.TIME, tuple(each)) for each in (before, after))
    (change,) = compare({"x": first}, {"x": second})
    if change.difference:
        assert change.within_noise is not (max(before) < min(after) or max(after) < min(before))


BEFORE = {
    "upload.rtt.p50": delay(*SAWTOOTH),
    "upload.goodput": Figure(10e6, Unit.COUNT),
    "idle.loss": Figure(0, Unit.PERCENT),
    "upload.rpm": Figure(None, Unit.COUNT),
}
AFTER = {
    "upload.rtt.p50": delay(*(n + 400 for n in SAWTOOTH)),
    "upload.goodput": Figure(8e6, Unit.COUNT),
    "idle.loss": Figure(2, Unit.PERCENT),
    "upload.rpm": Figure(100, Unit.COUNT),
}


def failed(text: str, before: dict[str, Figure] = BEFORE, after: dict[str, Figure] = AFTER) -> list[str]:
    return [str(each) for each in judge(parse(text, comparing=True), after, compare(before, after))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upload.rtt.p50>+noise", "+400 ms"),
        ("upload.rtt.p50>+50%", "+93.023%"),
        ("upload.rtt.p50>+20ms", "+400 ms"),
        ("upload.rtt.p50>0.5s", "830 ms"),
        ("upload.goodput<-10%", "-20% (noise not known: a run has one value of it)"),
        ("raw:upload.goodput<-1M", "-2000000"),
        ("idle.loss>+1%", "+2% (noise not known: a run has one value of it)"),
        ("upload.rpm<-10%", "no value"),
        ("download.added>+1h", "no value"),
    ],
)
def test_a_change_for_the_worse_fails(text: str, said: str) -> None:
    assert failed(text) == [f"{text}: {said}"]


@pytest.mark.parametrize(
    "text", ["upload.rtt.p50<-noise", "upload.rtt.p50>+500ms", "upload.goodput<-20%", "upload.rpm<100", "idle.loss>2%"]
)
def test_what_did_not_come_true_holds(text: str) -> None:
    assert failed(text) == []


def test_what_the_sawtooth_explains_holds_unless_it_is_asked_for_raw() -> None:
    shifted = {"upload.rtt.p50": delay(*(n + 50 for n in SAWTOOTH))}
    assert failed("upload.rtt.p50>+10ms", BEFORE, shifted) == []
    assert failed("upload.rtt.p50>+noise", BEFORE, shifted) == []
    assert failed("raw:upload.rtt.p50>+10ms", BEFORE, shifted) == ["raw:upload.rtt.p50>+10ms: +50 ms"]
