"""Times, sizes and rates: exact, with every wrong one told by its wrong part."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.units import (
    LONGEST_TIME,
    TIME_UNITS,
    format_time,
    parse_file_size,
    parse_rate,
    parse_size,
    parse_sizes,
    parse_time,
    spell_time,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("2", 2_000_000_000),
        ("0.1", 100_000_000),
        (".5s", 500_000_000),
        ("1.", 1_000_000_000),
        ("1.5s", 1_500_000_000),
        ("1ns", 1),
        ("200us", 200_000),
        ("200µs", 200_000),
        ("200μs", 200_000),
        ("0.001us", 1),
        ("200ms", 200_000_000),
        ("1.000000001s", 1_000_000_001),
        ("3m", 180_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("8760h", LONGEST_TIME),
    ],
)
def test_a_time(text: str, nanoseconds: int) -> None:
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not a time"),
        ("x", "'x' is not a time"),
        ("ms", "'ms' is not a time"),
        (".", "'.' is not a time"),
        ("1.2.3", "'1.2.3' is not a time"),
        ("1e3", "'1e3' is not a time"),
        ("٣", "'٣' is not a time"),
        ("1" * 5000, f"'{'1' * 5000}' is not a time"),
        ("-1s", "'-1s' is below 0"),
        ("5 min", "' min' in '5 min' is not a unit of time"),
        ("5sec", "'sec' in '5sec' is not a unit of time"),
        ("5M", "'M' in '5M' is not a unit of time"),
        ("0.5ns", "'0.5ns' is finer than a nanosecond"),
        ("8761h", "'8761h' is longer than a year"),
    ],
)
def test_a_wrong_time(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_time(text)
    assert caught.value.sentence == sentence
    assert caught.value.hint == "a number with ns, us, ms, s, m or h, in seconds without one: 200ms"


@pytest.mark.parametrize(("text", "size"), [("64M", 1 << 26), ("1.5G", 3 << 29)])
def test_a_files_size(text: str, size: int) -> None:
    assert parse_file_size(text) == size


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2", "'2' has no unit"),
        ("2GB", "'GB' in '2GB' is not a unit of size"),
        ("", "'' is not a size"),
        ("-2G", "'-2G' is below 0"),
    ],
)
def test_a_wrong_files_size(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_file_size(text)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("64", 64), ("1k", 1024), ("1.5K", 1536), ("2M", 2097152)])
def test_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("big", "'big' is not a size"),
        ("-1", "'-1' is below 0"),
        ("1m", "'m' in '1m' is not a unit of size"),
        ("1kB", "'kB' in '1kB' is not a unit of size"),
        ("1.5", "'1.5' is not a whole number of bytes"),
    ],
)
def test_a_wrong_size(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert caught.value.sentence == sentence
    assert caught.value.hint == "a number of bytes, with k or M for powers of 1024: 64"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("64", (64,)),
        ("64..256:64", (64, 128, 192, 256)),
        ("64..255:64", (64, 128, 192)),
        ("5..5:1", (5,)),
        ("0..1k:512", (0, 512, 1024)),
        ("1..100:1", tuple(range(1, 101))),
    ],
)
def test_sizes(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("64..1400", "no step in the sweep '64..1400'", "after a colon: 64..1400:133"),
        (
            "1..9:0",
            "step '0' of the sweep '1..9:0' leads nowhere",
            "from..to:step sweeps: 64..1400:64",
        ),
        ("9..1:2", "the sweep '9..1:2' ends before it begins", "1..9:2"),
        (
            "1..101:1",
            "the sweep '1..101:1' has 101 sizes, more than 100",
            "a wider step: 1..101:2",
        ),
        ("..9:1", "'' is not a size", "a number of bytes, with k or M for powers of 1024: 64"),
        ("1..9:x", "'x' is not a size", "a number of bytes, with k or M for powers of 1024: 64"),
    ],
)
def test_a_wrong_sweep(text: str, sentence: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_sizes(text)
    assert (caught.value.sentence, caught.value.hint) == (sentence, hint)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**5))
def test_the_step_that_is_hinted_at_fits(start: int, span: int, step: int) -> None:
    text = f"{start}..{start + span}:{step}"
    if span // step < 100:
        assert parse_sizes(text) == tuple(range(start, start + span + 1, step))
        return
    with pytest.raises(UsageError) as caught:
        parse_sizes(text)
    assert caught.value.hint is not None
    assert len(parse_sizes(caught.value.hint.removeprefix("a wider step: "))) <= 100


@pytest.mark.parametrize(
    ("text", "interval"),
    [("1", Fraction(10**9)), ("0.5", Fraction(2 * 10**9)), ("3", Fraction(10**9, 3)), ("1000", Fraction(10**6))],
)  # fmt: skip
def test_a_rate_is_the_exact_time_between_sends(text: str, interval: Fraction) -> None:
    assert parse_rate(text) == interval


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "a rate of 0 sends nothing"),
        ("fast", "'fast' is not a rate"),
        ("-5", "'-5' is below 0"),
        ("10/s", "'/s' in '10/s': a rate is a bare number"),
        ("0.00000001", "rate '0.00000001' is less than one probe a year"),
    ],
)
def test_a_wrong_rate(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rate(text)
    assert caught.value.sentence == sentence
    assert caught.value.hint == "a number of probes per second: 50"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0.000 ms"),
        (1_234_000, "1.234 ms"),
        (1_234_499, "1.234 ms"),
        (1_234_501, "1.235 ms"),
        (999_999_999, "1000.000 ms"),
        (63.7, "0.000 ms"),
        (-63, "0.000 ms"),
        (-5_000, "-0.005 ms"),
    ],
)
def test_a_time_is_shown_in_milliseconds(nanoseconds: float, text: str) -> None:
    assert format_time(nanoseconds) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (200_000, "200us"),
        (1_500, "1.5us"),
        (200_000_000, "200ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "90s"),
    ],
)
def test_a_time_is_spelled_as_one_would_type_it(nanoseconds: int, text: str) -> None:
    assert spell_time(nanoseconds) == text


@given(st.integers(0, LONGEST_TIME))
def test_a_spelled_time_is_read_back(nanoseconds: int) -> None:
    assert parse_time(spell_time(nanoseconds)) == nanoseconds


@given(st.integers(0, 10**9), st.integers(0, 999_999_999), st.sampled_from(sorted(TIME_UNITS)))
def test_a_decimal_time_is_exact_or_refused(whole: int, fraction: int, unit: str) -> None:
    exact = Fraction(f"{whole}.{fraction:09}") * TIME_UNITS[unit]
    text = f"{whole}.{fraction:09}{unit}"
    if exact.denominator == 1 and exact <= LONGEST_TIME:
        assert parse_time(text) == exact
    else:
        with pytest.raises(UsageError):
            parse_time(text)


@given(st.text() | st.text("0123456789.:kMnsuµmh-"))
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    for parse in (parse_time, parse_size, parse_sizes, parse_rate):
        with contextlib.suppress(UsageError):
            parse(text)
