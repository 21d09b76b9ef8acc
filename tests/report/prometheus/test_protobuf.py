"""The delimited protobuf, as a decoder of the wire format reads it that knows nothing of how it was written."""

from __future__ import annotations

import struct
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from netecho.monitor.buckets import BOUNDS, LAST, SCHEMA, ZERO_THRESHOLD, Buckets
from netecho.report.formats import exposition
from netecho.report.prometheus import protobuf
from netecho.report.prometheus.families import FAMILIES, Exposed, Kind
from netecho.report.prometheus.protobuf import spans_and_deltas, wanted
from netecho.units import SECOND
from tests.report.monitored import EVERY, STAMPED

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMETHEUS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for octet in data:
        value |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            yield value
            value = shift = 0
    assert not shift, "it ends amid a number"


def varint(data: bytes, at: int) -> tuple[int, int]:
    end = next(n for n in range(at, len(data)) if data[n] < 128) + 1
    return next(varints(data[at:end])), end


def message(data: bytes) -> dict[int, list[Any]]:
    """The fields of a message: numbers, floats, and octets."""
    fields: dict[int, list[Any]] = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            fields[key >> 3].append(value)
        elif key & 7 == 1:
            fields[key >> 3].append(struct.unpack_from("<d", data, at)[0])
            at += 8
        else:
            assert key & 7 == 2
            length, at = varint(data, at)
            assert at + length <= len(data)
            fields[key >> 3].append(data[at : at + length])
            at += length
    return fields


def signed(value: int) -> int:
    return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)


def families(exposed: Exposed) -> dict[str, tuple[int, list[dict[int, list[Any]]]]]:
    """Of each family its type and its metrics."""
    data = b"".join(protobuf.metrics(exposed))
    found, at = {}, 0
    while at < len(data):
        length, at = varint(data, at)
        fields = message(data[at : at + length])
        at += length
        found[fields[1][0].decode()] = (fields[3][0], [message(each) for each in fields[4]])
    assert at == len(data)
    return found


def labels(metric: dict[int, list[Any]]) -> dict[str, str]:
    pairs = [message(each) for each in metric[1]]
    return {pair[1][0].decode(): pair[2][0].decode() for pair in pairs}


def native(histogram: dict[int, list[Any]]) -> dict[int, int]:
    """The buckets by their numbers, as the data model has them."""
    numbers: list[int] = []
    following = 0
    for span in map(message, histogram[12]):
        begin = following + signed(span[1][0])
        following = begin + span[2][0]
        numbers += range(begin, following)
    deltas = [signed(each) for each in varints(b"".join(histogram[13]))]
    return dict(zip(numbers, accumulate(deltas), strict=True))


def test_every_sample_of_the_text_is_in_it_under_the_same_labels() -> None:
    exposed = Exposed([*EVERY, STAMPED], Buckets(), node="ams")
    found = families(exposed)
    assert list(found) == [family.name for family in FAMILIES if family.name in found]
    lines = [line for line in "".join(exposition.metrics(exposed)).splitlines() if line[0] != "#"]
    theirs = {tuple(line.rsplit(" ", 1)) for line in lines if "_bucket" not in line}
    ours = set()
    for family in FAMILIES:
        kind, metrics = found.get(family.name, (0, []))
        assert kind == {Kind.COUNTER: 0, Kind.GAUGE: 1, Kind.HISTOGRAM: 4}[family.kind] or not metrics
        for metric in metrics:
            inside = ",".join(f'{name}="{value}"' for name, value in labels(metric).items())
            if family.kind is Kind.HISTOGRAM:
                histogram = message(metric[7][0])
                ours.add((f"{family.name}_count{{{inside}}}", str(histogram[1][0])))
                ours.add((f"{family.name}_sum{{{inside}}}", repr(histogram[2][0])))
            else:
                (value,) = message(metric[3 if family.kind is Kind.COUNTER else 2][0])[1]
                ours.add((f"{family.name}{{{inside}}}", str(int(value))))
    assert ours == theirs


@given(st.lists(st.integers(0, 1 << 42) | st.integers(0, 2000)))
def test_a_histogram_has_both_kinds_of_buckets_exactly(values: list[int]) -> None:
    lag = Buckets()
    for value in values:
        lag.record(value)
    histogram = message(families(Exposed([], lag))["netecho_lag_seconds"][1][0][7][0])
    assert (histogram[1], histogram[2]) == ([len(values)], [sum(values) / SECOND])
    classic = [(bucket[2][0], bucket[1][0]) for bucket in map(message, histogram[3])]
    assert classic == [(bound / SECOND, sum(value <= bound for value in values)) for bound in BOUNDS]
    assert (signed(histogram[5][0]), histogram[6]) == (SCHEMA, [ZERO_THRESHOLD])
    assert histogram[7] == [sum(value / SECOND <= ZERO_THRESHOLD for value in values)]
    buckets = native(histogram)
    assert buckets == lag.native().counted
    assert sum(buckets.values()) + histogram[7][0] == len(values)
    assert len(buckets) <= LAST + 20 * 8


@given(st.dictionaries(st.integers(-200, 200), st.integers(1, 1 << 40)))
def test_spans_and_deltas_are_as_few_as_can_be(counted: dict[int, int]) -> None:
    spans, deltas = spans_and_deltas(counted)
    numbers: list[int] = []
    following = 0
    for n, (offset, length) in enumerate(spans):
        assert n == 0 or offset > 0, "two spans that touch are one"
        numbers += range(following + offset, following + offset + length)
        following += offset + length
    assert dict(zip(numbers, accumulate(deltas), strict=True)) == counted


def test_a_family_without_a_sample_is_left_out() -> None:
    assert set(families(Exposed([], Buckets()))) == {"netecho_build_info", "netecho_lag_seconds"}


def test_others_have_their_turn_while_a_family_is_made() -> None:
    pieces = list(protobuf.metrics(Exposed(EVERY * 16, Buckets())))
    assert pieces.count(b"") >= 16 * 10
    assert max(map(len, pieces)) < 4096


@pytest.mark.parametrize(
    ("accept", "is_wanted"),
    [
        (PROMETHEUS, True),
        (PROMETHEUS.replace("encoding=delimited", "encoding=delimited;q=0.4"), False),
        ("application/vnd.google.protobuf;encoding=text", False),
        ("application/vnd.google.protobuf;encoding=delimited;q=x", False),
        ("application/vnd.google.protobuf;encoding=delimited;q=0", False),
        ("text/plain;version=0.0.4", False),
        ("*/*", False),
        ("", False),
        (";;=,,;q=nan", False),
    ],
)
def test_it_is_for_those_who_ask_for_it_first(accept: str, is_wanted: bool) -> None:
    assert wanted(accept) is is_wanted
