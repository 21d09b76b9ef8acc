"""What every kind of run really prints, held against the schema that ships."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.rogues import datagrams, echo, silence, streams

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho

BRIEF = ("-c", "4", "-i", "5ms", "-W", "300ms")
KINDS = {
    "closed loop": ("-c", "3", "-i", "0"),
    "poisson": (*BRIEF, "--schedule", "poisson"),
    "sweep": ("-s", "32..96:32", "-c", "6", "-i", "5ms"),
    "connections": (*BRIEF, "--connections", "2"),
    "warm-up and window": (*BRIEF, "--warmup", "2", "-w", "1"),
    "own clock": (*BRIEF, "--stamps", "user"),
    "duration": ("-t", "50ms", "-i", "10ms", "--label", "Büro \x1b[2J"),
    "criteria": (*BRIEF, "--fail-if", "rtt.p99>1ns,loss>50%"),
}


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    """As `netecho schema` prints it."""
    from netecho.report.document.schema import text

    return jsonschema.Draft202012Validator(json.loads(text()))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run(
    netecho: Netecho, schema: jsonschema.Draft202012Validator, kind: str, transport: str
) -> None:
    with streams(echo) as stream, datagrams(bytes) as datagram:
        port = stream.port if transport == "tcp" else datagram.port
        if transport == "tcp" and kind == "connections":
            pytest.skip("this echo server takes one connection at a time")
        ended = netecho("probe", f"{transport}://127.0.0.1:{port}", *KINDS[kind], "--format", "ndjson")
    names = [event["event"] for event in ended.events]
    assert (names[0], names[-1]) == ("start", "summary")
    assert "reply" in names
    for event in ended.events:
        schema.validate(event)


def test_several_targets_are_a_list_of_documents(netecho: Netecho, schema: jsonschema.Draft202012Validator) -> None:
    with datagrams(bytes) as server:
        target = f"udp://127.0.0.1:{server.port}"
        documents = json.loads(netecho("probe", target, "unix:/no/such.sock", "-c", "2", "-i", "5ms", "--json").out)
    assert [document["target"]["url"] for document in documents] == [target, "unix:/no/such.sock"]
    schema.validate(documents)
    assert not schema.is_valid([{}])


@pytest.mark.parametrize("arguments", [("--connect-only",), ("--reconnect",)])
def test_a_connection_for_each_probe(
    netecho: Netecho, schema: jsonschema.Draft202012Validator, arguments: tuple[str, ...]
) -> None:
    with streams(echo) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", *BRIEF, *arguments, "--json")
    schema.validate(ended.document)
    assert ended.document["connections"]["connect"]["count"] >= 4


def test_a_run_without_replies(netecho: Netecho, schema: jsonschema.Draft202012Validator) -> None:
    with streams(silence) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", *BRIEF, "--format", "ndjson")
    assert ended.code == 1
    for event in ended.events:
        schema.validate(event)


def test_a_run_full_of_trouble(netecho: Netecho, schema: jsonschema.Draft202012Validator) -> None:
    """Corrupt, and something that nobody asked for."""

    def turned(data: bytes) -> bytes:
        return data[:-1] + bytes([data[-1] ^ 1])

    with datagrams(turned) as server:
        ended = netecho("probe", f"udp://127.0.0.1:{server.port}", *BRIEF, "--format", "ndjson")
    assert ended.code == 1
    assert {"corrupt", "summary"} <= {event["event"] for event in ended.events}
    for event in ended.events:
        schema.validate(event)


def test_a_saved_run_in_every_format(netecho: Netecho, tmp_path: Path) -> None:
    """The same run, from the events, from the summary alone and from the document."""
    events, summary, document = (str(tmp_path / name) for name in ("events", "summary", "document"))
    with streams(echo) as server:
        run = netecho("probe", f"127.0.0.1:{server.port}", *BRIEF, "--format", "ndjson", "--save", events)
    (tmp_path / "summary").write_text(run.out.splitlines()[-1])
    (tmp_path / "document").write_text(netecho("report", events, "--json").out)
    assert netecho("report", events, "--format", "ndjson").out == run.out
    assert netecho("report", events, "--format", "csv").out.count(",reply,") == 4
    texts = {netecho("report", file).out for file in (events, summary, document)}
    assert len(texts) == 1
    assert "4 received, 0 lost (0%)" in texts.pop()


def test_the_schema_command_prints_it(netecho: Netecho) -> None:
    jsonschema.Draft202012Validator.check_schema(netecho("schema").document)
