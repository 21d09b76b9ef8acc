from netecho.report.document.model import Document
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.several import table
from tests.report.runs import calm, run


def _shown(*documents: Document, histogram: bool = False) -> list[str]:
    return rendered(table(documents, 60, glyphs=False, histogram=histogram), width=60, color=False).splitlines()


def test_a_histogram_for_each_target_where_it_is_asked_for() -> None:
    plain = _shown(run(calm()), run(calm(20)))
    drawn = _shown(run(calm()), run(calm(20)), histogram=True)
    assert drawn[: len(plain)] == plain
    assert drawn.count("udp://localhost:7007: rtt, ms") == 2
    assert sum(line.endswith("%") for line in drawn[len(plain) :]) >= 4


def test_no_histogram_of_nothing() -> None:
    assert not any(line.endswith(": rtt, ms") for line in _shown(run([]), run([]), histogram=True))
