"""Round trips over time: where they are drawn, and what the axes say."""

from __future__ import annotations

import re

from hypothesis import given, strategies as st

from netecho.measure.stats.timeline import Period, Timeline
from netecho.report.terminal.time_chart import ASCII, BLOCKS, Glyphs, Line, chart
from tests.report.runs import MS, STARTED

SECOND = 1000 * MS


def periods(*figures: tuple[int, int] | None, length: int = SECOND) -> list[Period]:
    """A period each: its p50 and its longest round trip, in nanoseconds; None for a loss."""
    return [
        Period(n * length, (n + 1) * length, 0, 1, None, None, None)
        if each is None
        else Period(n * length, (n + 1) * length, 1, 0, each[0], each[1], each[1])
        for n, each in enumerate(figures)
    ]


def drawn(
    shown: list[Period], width: int = 40, height: int = 8, lines: tuple[Line, ...] = (), glyphs: Glyphs = BLOCKS
) -> list[str]:
    return [line.plain for line in chart(shown, width, height, started=STARTED, lines=lines, glyphs=glyphs)]


def test_a_column_up_to_p50_a_line_up_to_the_longest_and_a_row_for_losses() -> None:
    ramp = [(ms * MS, ms * MS) for ms in range(10, 20)]
    assert drawn(periods(*ramp, None, (12 * MS, 20 * MS))) == [
        "  20 ┤                ▃▃▅▅  ││",
        "  15 ┤          ▃▃▅▅██████  ││",
        "     │    ▃▃▅▅████████████  ▃▃",
        "  10 ┤▅▅██████████████████  ██",
        "   5 ┤████████████████████  ██",
        "  ms  ─────────┬─────────┬────",
        "               05:40:05  05:40:10",
        "lost                      \u00d7\u00d7  ",
    ]


def test_outliers_make_the_scale_logarithmic_and_the_run_s_percentiles_are_lines() -> None:
    shown = periods((MS // 5, MS // 4), (MS // 5, 30 * MS), (MS, MS), None, None, length=60 * SECOND)
    assert drawn(shown, 60, 9, (Line("p50", MS // 5), Line("p99", 20 * MS))) == [
        "     │┄┄┄┄││││┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ p99 20",
        "  10 ┤    ││││            ",
        "     │    ││││            ",
        "   2 ┤    ││││            ",
        "     │    ││││▆▆▆▆        ",
        " 0.2 ┤▁▁▁▁▁▁▁▁████┄┄┄┄┄┄┄┄┄┄┄ p50 0.2",
        "  ms  ───────────────────┬",
        "                         05:45",
        "lost              \u00d7\u00d7\u00d7\u00d7\u00d7\u00d7\u00d7\u00d7",
    ]


def test_two_lines_in_one_row_share_it() -> None:
    shown = drawn(periods((MS, 20 * MS), (MS, 20 * MS)), 60, 9, (Line("p50", MS), Line("p99", MS + 1)))
    assert sum("p50 1, p99 1" in line for line in shown) == 1


def test_a_run_that_is_over_before_the_first_round_time_has_its_start() -> None:
    assert drawn(periods((MS, MS), (MS, MS), length=MS))[-1].strip() == "05:40:00"


def test_nothing_where_it_would_say_nothing() -> None:
    assert drawn([]) == []
    assert drawn(periods(None, None)) == []
    assert drawn(periods((MS, MS)), height=4) == []
    assert drawn(periods(*[(MS, MS)] * 30), width=20) == []


TIMES = st.lists(st.tuples(st.integers(0, 10**14), st.one_of(st.none(), st.integers(-5, 10**13))), max_size=40)


@given(TIMES, st.integers(10, 200), st.integers(1, 60), st.sampled_from([BLOCKS, ASCII]))
def test_it_fits_and_says_nothing_else_whatever_the_run_was(
    events: list[tuple[int, int | None]], width: int, height: int, glyphs: Glyphs
) -> None:
    timeline = Timeline()
    for scheduled, rtt in events:
        if rtt is None:
            timeline.lost(scheduled)
        else:
            timeline.replied(scheduled, rtt)
    shown = drawn(list(timeline.periods(max(1, width - 24))), width, height, (Line("p50", 10**6),), glyphs)
    assert len(shown) <= height
    assert all(len(line) <= width for line in shown)
    if glyphs is ASCII:
        assert all(line.isascii() for line in shown)
    labels = [match[1] for line in shown if (match := re.match(r" *([\d.e+]+) [┤+]", line))]
    assert len(labels) == len(set(labels))
