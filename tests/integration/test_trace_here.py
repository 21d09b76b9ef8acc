"""`netecho trace` on this machine, as anybody may run it: one hop, its options, its formats and its ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
from typing import TYPE_CHECKING

import jsonschema
import pytest

from netecho.report.document import schema
from netecho.report.formats.trace_rows import COLUMNS
from tests.program import COMMAND, command_line, environment
from tests.rogues import datagrams

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho

SCHEMA = jsonschema.Draft202012Validator(json.loads(schema.text()))
BRIEF = ("-c", "3", "-i", "20ms")


@pytest.mark.parametrize("target", ["self", "udp://self", "stamp://self"])
def test_this_machine_is_one_hop(netecho: Netecho, target: str) -> None:
    document = netecho("trace", target, *BRIEF, "--json", "--label", "Büro \x1b[2J").document
    SCHEMA.validate(document)
    (hop,) = document["hops"]
    assert (hop["kind"], hop["asked"], hop["answered"]) == ("target", 3, 3)
    assert document["label"] == "Büro \x1b[2J"
    assert document["verdict"] == {"exit_code": 0, "failed": []}


def test_a_table_says_whose_an_address_is(netecho: Netecho, tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.write_text("127.0.0.0/8 64496\n")
    ended = netecho("trace", "self", *BRIEF, "-n", "--as-table", str(table))
    assert "127.0.0.1 AS64496" in ended.out
    document = netecho("trace", "self", *BRIEF, "-n", "--as-table", str(table), "--json").document
    assert document["hops"][0]["as_numbers"] == {"127.0.0.1": 64496}
    table.write_text("64496\n")
    ended = netecho("trace", "self", "--as-table", str(table))
    assert ended.code == 2
    assert "line 1 is no prefix of an AS: '64496'" in ended.err


def test_ndjson_and_csv_are_packet_by_packet(netecho: Netecho) -> None:
    events = netecho("trace", "self", *BRIEF, "--format", "ndjson").events
    for event in events:
        SCHEMA.validate(event)
    start, *answers, summary = events
    assert (start["event"], summary["event"]) == ("start", "summary")
    # On a busy machine more TTLs have left than it takes, before the first answer was in.
    assert [event["round"] for event in answers if event["ttl"] == 1] == [0, 1, 2]
    header, *rows = csv.reader(io.StringIO(netecho("trace", "self", *BRIEF, "--format", "csv").out))
    assert header == list(COLUMNS)
    assert [row[0] for row in rows if row[2] == "1"] == ["0", "1", "2"]


def test_the_page_is_a_table_and_nothing_is_said_of_a_path_that_is_fine(netecho: Netecho) -> None:
    ended = netecho("trace", "self", *BRIEF, "-n")
    first, header, row, *_ = ended.out.splitlines()
    assert ": 1 hop, 0% lost in 3 rounds" in first
    assert header.split()[:4] == ["hop", "address", "asked", "loss"]
    assert row.split()[:4] == ["1", "127.0.0.1", "3", "0%"]
    assert "!" not in ended.out
    assert ended.err == ""


def test_what_was_saved_is_printed_again(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    ended = netecho("trace", "self", *BRIEF, "-n", "--save", str(file))
    again = netecho("report", str(file))
    assert (again.code, again.out) == (0, ended.out)


def test_a_criterion_that_comes_true_is_named_and_ends_with_1(netecho: Netecho) -> None:
    ended = netecho("trace", "self", *BRIEF, "--json", "--fail-if", "rtt.max>1ns,loss>50%")
    assert ended.code == 1
    assert ended.err.startswith("netecho: failed: rtt.max>1ns: ")
    assert len(ended.document["verdict"]["failed"]) == 1


def test_a_port_where_nothing_listens_is_still_the_target(netecho: Netecho) -> None:
    with datagrams(bytes) as server:
        port = server.port
    document = netecho("trace", f"127.0.0.1:{port}", *BRIEF, "-n", "--json").document
    assert [hop["icmp"] for hop in document["hops"]] == ["port unreachable"]
    assert document["reached"]


def test_without_the_fast_paths_round_trips_are_by_our_own_clock() -> None:
    command = [*COMMAND, "trace", "self", *BRIEF, "--json"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment(NETECHO_PORTABLE="1"))
    document = json.loads(done.stdout)
    assert (document["stamps"], document["end_to_end"]["answered"]) == ("user", 3)


def test_ctrl_c_reports_what_is_known() -> None:
    with datagrams(bytes) as server:
        command = [*command_line(), "trace", f"127.0.0.1:{server.port}", "-c", "0", "-n", "--format", "ndjson"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as run:
            assert run.stdout is not None
            while json.loads(run.stdout.readline()).get("kind") != "target":
                pass
            run.send_signal(signal.SIGINT)
            rest, said = run.communicate()
    assert (run.returncode, said) == (0, b"")
    last = json.loads(rest.splitlines()[-1])
    assert (last["event"], last["interrupted"]) == ("summary", True)
    assert [hop["addresses"] for hop in last["hops"]] == [["127.0.0.1"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("unix:/run/x",), "a Unix socket has no path through a network"),
        (("nq://host",), "'nq://host' is no echo"),
        (("tls://host", "--reverse"), "--reverse asks the far end by STAMP"),
        (("host", "-4", "-6"), "exclude each other"),
        (("host", "-i", "1ms"), "--interval is below 10 ms"),
        (("tcp://host", "-i", "100ms"), "--interval is below 600 ms"),
        (("host", "--auth-key-file", "/dev/null"), "--auth-key-file is for STAMP"),
        (("udp://host", "--reverse"), "netecho trace stamp://host:7862 --reverse"),
        (("udp://[2001:db8::1]", "--reverse"), "netecho trace stamp://[2001:db8::1]:7862 --reverse"),
        (("self", "--reverse"), "netecho trace stamp://self --reverse"),
        (("host", "--source", ":65530", "--flows", "16"), "end above 65535"),
        (("host", "-m", "65"), "above 64"),
        (("host", "--fail-if", "jitter>1ms"), "'jitter' is not a figure of a trace"),
    ],
)
def test_what_cannot_be_is_said(netecho: Netecho, arguments: tuple[str, ...], said: str) -> None:
    ended = netecho("trace", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_name_that_does_not_resolve(netecho: Netecho) -> None:
    ended = netecho("trace", "nowhere.invalid")
    assert ended.code == 3
    assert "does not resolve" in ended.err
