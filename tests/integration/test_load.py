"""`netecho load` as its users have it: with all of it there, with parts of it, with none."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from netecho.report.document import schema
from tests.namespace import namespace
from tests.peers import needed, permitted
from tests.server import LOOPBACK, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Netecho

SHORT = ("-t", "1s", "--max-bytes", "60M", "--json", "-q")


def valid(document: dict[str, Any]) -> dict[str, Any]:
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(document)
    return document


def test_all_phases_and_the_run_printed_again(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    ended = netecho("load", "self", *SHORT, "--save", str(file), "--fail-if", "upload.goodput<1,idle.loss>99%")
    document = valid(ended.document)
    assert ended.code == 0, ended
    assert document["idle"]["forward"]["count"] > 0
    assert document["download"]["download"]["bytes"] > 0
    assert document["upload"]["upload"]["bytes"] > 0
    assert document["both"]["goodput_bps"] > 0
    again = netecho("report", str(file))
    assert (again.code, again.err) == (0, "")
    assert document["sentence"] in again.out.replace("\n", " ")
    packed = tmp_path / "run.json.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    compared = netecho("compare", str(packed), str(file), "--json")
    changes = {each["metric"]: each for each in valid(compared.document)["changes"]}
    assert changes["upload.rtt.p50"]["within_noise"] is True
    assert changes["upload.goodput"]["before"] == document["upload"]["goodput_bps"]
    criteria = "--fail-if", "raw:upload.goodput>=-1%,upload.rtt.p50>+noise,idle.lag.p99>+1h"
    held = netecho("compare", str(file), str(packed), "--format", "junit", *criteria)
    assert (held.code, held.err) == (1, "netecho: failed: raw:upload.goodput>=-1%: 0%\n")
    assert 'failures="1"' in held.out
    unfit = netecho("compare", str(file), str(packed), "--fail-if", "rtt.p50>+1%")
    assert (unfit.code, "'rtt.p50' is no figure of these runs, which are of load" in unfit.err) == (2, True)


MARKED = """
table inet marked {
  counter probes {}
  counter load {}
  chain output {
    type filter hook output priority filter
    ip dscp ef meta l4proto udp counter name probes
    ip dscp ef meta l4proto tcp counter name load
  }
}
"""


def test_probes_are_marked_and_the_load_is_not(netecho: Netecho, tmp_path: Path) -> None:
    needed("nft")
    rules = tmp_path / "rules"
    rules.write_text(MARKED)
    with namespace() as alone:
        alone.run("nft", "-f", str(rules))
        netecho.prefix = alone.prefix
        ended = netecho("load", "self", *SHORT, "-4", "--direction", "upload", "--dscp", "EF")
        counters = json.loads(alone.run("nft", "--json", "list", "counters"))["nftables"]
    packets = {each["counter"]["name"]: each["counter"]["packets"] for each in counters if "counter" in each}
    document = valid(ended.document)
    assert (ended.code, document["dscp"], document["upload"]["upload"]["bytes"] > 0) == (0, 46, True)
    assert packets["probes"] >= document["idle"]["rtt"]["count"] + document["upload"]["rtt"]["count"]
    assert packets["load"] == 0


def test_over_tls_with_a_key_that_is_pinned(netecho: Netecho) -> None:
    with serving(netecho, "nqs://127.0.0.1:0") as server:
        target, pin = f"nqs://{LOOPBACK}:{server.port['nqs']}", server.pins["nqs"]
        document = valid(netecho("load", target, *SHORT, "--direction", "upload", "--pin", pin).document)
        assert document["upload"]["upload"]["bytes"] > 0
        assert document["upload"]["responsiveness"]["rpm"] > 0


def test_a_wrong_token_is_said_and_the_rest_measured(netecho: Netecho, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    with serving(netecho, "nq://127.0.0.1:0", "--token-file", str(token)) as server:
        target = f"{LOOPBACK}:{server.port['nq']}"
        refused = netecho("load", target, *SHORT, "--direction", "both")
        document = valid(refused.document)
        assert (refused.code, "nothing was loaded: the far end answered 401" in refused.err) == (3, True), refused
        assert document["idle"]["rtt"]["count"] > 0
        for direction in ("download", "upload"):
            assert "401" in document["both"][direction]["ended"]
        right = netecho("load", target, *SHORT, "--direction", "download", "--token-file", str(token))
        assert right.document["download"]["download"]["bytes"] > 0
        assert right.code == 0, right


def test_without_the_service_what_there_is_is_used(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        # To connect there is a probe; there is no load, which is what was asked for.
        ended = netecho("load", f"{LOOPBACK}:{server.port['tcp']}", *SHORT)
    document = valid(ended.document)
    assert (ended.code, "nothing was loaded: /.well-known/nq" in ended.err) == (3, True), ended
    assert document["idle"]["rtt"]["count"] > 0
    assert {each["what"] for each in document["not_tested"]} >= {"download", "upload", "both"}


def test_nobody_there(netecho: Netecho) -> None:
    ended = netecho("load", "127.77.0.1:1", *SHORT)
    assert ended.code == 3
    assert "answers nothing" in ended.err
    assert valid(ended.document)["idle"] is None


@contextlib.contextmanager
def files(directory: Path) -> Iterator[int]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), partial(Quiet, directory=str(directory))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_download_half_against_any_http_server(netecho: Netecho, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(4 << 20))
    (tmp_path / "page").write_bytes(b"hello")
    with files(tmp_path) as port:
        url = f"http://{LOOPBACK}:{port}"
        large = valid(netecho("load", f"{LOOPBACK}:{port}", *SHORT, "--url", f"{url}/large").document)
        page = netecho("load", f"{LOOPBACK}:{port}", *SHORT, "--url", f"{url}/page").document
    assert large["download"]["download"]["bytes"] > 4 << 20
    assert large["upload"] is None
    assert large["verdict"]["exit_code"] == 0
    assert page["download"] is None
    assert page["verdict"]["exit_code"] == 3
    reasons = {each["what"]: each["reason"] for each in page["not_tested"]}
    assert reasons["download"].endswith("/page: the large resource has 5 bytes: that is a page, and no load")


def test_ctrl_c_keeps_what_was_measured(netecho: Netecho) -> None:
    with serving(netecho, "nq://127.0.0.1:0") as server:
        target = f"{LOOPBACK}:{server.port['nq']}"
        program = netecho.start("load", target, "--direction", "upload", "-t", "10m", "--json", "-q")
        for _ in range(10):  # it asked what there is, found what answers, and has begun with its probes
            server.program.event_named("connected")
        if permitted("chrt", "-f", "1", "true"):  # the probes are on time: see `net.linux.realtime`
            assert os.sched_getscheduler(program.process.pid) & os.SCHED_FIFO
        program.process.send_signal(signal.SIGINT)
        ended = program.end()
    assert ended.code == 0, ended
    document = valid(ended.document)
    assert document["interrupted"] is True
    assert document["idle"]["probes"]["sent"] > 0
