"""Runs as continuous integration and collectors read them: JUnit, GitHub's annotations, OpenMetrics."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from netecho.errors import OutputError
from netecho.measure.criteria import ALWAYS
from netecho.report.formats.github import GithubReporter, annotated, markdown
from netecho.report.formats.junit import junit
from netecho.report.formats.openmetrics import openmetrics
from netecho.report.formats.verdict import of_comparison, of_run
from netecho.report.output import Output
from tests.report.test_golden import RUNS

if TYPE_CHECKING:
    from pathlib import Path

    from netecho.report.document.model import Document

HOSTILE = "x\x1b[2J]]>\n%0A::error::\"'<&`|"


def run(
    name: str = "calm", failed: tuple[str, ...] = (), asked: tuple[str, ...] = (), label: str | None = None
) -> Document:
    document = RUNS[name]
    return {
        **document,
        "label": label,
        "settings": {**document["settings"], "fail_if": list(asked)},
        "verdict": {"exit_code": int(bool(failed)), "failed": list(failed)},
    }


class TestJunit:
    def suite(self, document: Document) -> ET.Element:
        root = ET.fromstring(junit(of_run(document)))
        assert root.tag == "testsuites"
        (suite,) = root
        return suite

    def test_each_criterion_is_a_case(self) -> None:
        suite = self.suite(run(failed=("rtt.p99>1us: 0.1 ms",), asked=("rtt.p99>1us", "loss>1%")))
        met = {case.get("name"): case.find("failure") is None for case in suite.iter("testcase")}
        always = {f"fail-if {each}": True for each in ALWAYS}
        assert met == always | {"fail-if rtt.p99>1us": False, "fail-if loss>1%": True}
        counts = (suite.get("tests"), suite.get("failures"), suite.get("errors"))
        assert counts == (str(len(ALWAYS) + 2), "1", "0")

    def test_a_failure_says_what_was_measured(self) -> None:
        (failure,) = self.suite(run(failed=("received<1: 0",))).iter("failure")
        failed, counts, times = (failure.text or "").split("; ")
        assert failed == "0"
        assert re.fullmatch(r"\d+ sent, \d+ received, \d+ lost", counts)
        assert re.fullmatch(r"rtt p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms", times)

    def test_figures_are_properties_and_none_is_left_out(self) -> None:
        names = {each.get("name"): each.get("value") for each in self.suite(run()).iter("property")}
        assert names["rtt.p99_ms"] == str(RUNS["calm"]["rtt"]["p99_ms"])
        assert "None" not in names.values()

    def test_what_the_published_schema_asks_of_order_and_attributes(self) -> None:
        suite = self.suite(run())
        assert {each.tag for each in suite} == {"properties", "testcase"}
        assert {"name", "tests", "failures", "errors"} <= suite.attrib.keys()
        assert re.fullmatch(r"[0-9]*\.[0-9]{3}", suite.get("time", ""))

    def test_several_runs_are_a_suite_each_and_the_whole_adds_up(self) -> None:
        verdicts = [of_run(run(label="a")), of_run(run(label="b", failed=("loss>1%: 2%",), asked=("loss>1%",)))]
        root = ET.fromstring(junit(*verdicts))
        assert [(suite.get("name"), suite.get("failures")) for suite in root] == [("a", "0"), ("b", "1")]
        assert root.get("failures") == "1"
        assert root.get("tests") == str(sum(int(suite.get("tests", "")) for suite in root))

    def test_nothing_in_a_document_breaks_out(self) -> None:
        text = junit(of_run(run(label=HOSTILE, failed=(HOSTILE,))))
        assert "\x1b" not in text
        assert ET.fromstring(text).tag == "testsuites"


class TestGithub:
    def test_a_run_that_passed_is_a_notice(self) -> None:
        assert annotated(of_run(run())).startswith("::notice title=netecho udp%3A//")

    def test_each_criterion_that_was_not_met_is_an_error(self) -> None:
        lines = annotated(of_run(run(failed=("loss>1%", "rtt.max>1ms")))).splitlines()
        assert [line.partition(" ")[0] for line in lines] == ["::error", "::error"]
        assert "fail-if loss>1%25: " in lines[0]

    def test_a_criterion_cannot_add_a_command(self) -> None:
        text = annotated(of_run(run(failed=(HOSTILE,))))
        assert text.count("\n") == 1
        assert "\x1b" not in text

    def test_the_summary_of_the_step_is_added_to_its_file(self, tmp_path: Path) -> None:
        file = tmp_path / "summary.md"
        file.write_text("before\n")
        out = io.StringIO()
        reporter = GithubReporter(Output(out, out, environ={}), {"GITHUB_STEP_SUMMARY": str(file)})
        reporter.finished(run())
        reporter.finished(run(failed=("loss>1%",)))
        text = file.read_text()
        assert text.startswith("before\n### netecho udp://")
        assert text.count("| `rtt.p99_ms` |") == 2
        assert "- **failed**: fail-if loss\\>1%" in text

    def test_a_summary_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        out = io.StringIO()
        reporter = GithubReporter(Output(out, out, environ={}), {"GITHUB_STEP_SUMMARY": str(tmp_path)})
        with pytest.raises(OutputError, match="could not be written"):
            reporter.finished(run())

    def test_a_cell_stays_a_cell(self) -> None:
        rows = [
            line
            for line in markdown(of_run(run(label=HOSTILE, failed=(HOSTILE,)))).splitlines()
            if line.startswith("|")
        ]
        assert all(line.replace("\\|", "").count("|") == 3 for line in rows)


class TestOpenmetrics:
    LINE = re.compile(
        r'(netecho_\w+)\{target="((?:[^"\\\n]|\\.)*)"(?:,label="(?:[^"\\\n]|\\.)*")?'
        r'(?:,quantile="[\d.]+")?\} (-?[\d.e-]+)'
    )

    @pytest.mark.parametrize("name", RUNS)
    def test_every_line_is_a_sample_or_tells_of_one(self, name: str) -> None:
        lines = openmetrics(run(name)).splitlines()
        assert lines[-1] == "# EOF"
        told: set[str] = set()
        for line in lines[:-1]:
            if line.startswith("# TYPE "):
                _, _, family, kind = line.split(" ")
                assert family not in told
                assert kind in ("gauge", "summary")
                told.add(family)
            elif not line.startswith("# HELP "):
                sample = self.LINE.fullmatch(line)
                assert sample, line
                assert re.sub(r"_(sum|count)$", "", sample[1]) in told

    @pytest.mark.parametrize("names", [(name,) for name in RUNS] + [tuple(RUNS), ("calm", "calm")])
    def test_the_reference_parser_reads_every_sample(self, names: tuple[str, ...]) -> None:
        text = openmetrics(*(run(name, label=HOSTILE) for name in names))
        families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
        samples = [sample for family in families for sample in family.samples]
        assert len(samples) == sum(not line.startswith("#") for line in text.splitlines())
        assert {sample.labels["label"] for sample in samples} == {HOSTILE}
        (sent,) = (family for family in families if family.name == "netecho_probes_sent")
        assert [sample.value for sample in sent.samples] == [RUNS[name]["probes"]["sent"] for name in names]
        assert len({tuple(sample.labels.items()) for sample in sent.samples}) == len(names)

    def test_times_are_seconds(self) -> None:
        text = openmetrics(run())
        p99 = RUNS["calm"]["rtt"]["p99_ms"] / 1e3
        assert f'quantile="0.99"}} {p99:.9f}' in text

    @pytest.mark.parametrize(("failed", "code"), [((), 0), (("loss>1%: 2%",), 1)])
    def test_what_the_run_came_to_is_its_exit_code(self, failed: tuple[str, ...], code: int) -> None:
        (line,) = (
            each for each in openmetrics(run(failed=failed)).splitlines() if each.startswith("netecho_exit_code{")
        )
        assert line.endswith(f"}} {code}")

    def test_what_was_not_measured_is_left_out(self) -> None:
        nothing = {**run(), "rtt": {**RUNS["calm"]["rtt"], "count": 0}}
        assert "netecho_rtt_seconds" not in openmetrics(nothing)

    def test_labels_are_quoted(self) -> None:
        for line in openmetrics(run(label='a"b\\c\nd')).splitlines():
            assert line.startswith("#") or self.LINE.fullmatch(line)


class TestComparison:
    def test_a_change_that_was_asked_about_is_a_case_and_every_change_has_figures(self) -> None:
        change = {"metric": "rtt.p99", "before": 1.0, "after": 2.0, "percent": 100.0}
        nothing = {"metric": "tls.p99", "before": None, "after": None, "percent": None}
        end = {"file": "a", "label": "new", "target": {"url": "udp://h:7"}, "started": "2026-11-23T05:40:00.123456Z"}
        document = {
            "before": {**end, "file": "b"},
            "after": end,
            "changes": [change, nothing],
            "verdict": {"exit_code": 1, "failed": ["rtt.p99>+10%: +100%"]},
        }
        verdict = of_comparison(document, ["rtt.p99>+10%", "loss>+1%"])
        assert [(case.name, case.met) for case in verdict.cases] == [
            ("fail-if rtt.p99>+10%", False),
            ("fail-if loss>+1%", True),
        ]
        assert verdict.figures == {"rtt.p99.before": 1.0, "rtt.p99.after": 2.0, "rtt.p99.percent": 100.0}
        assert ET.fromstring(junit(verdict)).get("failures") == "1"
        assert annotated(verdict) == "::error title=netecho new::fail-if rtt.p99>+10%25: +100%25; b and a\n"
