"""What the far end says that it has; whatever it says."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from netecho.net.load.far_end import Resource, ask, of_url
from netecho.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def saying(content: bytes, status: int = 200) -> Iterator[int]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


def test_the_resources_by_the_names_of_the_draft_and_those_of_before() -> None:
    urls = {
        "small_https_download_url": "http://127.0.0.1/s",
        "large_download_url": "http://127.0.0.1:81/l?n=1",
        "upload_url": "http://127.0.0.1:82/u",
    }
    with saying(json.dumps({"version": 1, "urls": urls}).encode()) as port:
        found = ask(Target("nq", "127.0.0.1", port))
    assert found.small == Resource(address="127.0.0.1", port=80, host="127.0.0.1", path="/s")
    assert found.download == Resource(address="127.0.0.1", port=81, host="127.0.0.1:81", path="/l?n=1")
    assert found.upload is not None
    assert found.missing == ()
    assert found.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"<html>", 200, "is not what the draft has there"),
        (b"[]", 200, "is not what the draft has there"),
        (b'{"urls": 5}', 200, "is not what the draft has there"),
        (b"", 404, "answers 404: no load service"),
        (
            b'{"urls": {"large_download_url": "https://127.0.0.1/l"}}',
            200,
            "https:// is not supported for load: http://",
        ),
        (b'{"urls": {"large_download_url": "http://127.0.0.1/a b"}}', 200, "its path has characters"),
        (b'{"urls": {"large_download_url": "http://127.0.0.1:99999/"}}', 200, "ort"),
        (b'{"urls": {"large_download_url": 7}}', 200, "no:// is not supported"),
    ],
)
def test_what_it_has_not_is_a_reason_and_no_error(content: bytes, status: int, reason: str) -> None:
    with saying(content, status) as port:
        found = ask(Target("nq", "127.0.0.1", port))
    assert found.download is None
    reasons = {each.what: each.reason for each in found.missing}
    assert reason in reasons["download"]
    assert {"upload", "both"} <= reasons.keys()


def test_nobody_there() -> None:
    found = ask(Target("nq", "127.77.0.1", 1))
    assert "Connection refused" in found.missing[0].reason


def test_a_url_is_the_download_half() -> None:
    found = of_url("http://127.0.0.1/large")
    assert found.download is not None
    assert {each.what for each in found.missing} == {"upload", "both"}
    assert "ftp:// is not supported" in of_url("ftp://127.0.0.1/x").missing[0].reason
