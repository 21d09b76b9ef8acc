"""What a run leaves behind: its exit code, what is said of it, and the files it was to be kept in."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hdrh.log import HistogramLogReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A probe resets its connection when it is done."""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


FAST = ("-c", "5", "-i", "1ms")


def test_a_run_that_meets_every_criterion(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "--json", "--fail-if", "rtt.p99>10s,loss>0%", "--fail-if", "late>0")
    assert (ended.code, ended.err) == (0, "")
    assert ended.document["verdict"] == {"exit_code": 0, "failed": []}
    assert ended.document["settings"]["fail_if"] == ["rtt.p99>10s", "loss>0%", "late>0"]
    assert ended.document["probes"]["received"] == 5


def test_each_criterion_that_failed_is_said_with_the_value_measured(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "--json", "--fail-if", "received>=5, resolve>1s, loss>50%")
    assert ended.code == 1
    assert ended.err.splitlines() == ["netecho: failed: received>=5: 5", "netecho: failed: resolve>1s: no value"]
    assert ended.document["verdict"] == {"exit_code": 1, "failed": ["received>=5: 5", "resolve>1s: no value"]}


def test_asked_for_silence_the_exit_code_speaks(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "-qq", "--fail-if", "received>=5")
    assert (ended.code, ended.out, ended.err) == (1, "", "")
    assert netecho("probe", target, *FAST, "-qq").code == 0


def test_a_target_that_is_not_there(netecho: Netecho, tmp_path: Path) -> None:
    missing = f"unix:{tmp_path}/nobody"
    ended = netecho("probe", missing)
    assert (ended.code, ended.out) == (3, "")
    first, second = ended.err.splitlines()
    assert first.startswith("netecho: ")
    assert missing.removeprefix("unix:") in first
    assert second.startswith("  ")
    assert netecho("probe", missing, "-qq").err == ""


def test_a_saved_run_is_printed_again_as_it_was(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved = str(tmp_path / "run.ndjson")
    printed = netecho("probe", target, *FAST, "--json", "--save", saved, "--label", "before").document
    assert netecho("report", saved, "--json").document == printed
    rows = netecho("report", saved, "--format", "csv").out.splitlines()
    assert len(rows) == 6
    assert netecho("report", saved, "--format", "ndjson").out == (tmp_path / "run.ndjson").read_text()
    text = netecho("report", saved)
    assert (text.code, text.err) == (0, "")
    assert "5 probes of 64 bytes" in text.out
    assert netecho("report", saved, saved).out == f"{text.out}\n{text.out}"


def test_a_run_that_was_killed_is_read_up_to_where_it_ends(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved = tmp_path / "run.ndjson"
    netecho("probe", target, *FAST, "-q", "--save", str(saved))
    whole = saved.read_bytes()
    saved.write_bytes(whole[: whole.index(b'"seq": 3')])
    ended = netecho("report", str(saved), "--json")
    assert ended.code == 0
    assert ended.document["probes"]["received"] == 3
    assert ended.err.startswith(f"netecho: '{saved}' breaks off after 3 probes")


def test_figures_alone_make_no_rows(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved = tmp_path / "run.json"
    saved.write_text(netecho("probe", target, *FAST, "--json").out)
    ended = netecho("report", str(saved), "--format", "csv")
    assert ended.code == 2
    assert "has the figures alone" in ended.err


def test_the_histogram_is_kept_for_other_tools(target: str, netecho: Netecho, tmp_path: Path) -> None:
    log = tmp_path / "rtt.hlog"
    document = netecho("probe", target, *FAST, "--json", "--hdr", str(log)).document
    assert log.read_text().startswith("#[netecho: values in nanoseconds]\n#[Histogram log format version 1.3]\n")
    with contextlib.closing(HistogramLogReader(str(log), None)) as reader:  # skips what has a tag
        histogram = reader.get_next_interval_histogram()
    assert histogram.get_total_count() == 5
    assert histogram.get_max_value() / 1e6 == pytest.approx(document["rtt"]["max_ms"], rel=0.001)


def test_a_disk_that_is_full_is_said(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "-q", "--save", "/dev/full")
    assert ended.code == 5
    assert ended.err.splitlines()[0] == "netecho: '/dev/full' could not be written: No space left on device"
    with Path("/dev/full").open("wb") as full:
        ended = netecho.start("probe", target, *FAST, "-q", stdout=full).end()
    assert ended.code == 5
    assert "No space left on device" in ended.err


def test_a_reader_that_goes_away_ends_the_run_quietly(target: str, netecho: Netecho) -> None:
    program = netecho.start("probe", target, "-c", "0", "-i", "1ms", "--format", "ndjson")
    assert json.loads(program.line())["event"] == "start"
    assert program.process.stdout is not None
    program.process.stdout.close()
    program.process.stdout = None
    ended = program.end()
    assert (ended.code, ended.err) == (5, "")
