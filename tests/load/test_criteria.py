"""What makes a run of load fail."""

from __future__ import annotations

import pytest

from netecho.errors import UsageError
from netecho.load.criteria import METRICS, is_of_load, judge, parse
from netecho.load.phases import summarise
from netecho.measure.metrics import METRICS as OF_PROBES, Unit
from tests.load.runs import NO_SERVICE, whole

PHASES = summarise(whole())


@pytest.mark.parametrize(
    "text",
    [
        "upload.forward.p99>100ms",
        "upload.added>=480ms",
        "added>0.4s",
        "upload.goodput<10M",
        "both.rpm<300",
        "download.backward.p50<2ms",
        "idle.loss<=0%",
    ],
)
def test_what_comes_true_fails(text: str) -> None:
    assert [each.criterion.text for each in judge(parse(text), PHASES)] == [text]


@pytest.mark.parametrize(
    "text", ["upload.backward.p99>100ms", "download.added>5ms", "upload.goodput<9M", "both.loss>1%"]
)
def test_what_does_not_holds(text: str) -> None:
    assert judge(parse(text), PHASES) == ()


def test_what_was_not_measured_fails() -> None:
    failed = judge(parse("upload.rtt.p99>1h,added>1h"), summarise(NO_SERVICE))
    assert [str(each) for each in failed] == ["upload.rtt.p99>1h: no value", "added>1h: no value"]


@pytest.mark.parametrize("name", METRICS)
def test_every_figure_has_an_example_that_is_read_and_a_value_that_is_found(name: str) -> None:
    (criterion,) = parse(f"{name}{METRICS[name].example}")
    judge([criterion], PHASES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upload.added", "is not a criterion"),
        ("uplaod.added>1ms", "'uplaod.added' in 'uplaod.added>1ms' is not a figure of load"),
        ("upload.added>5", "'5' does not fit upload.added"),
        ("upload.added>5%", "5%"),
        ("upload.loss>5", "'5' does not fit upload.loss"),
        ("upload.goodput<5%", "'5%' does not fit upload.goodput"),
        ("idle.goodput<5", "is not a figure of load"),
        ("upload.added>+5ms", "'upload.added>+5ms' compares two runs"),
        ("raw:upload.added>5ms", "'raw:upload.added>5ms' compares two runs"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in caught.value.sentence


def test_every_figure_may_be_held_to_a_change() -> None:
    for name, figure in METRICS.items():
        relative, noise = parse(f"{name}>+1%,{name}<-noise", comparing=True)
        assert (relative.value, relative.unit, relative.change) == (1, Unit.PERCENT, True)
        assert (noise.value, noise.unit) == (0, figure.unit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upload.added>+5", "'5' does not fit upload.added"),
        ("upload.loss>+5", "'5' does not fit upload.loss"),
        ("raw:upload.added>5ms", "'raw:upload.added>5ms' is no change between two runs"),
        ("raw:upload.added>+noise", "'noise' in 'raw:upload.added>+noise' is one way or the other"),
        ("upload.added>-noise", "'noise' in 'upload.added>-noise' is one way or the other"),
    ],
)
def test_a_mistake_in_a_change_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, comparing=True)
    assert said in caught.value.sentence


def test_what_is_of_load_is_told_by_its_name() -> None:
    assert all(is_of_load(f"raw:{name}>+1%") for name in METRICS)
    assert not any(is_of_load(name) for name in OF_PROBES)
