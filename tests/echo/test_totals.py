"""What several processes did, added up."""

from __future__ import annotations

from netecho.echo.totals import Totals


def test_every_count_is_added() -> None:
    one = Totals(1, 2, 3, 4, 5, 6, 7)
    one.add(Totals(10, 20, 30, 40, 50, 60, 70))
    assert one == Totals(11, 22, 33, 44, 55, 66, 77)
