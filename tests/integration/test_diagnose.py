"""`netecho diagnose` as its users have it: against itself, against servers of others, against nobody, interrupted."""

from __future__ import annotations

import json
import os
import threading
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import jsonschema
import pytest

from netecho.diagnose.finding import CHECKS
from netecho.report.document import schema
from netecho.report.document.diagnosis import document
from netecho.report.formats.json_document import pretty
from tests.namespace import Namespace, namespace
from tests.peers import foreign_echo
from tests.report.diagnoses import EVERY
from tests.rogues import datagrams, echo, streams
from tests.server import Server

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from typing import Any

    from tests.program import Ended, Netecho

VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))
BRIEF = ("-t", "6s")
"""So that flows are watched for 2 s; what is to begin for certain, on a machine that is slow, is given more."""
AMPLE = ("-t", "60s")
SILENT_HOST = "10.9.0.2"


def valid(ended: Ended) -> dict[str, Any]:
    """The document, which is as the schema has it."""
    found = ended.document
    VALID.validate(found)
    assert found["schema"] == "netecho/diagnosis/1"
    assert ended.code == found["verdict"]["exit_code"], ended
    return found


def checks(found: list[dict[str, Any]]) -> set[str]:
    return {each["check"] for each in found}


def test_itself_is_without_a_fault_of_the_path(netecho: Netecho) -> None:
    found = valid(netecho("diagnose", "self", "--skip", "size,tcp", "-t", "25s", "--json", "--label", "Büro \x1b[2J"))
    # This machine may be busy meanwhile, and a clock may be slewed: that is no fault of the path.
    assert [each for each in found["findings"] if each["severity"] != "info" and each["check"] != "host"] == []
    assert checks(found["fine"]) >= {"transports", "loss", "balancing", "marking", "translation", "payload"}
    assert (found["target"], found["address"], found["interrupted"]) == ("self", "127.0.0.1", False)
    assert found["label"] == "Büro \x1b[2J"
    assert found["bytes"] > 100_000


def test_each_check_that_was_asked_is_spoken_of_and_no_other(netecho: Netecho) -> None:
    found = valid(netecho("diagnose", "self", "--only", "marking,payload", "--only", "clocks", *BRIEF, "--json"))
    every = found["findings"] + found["fine"] + found["not_tested"]
    assert checks(every) == {"marking", "payload", "clocks"}


def test_what_is_skipped_is_not_spoken_of(netecho: Netecho) -> None:
    skipped = ",".join(check for check in CHECKS if check not in ("transports", "payload"))
    found = valid(netecho("diagnose", "self", "--skip", skipped, *BRIEF, "--json"))
    assert checks(found["findings"] + found["fine"] + found["not_tested"]) == {"transports", "payload"}


@pytest.mark.parametrize(
    ("limit", "said"), [(("-t", "1s"), "a longer -t"), (("--max-bytes", "20k"), "a larger --max-bytes")]
)
def test_what_would_not_keep_the_limits_does_not_begin(netecho: Netecho, limit: tuple[str, str], said: str) -> None:
    found = valid(netecho("diagnose", "self", "--only", "loss,transports", *limit, "--json"))
    assert checks(found["fine"]) == {"transports"}
    (reason,) = [each["reason"] for each in found["not_tested"] if each["check"] == "loss"]
    assert said in reason


def test_bytes_are_kept_to(netecho: Netecho) -> None:
    found = valid(netecho("diagnose", "self", "--only", "loss", "-t", "40s", "--max-bytes", "900k", "--json"))
    assert checks(found["fine"]) == {"loss"}
    assert found["bytes"] <= 900 << 10


# Servers of others


@pytest.mark.parametrize(("name", "scheme"), [("inetd", "tcp"), ("ncat", "tcp"), ("socat", "udp"), ("inetd", "udp")])
def test_a_plain_echo_of_others_is_tested_by_what_it_can_answer(netecho: Netecho, name: str, scheme: str) -> None:
    with foreign_echo(name, scheme) as target:
        found = valid(netecho("diagnose", target, "--only", "transports,payload", *AMPLE, "--json"))
    assert [each["code"] for each in found["findings"] if each["severity"] != "info"] == []
    port = target.rpartition(":")[2]
    assert any(f"{scheme.upper()} port {port} answers" in each["sentence"] for each in found["fine"])
    assert "payload" in checks(found["fine"])


def test_what_answers_and_is_no_echo_is_found(netecho: Netecho) -> None:
    with datagrams(bytes.swapcase) as server:
        ended = netecho("diagnose", f"udp://127.0.0.1:{server.port}", "--only", "transports", *AMPLE, "--json")
    (finding,) = [each for each in ended.document["findings"] if each["severity"] == "warning"]
    assert finding["code"] == "not-an-echo"


def test_a_gateway_that_rewrites_payloads_is_found(netecho: Netecho) -> None:
    def rewrite(data: bytes) -> bytes:
        return data.replace(b"INVITE", b"invite")

    with datagrams(rewrite) as server:
        ended = netecho("diagnose", f"udp://127.0.0.1:{server.port}", "--only", "payload", *AMPLE, "--json")
    found = valid(ended)
    assert [each["code"] for each in found["findings"]] == ["payload-rewritten"]
    assert ended.code == 1


def hostile(connection: socket.socket) -> None:
    """Greet with what a terminal would obey, and never echo."""
    connection.sendall(b"\x1b]0;owned\x07\x1b[2J220 hello\r\n")
    while connection.recv(65536):
        pass


def test_nothing_that_a_server_says_reaches_the_terminal_raw(netecho: Netecho) -> None:
    with streams(hostile) as server:
        ended = netecho("diagnose", f"tcp://127.0.0.1:{server.port}", "--only", "transports", *AMPLE)
    assert "\x1b" not in ended.out + ended.err
    assert ended.code in (0, 1, 3)


# A far end that is not as it should be


def liar(seed: int) -> Callable[[bytes], bytes]:
    """A STAMP reflector all of whose figures are made up; only the request's number is right, so that it is heard."""
    random = Random(seed)

    def reply(request: bytes) -> bytes:
        here = random.randbytes(14) + request[14:16] + random.randbytes(8)
        base = here + request[:14] + bytes(2) + random.randbytes(1) + bytes(3)
        tlvs = bytearray(request[44:])
        at = 0
        while at + 4 <= len(tlvs):
            length = int.from_bytes(tlvs[at + 2 : at + 4])
            tlvs[at] = random.choice([0, 0, 0x80, 0x40, 0x20])
            tlvs[at + 4 : at + 4 + length] = random.randbytes(min(length, len(tlvs) - at - 4))
            at += 4 + length
        return (base + tlvs)[: len(request)]

    return reply


def older(request: bytes) -> bytes:
    """A stateless STAMP reflector that knows no TLV, and says so of each (RFC 8972 section 4: the U flag)."""
    # Its sequence number, timestamp and error estimate are the sender's, so that its clock is as good as that.
    base = request[:16] + request[4:12] + request[:14] + bytes(2) + b"\xff" + bytes(3)
    tlvs = bytearray(request[44:])
    at = 0
    while at + 4 <= len(tlvs):
        tlvs[at] |= 0x80
        at += 4 + int.from_bytes(tlvs[at + 2 : at + 4])
    return (base + tlvs)[: len(request)]


def vanishing(after: int) -> Callable[[bytes], bytes | None]:
    """An echo that falls silent after so many datagrams."""
    number = count()
    return lambda data: data if next(number) < after else None


def test_a_far_end_without_the_newer_tlvs_is_told_apart_from_a_fault(netecho: Netecho) -> None:
    with datagrams(older) as server:
        target = f"stamp://127.0.0.1:{server.port}"
        found = valid(netecho("diagnose", target, "--only", "marking,size", *AMPLE, "--json"))
    assert [each["code"] for each in found["findings"]] == []
    reasons = " ".join(each["reason"] for each in found["not_tested"])
    for section in ("RFC 8972 section 4.4", "STAMP's TLV 12"):
        assert section in reasons


@pytest.mark.parametrize(("answer", "scheme"), [(liar(1), "stamp"), (vanishing(200), "udp")], ids=["lies", "vanishes"])
def test_whatever_a_far_end_does_there_is_a_report(
    netecho: Netecho, answer: Callable[[bytes], bytes | None], scheme: str
) -> None:
    with datagrams(answer) as server:
        ended = netecho(
            "diagnose", f"{scheme}://127.0.0.1:{server.port}", "--skip", "names,rate,size", *BRIEF, "--json"
        )
    found = valid(ended)
    assert "error" not in found
    assert "Traceback" not in ended.err
    assert checks(found["findings"] + found["fine"] + found["not_tested"]) >= set(CHECKS) - {
        "names",
        "rate",
        "size",
        "host",
    }


def test_without_privileges_what_can_be_measured_is(netecho: Netecho) -> None:
    if os.geteuid() == 0:
        netecho.prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    found = valid(netecho("diagnose", "self", "--only", "transports,marking,payload", *AMPLE, "--json"))
    assert checks(found["fine"]) == {"transports", "marking", "payload"}


def test_a_host_with_one_family_is_not_told_that_the_other_is_dead(netecho: Netecho) -> None:
    with namespace({"both.example": "127.0.0.1", "both.example ": "2001:db8::1"}) as inside:
        netecho.prefix = inside.prefix
        Server(netecho.start("serve", "127.0.0.1:7007", "--format", "ndjson"), 2)
        found = valid(netecho("diagnose", "both.example", "--only", "names,transports", *AMPLE, "--json"))
    assert [each["code"] for each in found["findings"]] == []
    assert any("IPv6 2001:db8::1" in each["sentence"] for each in found["fine"])


# Nobody


@pytest.fixture(scope="module")
def alone() -> Iterator[Namespace]:
    """A network with loopback, and an interface behind which nobody is."""
    with namespace({"nobody.example": SILENT_HOST}) as inside:
        inside.run("ip", "tuntap", "add", "dev", "nowhere", "mode", "tun")
        inside.run("ip", "address", "add", "10.9.0.1/24", "dev", "nowhere")
        inside.run("ip", "link", "set", "nowhere", "up")
        yield inside


@pytest.mark.parametrize("host", ["127.0.0.1", SILENT_HOST, "nobody.example", "missing.invalid"])
def test_where_nothing_answers_the_document_is_printed_and_the_code_is_3(
    netecho: Netecho, alone: Namespace, host: str
) -> None:
    netecho.prefix = alone.prefix
    ended = netecho("diagnose", host, "-t", "1ms", "--json")  # in which silence is looked at all the same
    found = valid(ended)
    assert ended.code == 3
    assert found["error"]["sentence"] in ended.err
    assert f"nothing answers at {host}" in ended.err
    assert checks(found["not_tested"]) == set(CHECKS) - {"host"}
    assert [each for each in found["findings"] if each["check"] != "host"] == []


def test_as_text_it_is_said_once_for_all_checks(netecho: Netecho, alone: Namespace) -> None:
    netecho.prefix = alone.prefix
    ended = netecho("diagnose", SILENT_HOST, "-t", "1ms")
    assert ended.code == 3
    assert ended.out.startswith(f"{SILENT_HOST}: nothing answers in ")
    assert ended.out.count("nothing answers:") == 1


# Exit codes and interrupts


def test_twice_quiet_the_code_alone_speaks(netecho: Netecho) -> None:
    with datagrams(lambda data: data[:-1] + b"!" if b"SIP" in data else data) as server:
        target = f"udp://127.0.0.1:{server.port}"
        ended = netecho("diagnose", target, "--only", "payload", *AMPLE, "--fail-if-severity", "critical", "-qq")
    assert (ended.code, ended.out, ended.err) == (1, "", "")


@pytest.mark.parametrize("after", [1, 300])
def test_ctrl_c_ends_it_with_what_is_known(netecho: Netecho, after: int) -> None:
    enough, seen = threading.Event(), [0]

    def answer(data: bytes) -> bytes:
        seen[0] += 1
        if seen[0] >= after:
            enough.set()
        return data

    with datagrams(answer) as server:
        program = netecho.start("diagnose", f"udp://127.0.0.1:{server.port}", "-t", "5m", "--json")
        assert enough.wait(60)
        program.interrupt()
        ended = program.end()
    found = valid(ended)
    assert (ended.code, ended.err) == (0, "")
    assert found["interrupted"]
    assert "the diagnosis was interrupted" in {each["reason"] for each in found["not_tested"]}
    assert [each["code"] for each in found["findings"] if each["severity"] != "info"] == []
    assert ("loss" in checks(found["fine"])) is (after == 300)


def test_what_had_no_time_to_answer_is_not_called_filtered(netecho: Netecho) -> None:
    asked = threading.Semaphore(0)

    def say_nothing(_: bytes) -> None:
        asked.release()

    with streams(echo) as server, datagrams(say_nothing, server.port):
        program = netecho.start("diagnose", f"127.0.0.1:{server.port}", "--json")
        assert all(asked.acquire(timeout=60) for _ in range(6))
        program.interrupt()
        found = valid(program.end())
    assert [each["code"] for each in found["findings"] if each["check"] == "transports"] == []


# What is wrong with the command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no TARGET"),
        (("unix:/run/echo",), "'unix:/run/echo' is not on a network"),
        (("self", "--only", "lots"), "'lots' is not one of"),
        (("self", "--only", "loss", "--skip", "tcp"), "--only and --skip exclude each other"),
        (("self", "--skip", ",".join(CHECKS)), "--skip leaves no check"),
        (("self", "-4", "-6"), "--ipv4 and --ipv6 exclude each other"),
        (("self", "-t", "soon"), "'soon'"),
        (("self", "--max-bytes", "-1"), "'-1'"),
        (("self", "--format", "csv"), "'csv' is not one of text, json"),
        (("self", "--fail-if-severity", "loud"), "'loud' is not one of info, warning, critical"),
        (("self", "--insecure", "--pin", f"sha256:{'0' * 64}"), "--insecure trusts any certificate"),
        (("self", "--save", "/nowhere/at/all"), "--save '/nowhere/at/all' cannot be written"),
    ],
)
def test_a_wrong_command_line_is_2_and_a_sentence(netecho: Netecho, arguments: tuple[str, ...], said: str) -> None:
    ended = netecho("diagnose", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_what_is_saved_is_what_is_printed_and_printed_again(netecho: Netecho, tmp_path: Path) -> None:
    file = str(tmp_path / "found.json")
    ended = netecho("diagnose", "self", "--only", "transports", *AMPLE, "--json", "--save", file)
    assert Path(file).read_text() == ended.out
    again = netecho("report", "--json", file)
    assert (again.code, again.out, again.err) == (0, ended.out, "")
    assert netecho("report", file).out.startswith("self (127.0.0.1): nothing wrong was found in ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fail-if", "loss>1%"), "--fail-if is for runs"),
        (("--histogram",), "--histogram is for runs"),
        (("--format", "csv"), "is a diagnosis, which is printed as text or json, not as csv"),
        (("--format", "ndjson"), "not as ndjson"),
    ],
)
def test_what_only_a_run_has_is_refused_of_a_saved_diagnosis(
    netecho: Netecho, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "found.json"
    file.write_text(pretty(document(EVERY)))
    ended = netecho("report", str(file), *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_hostile_file_reaches_no_terminal_raw(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    file.write_text(pretty(document(EVERY)))
    ended = netecho("report", str(file))
    assert ended.code == 0
    assert "\x1b" not in ended.out
    assert "\\x1b[31mprohibited" in ended.out
