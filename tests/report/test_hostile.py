"""A file that passes for a run may still say anything: nothing in it may end the program or reach the terminal raw."""

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from netecho.report import schema
from netecho.report.headline import headline
from netecho.report.model import Document
from netecho.report.restored import start_of, summary_of
from netecho.report.summary import rendered, summary
from tests.report.runs import STAMP
from tests.report.test_golden import RUNS
from tests.report.test_schema import paths

WHOLE: Document = {**RUNS["troubled"]}
for run in ("sweep", "connecting"):
    WHOLE |= {key: RUNS[run][key] for key in ("sizes", "udp", "tls", "tcp", "connections") if key in RUNS[run]}
WHOLE["stamp"] = STAMP
PATHS = paths(WHOLE)[1:]
NUMBERS: list[Any] = [10**400, 10**18, -1, 1e300, 5e-324, -0.0]
ODD = [*NUMBERS, True, None, "\x1b[2J", "2026-99-99", [], {}, [[1, 0, 1]], [[0, 0, 1]]]

junk = st.sampled_from(ODD) | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PATHS), junk), min_size=1, max_size=3))
def test_what_the_schema_lets_through_can_be_printed(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = json.loads(json.dumps(WHOLE))
    for path, value in changes:
        inside = document
        for key in path[:-1]:
            inside = inside[key] if isinstance(inside, dict | list) and _has(inside, key) else {}
        if isinstance(inside, dict) or (isinstance(inside, list) and _has(inside, path[-1])):
            inside[path[-1]] = value
    if schema.complaint(document, "document") is not None:
        return
    shown = rendered(summary(document, 60, histogram=True), width=60, color=False) + headline(document)
    assert "\x1b" not in shown
    summary_of(document)
    try:
        start_of(document)
    except ValueError:
        assert document["started"] != WHOLE["started"]


def _has(inside: Any, key: Any) -> bool:
    return key in inside if isinstance(inside, dict) else isinstance(key, int) and key < len(inside)
