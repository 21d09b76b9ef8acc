"""A document that lacks what was added to the schema since is read as one that has seen none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from netecho.report.document.load import shape
from netecho.report.document.older import completed
from netecho.report.document.reader import replay
from netecho.report.document.schema import complaint
from tests.load.runs import whole
from tests.report.test_golden import RUNS

if TYPE_CHECKING:
    from pathlib import Path

    from netecho.report.document.model import Document

ADDED = ("loss_by_reason", "outages", "unavailable_ms", "gone_ms", "suspended_ms")


def old(name: str) -> Document:
    document = {key: value for key, value in RUNS[name].items() if key not in (*ADDED, "timeline")}
    document["probes"] = {
        key: value
        for key, value in document["probes"].items()
        if key not in ("stray_bytes", "dropped_here", "not_sent")
    }
    for parts in ("sizes", "flows"):
        if parts in document:
            document[parts] = [{key: part[key] for key in part if key != "dropped_here"} for part in document[parts]]
    return document


@pytest.mark.parametrize("name", RUNS)
def test_an_older_document_is_completed(name: str) -> None:
    assert complaint(old(name), "document") is not None
    assert complaint(completed(old(name)), "document") is None


def test_it_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(old("calm")))
    read = replay(str(file)).document
    assert read["probes"]["not_sent"] == 0
    assert list(read).index("loss_by_reason") == list(read).index("probes") + 1


def test_so_is_one_of_load(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps({key: value for key, value in shape(whole()).items() if key != "dscp"}))
    assert replay(str(file), others=True).document["dscp"] is None


def test_what_is_there_stays() -> None:
    assert completed(RUNS["troubled"]) == RUNS["troubled"]
    assert completed({"probes": 3}) == {"probes": 3}
