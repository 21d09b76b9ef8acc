"""The busiest sources are counted, and no flood of forged ones takes memory."""

from __future__ import annotations

from netecho.echo.source_counts import MOST_SOURCES, SourceCounts
from netecho.units import SECOND


def test_bytes_add_up_by_source() -> None:
    counts: SourceCounts[str] = SourceCounts()
    counts.add("a", 10, 5)
    counts.add("a", 1, 1)
    counts.add("b", 2, 0)
    assert counts.bytes == {"a": [11, 6], "b": [2, 0]}


def test_a_flood_of_forged_sources_takes_no_more_than_its_room_and_does_not_push_the_busy_out() -> None:
    counts: SourceCounts[object] = SourceCounts()
    for second in range(5):
        counts.roll(second * SECOND)
        for number in range(10 * MOST_SOURCES):
            counts.add((second, number), 1, 1)
            counts.add("busy", 100, 100)
        assert len(counts.bytes) <= MOST_SOURCES
    assert counts.bytes["busy"][0] >= 3 * 10 * MOST_SOURCES * 100
