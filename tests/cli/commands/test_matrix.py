"""`netecho matrix`: what is asked of Prometheus, what is printed of its answers, and how it ends."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import jsonschema
import pytest

from netecho.report.document import schema
from tests.prometheus import MESH, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho
    from tests.prometheus import Answer


@pytest.fixture
def answers() -> dict[str, Answer]:
    return MESH


@pytest.fixture
def prometheus(answers: dict[str, Answer]) -> Iterator[str]:
    with server(answers) as answering:
        thread = threading.Thread(target=answering.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{answering.server_port}"
        answering.shutdown()
        thread.join()


def test_a_mesh_in_every_format(netecho: Netecho, prometheus: str) -> None:
    ended = netecho("matrix", "--prometheus", prometheus)
    assert (ended.code, ended.err) == (0, "")
    assert "3 nodes, the last 5 min" in ended.out
    assert next(line.split() for line in ended.out.splitlines() if line.startswith("ams")) == ["ams", "?", "12.500"]
    assert "0.99%" in ended.out
    assert "fra to ams: down" in ended.out
    assert "\x1b" not in ended.out
    document = netecho("matrix", "--prometheus", prometheus, "--json").document
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(document)
    (ams, fra) = document["cells"]
    assert (ams["node"], ams["target"], ams["p50_ms"], ams["lost"]) == ("ams", "fra", 12.5, 3)
    assert ams["one_way"] == {"p50_ms": 5.0, "p99_ms": None, "loss_percent": 0.990099}
    assert (fra["state"], fra["p50_ms"], fra["one_way"]) == ("down", None, None)
    rows = netecho("matrix", "--prometheus", prometheus, "--format", "csv").out.splitlines()
    assert rows[1:] == ["ams,fra,up,12.5,25.0,0.990099,5.0,,3.0,,,", "fra,ams,down,,,,,,,,,"]


@pytest.mark.parametrize("answers", [{}])
def test_without_a_figure_it_says_so(netecho: Netecho, prometheus: str) -> None:
    ended = netecho("matrix", "--prometheus", prometheus)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "netecho: there are no figures of a node: is it netecho monitor --node NAME that is scraped?\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("", 2, "there is nothing to ask"),
        ("--prometheus host:9090", 2, "--prometheus: 'host:9090' is not the URL of a Prometheus"),
        ("--prometheus http://127.0.0.1:9 --window 10ms", 2, "a --window below 1 s has no figures"),
        ("--prometheus http://127.0.0.1:9 -W 0", 2, "a --timeout of 0 waits for no answer"),
        ("--prometheus http://127.0.0.1:1", 3, "http://127.0.0.1:1 cannot be reached: Connection refused"),
    ],
)
def test_what_is_wrong_is_a_sentence(netecho: Netecho, arguments: str, code: int, sentence: str) -> None:
    ended = netecho("matrix", *arguments.split())
    assert ended.code == code
    assert ended.err.splitlines()[0] == f"netecho: {sentence}"
