"""Histograms as HdrHistogram's log, for the tools that read it: one line an interval, the buckets in full.

Log format 1.3 around histograms in the V2 encoding, both as HdrHistogram's Java edition writes them (its classes
HistogramLogWriter, AbstractHistogram and ZigZagEncoding are the only definition there is). Values are nanoseconds,
`Interval_Max` is milliseconds, time stamps are seconds after `BaseTime`.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import TYPE_CHECKING

from netecho.measure.stats.histogram import HIGHEST_TRACKABLE
from netecho.report.document.values import exact_milliseconds
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netecho.measure.stats.histogram import Histogram

_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
# Cookie, length of the counts in octets, normalizing index offset, significant digits, lowest discernible and highest
# trackable value, integer to double conversion ratio.
_HEADER = struct.Struct(">iiiiqqd")
_COMPRESSED_HEADER = struct.Struct(">ii")


def lines(start: int, duration: int, histograms: Mapping[str | None, Histogram]) -> Iterator[str]:
    """Yield a log of one interval, line by line without their ends: each histogram under its tag.

    `start` is wall clock, in nanoseconds since 1970. Tools read what has no tag (None) unless told otherwise, so the
    histogram that matters most goes there. A tag has no comma and no white space.
    """
    seconds = f"{start / SECOND:.3f} (seconds since epoch)"
    yield "#[netecho: values in nanoseconds]"
    yield "#[Histogram log format version 1.3]"
    yield f"#[StartTime: {seconds}]"
    yield f"#[BaseTime: {seconds}]"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    for tag, histogram in histograms.items():
        prefix = "" if tag is None else f"Tag={tag},"
        longest = exact_milliseconds(max(0, histogram.max or 0))
        yield f"{prefix}0.000,{duration / SECOND:.3f},{longest:.3f},{b64encode(compressed(histogram)).decode('ascii')}"


def compressed(histogram: Histogram) -> bytes:
    """Return the V2 compressed encoding."""
    body = zlib.compress(encoded(histogram), 9)
    return _COMPRESSED_HEADER.pack(_COMPRESSED_COOKIE, len(body)) + body


def encoded(histogram: Histogram) -> bytes:
    """Return the V2 encoding: the counts of all buckets up to the last used, runs of zeros as their length below 0."""
    counts = bytearray()
    following = 0
    for index, count in histogram.nonzero():
        empty = index - following
        if empty:
            counts += leb128(-empty)
        counts += leb128(count)
        following = index + 1
    return _HEADER.pack(_COOKIE, len(counts), 0, 3, 1, HIGHEST_TRACKABLE, 1.0) + counts


def leb128(value: int) -> bytes:
    """Return a signed 64-bit number as HdrHistogram's ZigZag LEB128-64b9B: a ninth octet has eight bits, not seven."""
    rest = (value << 1) ^ (value >> 63)
    octets = bytearray()
    while rest > 0x7F and len(octets) < 8:
        octets.append(rest & 0x7F | 0x80)
        rest >>= 7
    octets.append(rest)
    return bytes(octets)
