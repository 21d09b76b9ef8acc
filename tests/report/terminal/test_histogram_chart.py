import itertools

from hypothesis import given, strategies as st

from netecho.measure.stats.histogram import Histogram
from netecho.report.terminal.histogram_chart import ROWS, TAIL_ROWS, chart, rows
from netecho.report.terminal.paper import rendered

times = st.lists(st.integers(1, 2**42), min_size=1, max_size=200) | st.lists(
    st.integers(100_000, 140_000), min_size=1, max_size=200
)


def lines(bins: list[list[float]], width: int, *, glyphs: bool = True, most: int = ROWS) -> list[str]:
    drawn = chart(bins, width, glyphs=glyphs, most=most)
    return [] if drawn is None else rendered(drawn, width=width, color=False).splitlines()


def bins(values: list[int]) -> list[list[float]]:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return [[low / 1e6, high / 1e6, counted] for low, high, counted in histogram.bins(128)]


@given(times, st.integers(8, 40))
def test_every_round_trip_is_in_one_row(values: list[int], most: int) -> None:
    shown = rows(bins(values), most)
    assert sum(row.held for row in shown) == len(values)
    assert len(shown) <= most
    assert all(below.high == above.low and below.low < below.high for below, above in itertools.pairwise(shown))
    assert shown[0].held
    assert shown[-1].held


@given(times, st.integers(60, 200), st.booleans())
def test_a_drawing_fits_the_width(values: list[int], width: int, glyphs: bool) -> None:
    drawn = lines(bins(values), width, glyphs=glyphs)
    assert all(len(line) <= width for line in drawn)
    assert len({len(line) for line in drawn}) == 1
    assert glyphs or all(line.isascii() for line in drawn)


def test_nothing_to_draw() -> None:
    assert lines([], 80) == []


def test_edges_are_round_on_a_logarithmic_scale() -> None:
    spread = [round(100_000 * 1.02**n) for n in range(100)]
    assert [(row.low, row.high) for row in rows(bins(spread))] == [
        *((100_000, 125_000), (125_000, 160_000), (160_000, 200_000), (200_000, 250_000)),
        *((250_000, 315_000), (315_000, 400_000), (400_000, 500_000), (500_000, 630_000), (630_000, 800_000)),
    ]


def test_values_close_together_are_told_apart_in_even_steps() -> None:
    shown = rows(bins([20_000_000 + 10_000 * n for n in range(100)]))
    assert [row.high - row.low for row in shown] == [100_000] * 10
    assert (shown[0].low, shown[-1].high) == (20_000_000, 21_000_000)


def test_a_few_outliers_do_not_squeeze_the_rest() -> None:
    calm = [100_000 + 100 * n for n in range(995)]
    shown = rows(bins([*calm, *[50_000_000] * 4, 900_000_000]))
    assert len(shown) <= ROWS
    assert sum(row.held for row in shown[-TAIL_ROWS:]) == 5
    assert len([row for row in shown[:-TAIL_ROWS] if row.held]) >= 6


def test_blocks_to_the_eighth_of_a_column() -> None:
    assert lines([[1, 1.001, 1000], [1.5, 1.501, 505], [2.1, 2.101, 16]], 60, most=12) == [
        "1.00 - 1.12  █████████████████████████████████  1,000  65.7%",
        "1.12 - 1.25                                         0   0.0%",
        "1.25 - 1.40                                         0   0.0%",
        "1.40 - 1.60  ████████████████▋                    505  33.2%",
        "1.60 - 1.80                                         0   0.0%",
        "1.80 - 2.00                                         0   0.0%",
        "2.00 - 2.24  ▌                                     16   1.1%",
    ]


def test_ascii_where_there_are_no_blocks() -> None:
    assert lines([[1, 1.001, 1000], [1.5, 1.501, 505], [2.1, 2.101, 16]], 60, glyphs=False, most=12) == [
        "1.00 - 1.12  #################################  1,000  65.7%",
        "1.12 - 1.25                                         0   0.0%",
        "1.25 - 1.40                                         0   0.0%",
        "1.40 - 1.60  #################                    505  33.2%",
        "1.60 - 1.80                                         0   0.0%",
        "1.80 - 2.00                                         0   0.0%",
        "2.00 - 2.24  #                                     16   1.1%",
    ]


def test_values_that_just_do_not_fit_the_next_finer_steps() -> None:
    assert len(rows(bins([102_993, 118_016]), 15)) == 9
