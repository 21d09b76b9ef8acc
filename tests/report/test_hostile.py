"""A file that passes for a run may still say anything: nothing in it may end the program or reach the terminal raw."""

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from netecho.report.document import schema
from netecho.report.document.decode import start_of, summary_of
from netecho.report.document.model import Document
from netecho.report.terminal.headline import headline
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.summary import summary
from tests.report.document.test_schema import paths
from tests.report.runs import STAMP
from tests.report.test_golden import RUNS

DOCUMENTS: list[Document] = [RUNS[name] for name in ("troubled", "sweep", "connecting")]
_PORT = {"address": "192.0.2.1", "port": 40_000}
_ENDS = {"here": _PORT, "there": {"address": None, "port": 862}}
_COUNTS = {"not-ect": 1, "ect1": 0, "ect0": 2, "ce": 3}
DOCUMENTS.append(
    {
        **RUNS["calm"],
        "stamp": {**STAMP, "location": {"source": _ENDS, "destination": _ENDS, "changes": 1}},
        "ecn": {"sent": "ect0", "forward": _COUNTS, "backward": _COUNTS},
        "flows": [
            {"connection": n, "local": _PORT} | {key: value for key, value in size.items() if key != "size"}
            for n, size in enumerate(RUNS["sweep"]["sizes"])
        ],
    }
)
PLACES = [(document, path) for document in DOCUMENTS for path in paths(document)[1:]]
NUMBERS: list[Any] = [10**400, 10**18, -1, 1e300, 5e-324, -0.0]
ODD = [*NUMBERS, True, None, "\x1b[2J", "2026-99-99", [], {}, [[1, 0, 1]], [[0, 0, 1]]]

junk = st.sampled_from(ODD) | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)


def test_any_string_of_a_document_is_safe_where_it_is_shown() -> None:
    """Wherever the schema lets one stand, and where it lets none."""

    def hostile(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: hostile(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [hostile(inner) for inner in value]
        return f"{value}\x1b[2J" if isinstance(value, str) else value

    for document in DOCUMENTS:
        obeyed = hostile(document | {"settings": document["settings"] | {"size": "64"}})
        shown = rendered(summary(obeyed, 60, histogram=True), width=60, color=False)
        assert "\x1b" not in shown + headline(obeyed)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), junk)
def test_what_the_schema_lets_through_can_be_printed(place: tuple[Document, tuple[Any, ...]], value: Any) -> None:
    document = json.loads(json.dumps(place[0]))
    inside = document
    for key in place[1][:-1]:
        inside = inside[key]
    inside[place[1][-1]] = value
    if schema.complaint(document, "document") is not None:
        return
    shown = rendered(summary(document, 60, histogram=True), width=60, color=False) + headline(document)
    assert "\x1b" not in shown
    summary_of(document)
    try:
        start_of(document)
    except ValueError:
        assert place[1] == ("started",)
