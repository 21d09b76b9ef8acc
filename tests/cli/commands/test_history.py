"""`netecho monitor --history` and `netecho history`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from netecho.history.rows import Outage
from netecho.history.store import Store
from tests.history.test_store import URL, minute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho


@pytest.fixture
def kept(tmp_path: Path) -> str:
    path = str(tmp_path / "paths.db")
    now = int(time.time())
    store = Store(path)
    store.write([minute(now - 600, 1_000_000, target="fra"), minute(now - 540, 3_000_000, target="ams", lost=1)])
    store.write([minute(now - 200_000, 9_000_000, target="fra")])
    store.write([Outage("ams", URL, (now - 500) * 1000, (now - 440) * 1000, "down", "no answer")])
    store.close()
    return path


def test_text_json_and_csv_of_the_last_day(netecho: Netecho, kept: str) -> None:
    text = netecho("history", kept)
    assert text.code == 0, text
    assert [line.split()[:3] for line in text.out.splitlines()[2:4]] == [["ams", "1", "50%"], ["fra", "1", "0%"]]
    assert "down for 1 min 00 s: no answer" in text.out
    assert [each["target"] for each in netecho("history", kept, "--json").document["targets"]] == ["ams", "fra"]
    rows = netecho("history", kept, "--format", "csv").out.splitlines()
    assert [row.split(",")[0] for row in rows] == ["target", "ams", "fra"]


def test_one_target_and_a_longer_span(netecho: Netecho, kept: str) -> None:
    (fra,) = netecho("history", kept, "fra", "--since", "72h", "--json").document["targets"]
    assert (fra["target"], fra["minutes"], fra["rtt"]["max_ms"]) == ("fra", 2, 9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frq"], "there is no target 'frq' in it\n  did you mean fra?"),
        (["--since", "1x"], "'x' in '1x' is not a unit"),
    ],
)
def test_what_is_wrong_is_said(netecho: Netecho, kept: str, arguments: list[str], said: str) -> None:
    ended = netecho("history", kept, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_file_of_another_program_is_refused_by_both(netecho: Netecho, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("a text\n" * 1000)
    for command in (["history", str(tmp_path / "x.db")], ["monitor", "self", "--history", str(tmp_path / "x.db")]):
        ended = netecho(*command)
        assert ended.code == 2
        assert "is not a history, or it is corrupt" in ended.err


def test_a_monitor_keeps_outages_as_they_happen(netecho: Netecho, tmp_path: Path) -> None:
    path = str(tmp_path / "h.db")
    running = netecho.start("monitor", "tcp://127.0.0.1:1", "-i", "20ms", "--history", path, "--format", "ndjson")
    assert running.event_named("state")["state"] == "unreachable"
    running.terminate()
    assert running.end().code == 0
    (target,) = netecho("history", path, "--json").document["targets"]
    (outage,) = target["outages"]
    assert (outage["state"], outage["ended"]) == ("unreachable", None)


def test_keeping_without_a_file_means_nothing(netecho: Netecho) -> None:
    ended = netecho("monitor", "self", "--keep", "1h")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "netecho: --keep without --history: nothing is kept")
