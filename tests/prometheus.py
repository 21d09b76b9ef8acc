"""A Prometheus that has a mesh: it answers what `netecho matrix` asks, over the last 5 min or day.

python -m tests.prometheus PORT
"""

from __future__ import annotations

import json
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from netecho.report.prometheus import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

Answer = dict[str, Any]
HOSTILE = "\x1b[31mx\x07"
WINDOWS = ("300000ms", "86400000ms")


def vector(*series: tuple[dict[str, str], float]) -> Answer:
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
"""Two nodes of which the one is cut off on its way out, and one with a hostile name."""


class _Asked(BaseHTTPRequestHandler):
    def __init__(self, answers: Mapping[str, Answer], *args: Any) -> None:
        self._answers = answers
        super().__init__(*args)

    def do_GET(self) -> None:
        (query,) = parse_qs(urlsplit(self.path).query)["query"]
        known = [(text, what) for window in WINDOWS for what, text in queries.mesh(window).items()]
        content = json.dumps(self._answers.get(dict(known)[query], vector())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


def server(answers: Mapping[str, Answer] = MESH, *, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """One that is bound, and still to be served."""
    return ThreadingHTTPServer((host, port), partial(_Asked, answers))


if __name__ == "__main__":
    with server(port=int(sys.argv[1])) as answering:
        print("listening", flush=True)
        answering.serve_forever()
