"""What the far end says that it has; whatever it says."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from netecho.errors import UsageError
from netecho.net.client.job import TlsOptions
from netecho.net.load.asking import Resource
from netecho.net.load.far_end import ask, of_url
from netecho.net.load.http_flow import LEAST
from netecho.target import Target
from tests.certificates import issue
from tests.net.load.https import Said, answering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    assert found.small == Resource(address="127.0.0.1", port=80, host="127.0.0.1", path="/s", name="127.0.0.1")
    assert found.download == Resource(
        address="127.0.0.1", port=81, host="127.0.0.1:81", path="/l?n=1", name="127.0.0.1"
    )
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
        (b'{"urls": {"large_download_url": "ftp://127.0.0.1/l"}}', 200, "ftp:// is not supported for load: http:// or"),
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


def test_a_redirect_of_the_configuration_is_followed() -> None:
    urls = json.dumps({"urls": {"large_download_url": "http://127.0.0.1/l"}}).encode()
    with answering({"/.well-known/nq": Said(status=302, location="/nq.json"), "/nq.json": Said(urls)}) as far:
        found = ask(Target("nq", "127.0.0.1", far.port))
    assert found.download is not None
    assert found.download.path == "/l"


def test_a_certificate_that_is_not_trusted_is_the_reason(tmp_path: Path) -> None:
    with answering({}, issue("far"), tmp_path) as far:
        found = ask(Target("nqs", "127.0.0.1", far.port))
    assert found.missing[0].reason.startswith(
        "TLS: the certificate of 127.0.0.1 is signed by itself, and not trusted (to trust this very key: --pin sha256:"
    )


def test_a_file_of_certificates_that_cannot_be_read_is_a_mistake_in_usage() -> None:
    with answering({}) as far, pytest.raises(UsageError, match=r"--ca nowhere\.pem: no such file"):
        ask(Target("nqs", "127.0.0.1", far.port), TlsOptions(ca="nowhere.pem"))


def test_a_url_is_the_download_half_where_it_redirects_to() -> None:
    answers = {"/large": Said(status=302, location="/mirror?of=1"), "/mirror?of=1": Said(length=LEAST)}
    with answering(answers) as far:
        found = of_url(f"{far.url}/large", token="t")
    assert found.download is not None
    assert found.download.path == "/mirror?of=1"
    assert {each.what for each in found.missing} == {"upload", "both"}
    assert far.asked == [("/large", "Bearer t"), ("/mirror?of=1", "Bearer t")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/page", "the large resource has 5 bytes: that is a page, and no load"),
        ("/nowhere", "the server answers 404"),
    ],
)
def test_a_url_that_is_no_load_is_a_reason(path: str, reason: str) -> None:
    with answering({"/page": Said(b"hello")}) as far:
        found = of_url(f"{far.url}{path}")
    assert found.download is None
    assert found.address == "127.0.0.1"
    assert {each.what: each.reason for each in found.missing}["download"] == f"--url {far.url}{path}: {reason}"


def test_a_url_that_nobody_answers() -> None:
    assert "ftp:// is not supported" in of_url("ftp://127.0.0.1/x").missing[0].reason
    assert "Connection refused" in of_url("http://127.77.0.1:1/").missing[0].reason
