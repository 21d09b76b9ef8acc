"""A monitor's figures for Prometheus, as delimited protobuf: the one format that it takes native histograms in.

The messages are those of io.prometheus.client's metrics.proto, and the wire format is protobuf's: a field is its number
and type as a varint, then a varint, eight octets, or a length and so many octets. Each MetricFamily stands behind its
length. Histograms have both kinds of buckets: who does not take native ones takes the classic ones.

A family's length stands before it, so it is made as a whole; an empty piece among those that are yielded is where
others may have their turn.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from netecho.monitor.buckets import BOUNDS, SCHEMA, ZERO_THRESHOLD
from netecho.report.prometheus.families import FAMILIES, Kind, labels_of, node_labels
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netecho.monitor.buckets import Buckets
    from netecho.report.prometheus.families import Exposed, Family, Labels, Sample

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

_VARINT, _EIGHT_OCTETS, _OCTETS = 0, 1, 2
"""Types of fields."""
_ONE_OCTET = tuple(bytes((n,)) for n in range(128))
_KINDS = {Kind.COUNTER: 0, Kind.GAUGE: 1, Kind.HISTOGRAM: 4}
"""MetricType."""
_VALUE_IN = {Kind.GAUGE: 2, Kind.COUNTER: 3, Kind.HISTOGRAM: 7}
"""The field of Metric that has the value."""


def wanted(accept: str) -> bool:
    """Tell whether an Accept header asks for this format before any other that there is.

    Prometheus gives each kind a weight (RFC 9110 section 12.4.2); where the text has as much, it is the text.
    """
    weights = {"protobuf": 0.0, "text": 0.0}
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        if kind == "application/vnd.google.protobuf" and given.get("encoding", "delimited") == "delimited":
            weights["protobuf"] = max(weights["protobuf"], _weight(given.get("q", "1")))
        elif kind in ("text/plain", "text/*", "*/*", "application/openmetrics-text"):
            weights["text"] = max(weights["text"], _weight(given.get("q", "1")))
    return weights["protobuf"] > weights["text"]


def _weight(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0


def metrics(exposed: Exposed) -> Iterator[bytes]:
    """Yield all metrics."""
    labels = []
    for target in exposed.targets:
        labels.append(_labels(labels_of(target, exposed.node)))
        yield b""
    for family in FAMILIES:
        made: list[bytes] = []
        if family.of_monitor is not None:
            own = _labels(node_labels(exposed.node))
            made += (_metric(family, own, sample) for sample in family.of_monitor(exposed))
        if family.of_target is not None:
            for target, own in zip(exposed.targets, labels, strict=True):
                made += (_metric(family, own, sample) for sample in family.of_target(target))
                yield b""
        if made:
            head = _text(1, family.name) + _text(2, family.text) + _number(3, _KINDS[family.kind])
            yield varint(len(head) + sum(map(len, made))) + head
            yield from made


def _metric(family: Family, labels: bytes, sample: Sample) -> bytes:
    value = sample.value
    inside = _float(1, value) if isinstance(value, int) else _histogram(value)
    return _message(4, labels + _labels(sample.labels) + _message(_VALUE_IN[family.kind], inside))


def _labels(labels: Labels) -> bytes:
    return b"".join(_message(1, _text(1, name) + _text(2, value)) for name, value in labels)


def _histogram(buckets: Buckets) -> bytes:
    classic, native = buckets.classic(), buckets.native()
    spans, deltas = spans_and_deltas(native.counted)
    return b"".join(
        (
            _number(1, classic[-1]),
            _float(2, buckets.total / SECOND),
            *map(_classic_bucket, classic, _UPPER_BOUNDS),
            _LAYOUT,
            _number(7, native.zero),
            *(_message(12, _number(1, _zigzag(offset)) + _number(2, length)) for offset, length in spans),
            _message(13, b"".join(varint(_zigzag(delta)) for delta in deltas)) if deltas else b"",
        )
    )


def _classic_bucket(below: int, upper_bound: bytes) -> bytes:
    """Return a Bucket: there are 37 of them in each histogram, so the rest of it is made once."""
    count = varint(below)
    return b"\x1a" + _ONE_OCTET[1 + len(count) + len(upper_bound)] + b"\x08" + count + upper_bound


def spans_and_deltas(counted: Mapping[int, int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return buckets as native histograms have them.

    A span is how many empty buckets are between it and the one before (of the first: its bucket's number), and how many
    buckets it has; a delta is how many more a bucket counted than the one before it.
    """
    spans: list[tuple[int, int]] = []
    deltas: list[int] = []
    following = before = 0
    for number, count in sorted(counted.items()):
        if spans and number == following:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((number - following, 1))
        deltas.append(count - before)
        following, before = number + 1, count
    return spans, deltas


def varint(value: int) -> bytes:
    """Return an unsigned number, seven bits an octet with the least significant first."""
    if value < 128:
        return _ONE_OCTET[value]
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def _zigzag(value: int) -> int:
    """Return a signed number as an unsigned one, in which small ones stay small: 0, -1, 1, -2 are 0, 1, 2, 3."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def _key(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)


def _number(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + varint(value)


def _float(field: int, value: float) -> bytes:
    return _key(field, _EIGHT_OCTETS) + struct.pack("<d", value)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode("utf-8", "backslashreplace"))


def _message(field: int, content: bytes) -> bytes:
    return _key(field, _OCTETS) + varint(len(content)) + content


_UPPER_BOUNDS = tuple(_float(2, bound / SECOND) for bound in BOUNDS)
_LAYOUT = _number(5, _zigzag(SCHEMA)) + _float(6, ZERO_THRESHOLD)
"""Of the native buckets."""
