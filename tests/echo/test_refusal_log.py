"""RefusalLog: the first of a kind at once, the rest as a count."""

from __future__ import annotations

from netecho.echo.events import Refused
from netecho.echo.refusal_log import MOST_KINDS, RefusalLog


def test_the_first_is_told_at_once_and_the_rest_when_asked() -> None:
    refusals = RefusalLog()
    assert refusals.add("tcp", "a", "full") == Refused("tcp", "a", "full", 1)
    assert refusals.add("tcp", "a", "full") is None
    assert refusals.add("tcp", "a", "full") is None
    assert refusals.report() == [Refused("tcp", "a", "full", 2)]


def test_nothing_more_nothing_told() -> None:
    refusals = RefusalLog()
    refusals.add("tcp", "a", "full")
    assert refusals.report() == []
    assert refusals.report() == []


def test_kinds_are_kept_apart() -> None:
    refusals = RefusalLog()
    kinds = [("tcp", "a", "full"), ("tls", "a", "full"), ("tcp", "b", "full"), ("tcp", "a", "rate")]
    assert [refusals.add(*kind) for kind in kinds] == [Refused(*kind, 1) for kind in kinds]


def test_a_new_report_begins_with_a_first_one() -> None:
    refusals = RefusalLog()
    refusals.add("tcp", "a", "full")
    refusals.report()
    assert refusals.add("tcp", "a", "full") == Refused("tcp", "a", "full", 1)


def test_beyond_so_many_kinds_they_are_others() -> None:
    refusals = RefusalLog()
    for number in range(MOST_KINDS):
        refusals.add("udp", f"source {number}", "rate")
    assert refusals.add("udp", "one more", "rate") == Refused("udp", "others", "rate", 1)
    assert refusals.add("udp", "yet another", "rate") is None
    assert refusals.report() == [Refused("udp", "others", "rate", 1)]


def test_every_refusal_is_told_once() -> None:
    refusals, told = RefusalLog(), 0
    for number in range(5000):
        first = refusals.add("udp", f"source {number % 700}", "rate")
        told += first.times if first else 0
        if number % 900 == 0:
            told += sum(each.times for each in refusals.report())
    assert told + sum(each.times for each in refusals.report()) == 5000
