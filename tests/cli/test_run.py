"""What a run leaves behind: its exit code, what is said of it, and the files it was to be kept in."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import os
import socketserver
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hdrh.log import HistogramLogReader

from netecho.cli.files import ResultFile
from netecho.errors import OutputError
from netecho.report.document import schema
from tests.program import command_line, environment

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
    ended = netecho("probe", target, "-c", "1", "--json", "--fail-if", "received>=1, ipdv>1s, loss>50%")
    assert ended.code == 1
    assert ended.err.splitlines() == ["netecho: failed: received>=1: 1", "netecho: failed: ipdv>1s: no value"]
    assert ended.document["verdict"] == {"exit_code": 1, "failed": ["received>=1: 1", "ipdv>1s: no value"]}


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


def test_a_saved_run_without_a_probe_is_a_csv_too(netecho: Netecho, target: str, tmp_path: Path) -> None:
    """One that did not reach its target is a row that says so, and one that was stopped at once has none."""
    saved = tmp_path / "run.ndjson"
    missing = f"unix:{tmp_path}/nobody"
    printed = netecho("probe", missing, "--format", "csv", "--save", str(saved)).out
    assert len(printed.splitlines()) == 2
    ended = netecho("report", str(saved), "--format", "csv")
    assert (ended.code, ended.out, ended.err) == (0, printed, "")
    netecho("probe", target, *FAST, "-q", "--save", str(saved))
    first, *_, last = saved.read_text().splitlines()
    saved.write_text(f"{first}\n{last}\n")
    ended = netecho("report", str(saved), "--format", "csv")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == printed.splitlines()[:1]


def test_a_kept_file_that_nobody_reads_any_more_is_said_as_that(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with ResultFile(str(pipe)) as kept:
        os.close(reader)
        with pytest.raises(OutputError) as raised:
            kept.write("line\n")
    assert raised.value.sentence.endswith("/pipe' could not be written: nobody reads it any more")


def test_the_histogram_is_kept_for_other_tools(target: str, netecho: Netecho, tmp_path: Path) -> None:
    log = tmp_path / "rtt.hlog"
    document = netecho("probe", target, *FAST, "--json", "--hdr", str(log)).document
    assert log.read_text().startswith("#[netecho: values in nanoseconds]\n#[Histogram log format version 1.3]\n")
    with contextlib.closing(HistogramLogReader(str(log), None)) as reader:  # skips what has a tag
        histogram = reader.get_next_interval_histogram()
    assert histogram.get_total_count() == 5
    assert histogram.get_max_value() / 1e6 == pytest.approx(document["rtt"]["max_ms"], rel=0.001)


def test_a_saved_run_is_held_to_criteria_and_gives_its_histogram(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved, log = str(tmp_path / "run.ndjson"), tmp_path / "rtt.hlog"
    netecho("probe", target, *FAST, "--save", saved)
    ended = netecho("report", saved, "--json", "--fail-if", "received>=5,loss>50%", "--hdr", str(log))
    assert (ended.code, ended.err) == (1, "netecho: failed: received>=5: 5\n")
    assert ended.document["verdict"] == {"exit_code": 1, "failed": ["received>=5: 5"]}
    with contextlib.closing(HistogramLogReader(str(log), None)) as reader:
        assert reader.get_next_interval_histogram().get_total_count() == 5
    quiet = netecho("report", saved, "-qq", "--fail-if", "received<5")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    lines = netecho("report", saved, "-q", "--format", "ndjson").events
    assert [line["event"] for line in lines] == ["summary"]


def test_saved_runs_come_through_a_pipe(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved = tmp_path / "run.ndjson"
    netecho("probe", target, *FAST, "--save", str(saved))
    for arguments in (["report", "-", "--json"], ["compare", "-", str(saved), "--json"]):
        done = subprocess.run(
            [*command_line(), *arguments],
            input=gzip.compress(saved.read_bytes()),
            capture_output=True,
            check=True,
            env=environment(),
        )
        assert json.loads(done.stdout)["version"]


def test_a_disk_that_is_full_is_said_and_measuring_goes_on(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "--json", "--save", "/dev/full", "--fail-if", "received>=5")
    assert ended.code == 5
    assert ended.err.splitlines() == [
        "netecho: '/dev/full' could not be written: No space left on device",
        "  is there room on the disk?",
        "netecho: failed: received>=5: 5",
    ]
    assert ended.document["probes"]["received"] == 5


def test_a_histogram_that_cannot_be_written_is_said_after_the_figures(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, *FAST, "--json", "--hdr", "/dev/full")
    assert (ended.code, ended.document["probes"]["received"]) == (5, 5)
    assert ended.err.startswith("netecho: '/dev/full' could not be written: No space left on device\n")


@pytest.mark.parametrize("form", ["text", "json", "ndjson", "csv"])
def test_without_room_for_standard_output_the_run_is_saved_whole(
    form: str, target: str, netecho: Netecho, tmp_path: Path
) -> None:
    saved = tmp_path / "run.ndjson"
    with Path("/dev/full").open("wb") as full:
        ended = netecho("probe", target, *FAST, "--format", form, "--save", str(saved), stdout=full)
    assert ended.code == 5
    assert ended.err.count("No space left on device") == 1
    assert json.loads(saved.read_text().splitlines()[-1])["probes"]["received"] == 5


def test_a_reader_that_goes_away_leaves_the_saved_run_whole(target: str, netecho: Netecho, tmp_path: Path) -> None:
    saved = tmp_path / "run.ndjson"
    forever = ("-c", "0", "-i", "1ms", "--format", "ndjson", "--save", str(saved))
    program = netecho.start("probe", target, *forever)
    assert json.loads(program.line())["event"] == "start"
    assert program.process.stdout is not None
    program.process.stdout.close()
    program.process.stdout = None
    ended = program.end()
    assert (ended.code, ended.err) == (5, "")
    assert json.loads(saved.read_text().splitlines()[-1])["event"] == "summary"


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_a_target_that_is_not_reached_is_a_document_with_the_error(form: str, netecho: Netecho, tmp_path: Path) -> None:
    missing = f"unix:{tmp_path}/nobody"
    saved = tmp_path / "run.ndjson"
    ended = netecho("probe", missing, "--format", form, "--save", str(saved))
    assert ended.code == 3
    assert ended.err.startswith("netecho: ")
    sentence = ended.err.splitlines()[0].removeprefix("netecho: ")
    if form == "csv":
        (row,) = csv.DictReader(ended.out.splitlines())
        assert (row["outcome"], row["detail"], row["seq"]) == ("error", sentence, "")
        return
    document = ended.document if form == "json" else ended.events[-1]
    assert schema.complaint({k: v for k, v in document.items() if k != "event"}, "document") is None
    assert (document["error"]["sentence"], document["error"]["exit_code"]) == (sentence, 3)
    assert document["verdict"] == {"exit_code": 3, "failed": []}
    assert document["probes"]["sent"] == 0
    again = netecho("report", str(saved))
    assert again.code == 0
    assert "".join(sentence[1:].split()) in "".join(again.out.split())


def test_several_targets_are_measured_side_by_side(target: str, netecho: Netecho, tmp_path: Path) -> None:
    missing = f"unix:{tmp_path}/nobody"
    saved = tmp_path / "run.ndjson"
    targets = (target, missing, "udp://self")
    ended = netecho("probe", *targets, *FAST, "--json", "--save", str(saved))
    documents = json.loads(ended.out)
    assert ended.code == 3
    assert [document["target"]["transport"] for document in documents] == ["tcp", "unix", "udp"]
    assert [document["probes"]["received"] for document in documents] == [5, 0, 5]
    assert ["error" in document for document in documents] == [False, True, False]
    assert ended.err.startswith(f"netecho: {missing}: ")
    for n, document in enumerate(documents, 1):
        assert json.loads((tmp_path / f"run-{n}.ndjson").read_text().splitlines()[-1])["id"] == document["id"]
    assert not saved.exists()


def test_rows_of_several_targets_name_theirs(target: str, netecho: Netecho) -> None:
    two = (target, target.replace("127.0.0.1", "localhost"))
    rows = list(csv.DictReader(netecho("probe", *two, *FAST, "--format", "csv").out.splitlines()))
    assert sorted(row["target"] for row in rows) == sorted(5 * two)
    replies = [row for row in netecho("probe", *two, *FAST, "--format", "ndjson").events if row["event"] == "reply"]
    assert sorted(row["target"] for row in replies) == sorted(5 * two)


def test_several_targets_for_people_are_a_table(target: str, netecho: Netecho) -> None:
    ended = netecho("probe", target, target, *FAST, "--fail-if", "received>=5", COLUMNS="120")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].split() == ["rtt,", "ms", "sent", "received", "lost", "min", "mean", "p50", "p99", "max"]
    assert [line.split()[:4] for line in lines[1:3]] == [[target, "5", "5", "0%"]] * 2
    assert ended.err.splitlines() == [f"netecho: failed: {target}: received>=5: 5"] * 2


def test_a_reader_that_goes_away_ends_the_run_quietly(target: str, netecho: Netecho) -> None:
    program = netecho.start("probe", target, "-c", "0", "-i", "1ms", "--format", "ndjson")
    assert json.loads(program.line())["event"] == "start"
    assert program.process.stdout is not None
    program.process.stdout.close()
    program.process.stdout = None
    ended = program.end()
    assert (ended.code, ended.err) == (5, "")
