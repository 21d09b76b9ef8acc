import json
from pathlib import Path
from random import Random

import jsonschema
import pytest

from netecho.errors import UsageError
from netecho.measure.compare import compare
from netecho.measure.events import Event
from netecho.measure.result import Start
from netecho.report.document import schema
from netecho.report.document.comparison import Loaded, compared, load
from netecho.report.document.decode import summary_of
from netecho.report.document.model import Document
from netecho.report.formats.json_document import pretty
from netecho.report.formats.ndjson import NdjsonReporter
from netecho.report.terminal.comparison import sidebyside
from netecho.report.terminal.paper import rendered
from tests.report.looks import looks_as_it_did
from tests.report.runs import START, TROUBLED, calm, lost, reply, result, run

MS = 1_000_000
VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))


def noisy(seed: int, slower: int = 0, *, probes: int = 1200, losses: int = 0, kernel: bool = True) -> list[Event]:
    random = Random(seed)
    times = [180_000 + slower + round(random.lognormvariate(10, 0.5)) for _ in range(probes)]
    return [lost(seq) if seq < losses else reply(seq, rtt, kernel=kernel, slow=20_000) for seq, rtt in enumerate(times)]


def saved(path: Path, events: list[Event], start: Start = START, *, whole: bool = True) -> Loaded:
    """A run, saved with its events or as the summary alone, and read again."""
    with path.open("w") as file:

        def keep(line: str) -> None:
            file.write(line)

        reporter = NdjsonReporter(keep, keep, summary_only=not whole)
        reporter.started(start)
        for event in events:
            reporter.tell(event)
        reporter.finished(run(events, start=start))
    return again(path)


def again(path: Path) -> Loaded:
    loaded = load(str(path))
    assert isinstance(loaded, Loaded)
    return loaded


def pair(tmp_path: Path, before: list[Event], after: list[Event], *, whole: bool = True) -> Document:
    first = saved(tmp_path / "a", before, START._replace(label="before the change"), whole=whole)
    second = saved(tmp_path / "b", after, START._replace(label="after \x1b[2Jit"), whole=whole)
    document = compared(compare(first.run, second.run), first, second)
    for name in ("before", "after"):
        document[name]["file"] = Path(document[name]["file"]).name
    return document


@pytest.mark.parametrize("events", [calm(), TROUBLED, [lost(0)], []])
def test_a_summary_comes_back_from_its_document(events: list[Event]) -> None:
    told = result(events, pending=1, waits=2).summary
    again = summary_of(run(events, pending=1, waits=2))
    for name in ("rtt", "response", "lag"):
        was, now = getattr(told, name), getattr(again, name)
        # Means were rounded to the nanosecond; a picture needs no bins of the lag.
        assert now.mean == pytest.approx(was.mean, abs=1)
        assert now.stddev == pytest.approx(was.stddev, abs=1)
        assert now._replace(mean=was.mean, stddev=was.stddev, bins=was.bins) == was
    assert again.rtt.bins == told.rtt.bins
    assert again.jitter_rfc3550 == pytest.approx(told.jitter_rfc3550, abs=1)
    figures = {"rtt": told.rtt, "response": told.response, "lag": told.lag}
    figures |= {"ipdv_mean_abs": told.ipdv_mean_abs, "jitter_rfc3550": told.jitter_rfc3550}  # type: ignore[dict-item]
    assert again._replace(**figures) == told  # type: ignore[arg-type]


def test_every_difference_is_in_the_document(tmp_path: Path) -> None:
    document = pair(tmp_path, noisy(1), noisy(2, 50_000, losses=12))
    VALID.validate(json.loads(pretty(document)))
    changes = {change["metric"]: change for change in document["changes"]}
    slower = changes["rtt.p50"]
    assert slower["unit"] == "ms"
    assert slower["difference"] == pytest.approx(slower["after"] - slower["before"], abs=1e-6)
    assert slower["percent"] == pytest.approx(100 * slower["difference"] / slower["before"], abs=1e-6)
    assert 0 < slower["interval"][0] < 0.05 < slower["interval"][1]
    assert (slower["within_noise"], slower["reason"]) == (False, None)
    assert (changes["loss"]["unit"], changes["loss"]["difference"]) == ("percent", 1.0)
    assert changes["rtt.max"]["within_noise"] is None
    assert document["locations"]["rtt"]["within_noise"] is False
    assert document["locations"]["rtt"]["higher"] > 0.99
    assert document["verdict"] == {"exit_code": 0, "failed": []}


def test_summaries_alone_have_differences_and_no_tests(tmp_path: Path) -> None:
    document = pair(tmp_path, noisy(1), noisy(2, 50_000), whole=False)
    VALID.validate(document)
    assert document["locations"] == {}
    assert {change["interval"] for change in document["changes"]} == {None}
    assert document["changes"][0]["reason"] == "a run was saved without its probes"


def test_what_failed_is_the_verdict(tmp_path: Path) -> None:
    one = saved(tmp_path / "a", calm())
    document = compared(compare(one.run, one.run), one, one, ["rtt.p99>+10%: +12%"])
    assert document["verdict"] == {"exit_code": 1, "failed": ["rtt.p99>+10%: +12%"]}
    VALID.validate(document)


def test_runs_without_a_reply_can_be_compared(tmp_path: Path) -> None:
    document = pair(tmp_path, [lost(0)], [])
    VALID.validate(document)
    assert rendered(sidebyside(document, 60), width=60, color=False)


def test_a_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    loaded = saved(tmp_path / "a", noisy(1, probes=50))
    assert loaded.remark is None
    text = (tmp_path / "a").read_text()
    (tmp_path / "a").write_text(text[: len(text) // 4])
    assert "breaks off" in (again(tmp_path / "a").remark or "")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no run")
    with pytest.raises(UsageError, match="line 1: it is not JSON"):
        load(str(tmp_path / "a"))


AFTER = {
    "slower": (noisy(2, 50_000, losses=12), True),
    "alike": (noisy(2), True),
    "stamped": (noisy(2, 100_000, kernel=False), False),
}


@pytest.fixture(scope="module", params=list(AFTER))
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Document]:
    after, whole = AFTER[request.param]
    return request.param, pair(tmp_path_factory.mktemp("runs"), noisy(1), after, whole=whole)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_comparison_looks_as_it_did(comparison: tuple[str, Document], width: int) -> None:
    name, document = comparison
    looks_as_it_did(f"compare-{name}-{width}", rendered(sidebyside(document, width), width=width, color=False), width)


def test_runs_of_different_kinds_are_told_apart_by_their_options(tmp_path: Path) -> None:
    before = saved(tmp_path / "before", calm())
    settings = {**START.settings, "connect_only": True, "connections": 4, "interval_ms": 5.0}
    after = saved(tmp_path / "after", calm(), START._replace(settings=settings))
    document = compared(compare(before.run, after.run), before, after)
    shown = rendered(sidebyside(document, 200), width=200, color=False)
    assert (
        "different kinds (--connect-only in the second alone; connections 1 and 4; interval 200 ms and 5 ms)" in shown
    )
