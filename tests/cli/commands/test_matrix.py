"""`netecho matrix`: what is asked of Prometheus, what is printed of its answers, and how it ends."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest

from netecho.report.document import schema
from netecho.report.prometheus import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho

WINDOW = "300000ms"
HOSTILE = "\x1b[31mx\x07"


def vector(*series: tuple[dict[str, str], float]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [0, str(value)]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def pair(node: str, target: str, **more: str) -> dict[str, str]:
    return {"node": node, "target": target, **more}


MESH = {
    "nodes": vector(({"node": "ams"}, 1), ({"node": "fra"}, 1), ({"node": HOSTILE}, 1)),
    "p50": vector((pair("ams", "fra"), 0.0125)),
    "p99": vector((pair("ams", "fra"), 0.025)),
    "received": vector((pair("ams", "fra"), 300)),
    "lost": vector((pair("ams", "fra", direction="forward"), 3), (pair("ams", "fra", direction="unknown"), 0)),
    "state": vector((pair("ams", "fra", state="up"), 1), (pair("fra", "ams", state="down"), 1)),
    "oneway_p50": vector((pair("ams", "fra", direction="forward"), 0.005)),
    "oneway_p99": vector(),
}


class Answering(BaseHTTPRequestHandler):
    answers: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        (query,) = parse_qs(urlsplit(self.path).query)["query"]
        what = next(name for name, text in queries.mesh(WINDOW).items() if text == query)
        content = json.dumps(self.answers.get(what, vector())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def answers() -> dict[str, dict[str, Any]]:
    return MESH


@pytest.fixture
def prometheus(answers: dict[str, dict[str, Any]]) -> Iterator[str]:
    handler = type("Handler", (Answering,), {"answers": answers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
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
