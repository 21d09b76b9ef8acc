"""When a change between two runs of load is more than their own spread."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.load.comparison import FEWEST, Figure, compare
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
