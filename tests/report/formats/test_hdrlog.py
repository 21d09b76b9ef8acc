"""The log against HdrHistogram's own reader and its encoding."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, strategies as st

from netecho.measure.stats.histogram import BUCKETS, HIGHEST_TRACKABLE, TOP, Histogram
from netecho.report.formats.hdrlog import compressed, encoded, leb128, lines

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
TIMES = st.integers(0, 43).flatmap(lambda bits: st.integers(0, (1 << bits) - 1))


def filled(values: list[int], *, sparse: bool = False) -> Histogram:
    histogram = Histogram(sparse=sparse)
    for value in values:
        histogram.record(value)
    return histogram


def read(path: Path, log: list[str]) -> list[HdrHistogram]:
    path.write_text("".join(f"{line}\n" for line in log))
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_TRACKABLE, 3))
    try:
        return list(iter(reader.get_next_interval_histogram, None))
    finally:
        reader.close()


def test_the_log_as_text() -> None:
    log = list(lines(1_764_000_000_123_456_789, 2_003_100_000, {None: filled([1_234_567]), "lag": Histogram()}))
    assert log[:5] == [
        "#[netecho: values in nanoseconds]",
        "#[Histogram log format version 1.3]",
        "#[StartTime: 1764000000.123 (seconds since epoch)]",
        "#[BaseTime: 1764000000.123 (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    assert [line.rpartition(",")[0] for line in log[5:]] == ["0.000,2.003,1.235", "Tag=lag,0.000,2.003,0.000"]
    # As every HdrHistogram in the V2 encoding begins, in any language.
    assert all(line.rpartition(",")[2].startswith("HISTF") for line in log[5:])


def test_hdrhistogram_reads_back_what_was_counted(tmp_path: Path) -> None:
    rtts = [50_000 + (n * 7919) % 9_973_000 for n in range(5000)]
    lags = [n % 977 for n in range(100)]
    ours = {None: filled(rtts), "lag": filled(lags)}
    rtt, lag = read(tmp_path / "log", list(lines(1_764_000_000 * SECOND, 10 * SECOND, ours)))
    assert (rtt.get_total_count(), lag.get_total_count()) == (5000, 100)
    assert (rtt.get_tag(), lag.get_tag()) == (None, "lag")
    assert (rtt.get_start_time_stamp(), rtt.get_end_time_stamp()) == (1_764_000_000_000, 1_764_000_010_000)
    for percent in (50, 90, 95, 99, 99.9):
        # It rounds the rank and we take the ceiling: at these counts the two are one.
        assert min(rtt.get_value_at_percentile(percent), max(rtts)) == ours[None].percentile(percent)
        assert min(lag.get_value_at_percentile(percent), max(lags)) == ours["lag"].percentile(percent)


@given(st.lists(TIMES), st.booleans())
def test_every_bucket_comes_back(values: list[int], sparse: bool) -> None:
    histogram = filled(values, sparse=sparse)
    theirs = HdrHistogram.decode(base64.b64encode(compressed(histogram)))
    assert (theirs.lowest_trackable_value, theirs.highest_trackable_value) == (1, HIGHEST_TRACKABLE)
    assert theirs.significant_figures == 3
    assert theirs.get_total_count() == len(values)
    assert {index: n for index in range(BUCKETS) if (n := theirs.counts[index])} == dict(histogram.nonzero())


@given(st.lists(TIMES, min_size=1))
def test_the_octets_are_those_that_hdrhistogram_writes(values: list[int]) -> None:
    theirs = HdrHistogram(1, HIGHEST_TRACKABLE, 3)
    for value in values:
        theirs.record_value(value)
    assert encoded(filled(values)) == zlib.decompress(base64.b64decode(theirs.encode())[8:])


def test_values_beyond_the_range_are_in_the_last_bucket(tmp_path: Path) -> None:
    (theirs,) = read(tmp_path / "log", list(lines(0, 0, {None: filled([5 * TOP])})))
    assert theirs.get_total_count() == 1
    assert theirs.get_highest_equivalent_value(theirs.get_max_value()) == TOP


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (0, "00"),
        (-1, "01"),
        (1, "02"),
        (63, "7e"),
        (-64, "7f"),
        (64, "8001"),
        (-65, "8101"),
        (8191, "fe7f"),
        (8192, "808001"),
        ((1 << 55) - 1, "feffffffffffff7f"),
        (1 << 55, "808080808080808001"),  # eight octets of seven bits, and the ninth
        ((1 << 63) - 1, "feffffffffffffffff"),  # the ninth has eight
        (-(1 << 63), "ffffffffffffffffff"),
    ],
)
def test_zigzag_leb128_64b9b(value: int, octets: str) -> None:
    assert leb128(value).hex() == octets
