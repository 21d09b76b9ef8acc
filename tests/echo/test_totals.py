"""What several processes did, added up."""

from __future__ import annotations

from dataclasses import asdict, fields

from netecho.echo.totals import Totals


def test_every_count_is_added() -> None:
    count = len(fields(Totals))
    one, ten = Totals(*range(1, count + 1)), Totals(*range(10, 10 * count + 1, 10))
    one.add(ten)
    assert list(asdict(one).values()) == [11 * number for number in range(1, count + 1)]
