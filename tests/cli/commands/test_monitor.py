"""`netecho monitor`: what it refuses, what --check says, and a monitor from its start to its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from netecho.net.certificates import make_identity
from netecho.report.document import schema
from tests.program import COMMAND, PATIENCE, environment

if TYPE_CHECKING:
    from tests.program import Netecho


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        ("", "there is nothing to monitor", "name targets, or a file of them: --config FILE"),
        ("a --check", "--check without --config: there is no file to check", "--config FILE --check"),
        (
            "udp://a --connect-only",
            "--connect-only is for streams: udp:// has no connections",
            "over TCP: tcp://a:7007",
        ),
        ("a --ca ca.pem --insecure", "--insecure trusts any certificate: --ca would mean nothing", "leave one out"),
        ("a -4 -6", "--ipv4 and --ipv6 exclude each other", "leave one out, or both for either"),
        ("a -i 1ms", "--interval: an interval of 1ms is below 10ms", "netecho probe is for that"),
        ("a -s 70000", "--size: a size of 70000 is not from 1 to 65507 bytes", "64"),
        ("a --degraded-if lag.p99>1ms", "--degraded-if: lag.p99 in 'lag.p99>1ms' is not measured here", "loss, or"),
        ("a --on-change nosuchprogram", "--on-change: there is no program 'nosuchprogram'", "its path, or a name"),
        ("a --listen 0.0.0.0", "--listen 0.0.0.0:9862 is not on loopback: others could reach it", "if they are to"),
        ("a --listen :9", "--listen [::]:9 is not on loopback: others could reach it", "if they are to"),
        (
            "a --listen 192.0.2.1:80 --allow-remote",
            "--allow-remote without --token-file: everybody could reach it",
            "--token-file FILE",
        ),
        ("a --listen example.net", "--listen: 'example.net' in 'example.net' is not an address", "an address of this"),
        ("a --cert c.pem", "--cert without --listen: nothing is served", "--listen 127.0.0.1:9862"),
        ("a --listen [::1] --key k.pem", "--key without --cert", "name the certificate too: --cert cert.pem"),
        ("a --probe-allow x", "--probe-allow without --listen: nothing is served", "--listen 127.0.0.1:9862"),
        ("a --keep-size 2G", "--keep-size without --history: nothing is kept", "--history FILE"),
        ("a --history h --keep-size 2GB", "--keep-size: 'GB' in '2GB' is not a unit of size", "a number with M or G"),
        ("a --history h --keep-size 1M", "--keep-size: 1M is too little for a history", "64M or more: 2G"),
        ("a --config /nowhere", "--config '/nowhere' cannot be read: No such file or directory", "check the path"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_a_hint(netecho: Netecho, arguments: str, sentence: str, hint: str) -> None:
    ended = netecho("monitor", *arguments.split())
    assert ended.code == 2, ended
    said, tried = ended.err.splitlines()
    assert said == f"netecho: {sentence}"
    assert tried.strip().startswith(hint)


def test_check_says_all_that_is_wrong_with_line_and_column(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[[targets]]\ntarget = "udp://a"\nintervall = "1s"\nsize = "1x"\n')
    ended = netecho("monitor", "--config", str(file), "--check")
    assert ended.code == 2
    assert ended.out.splitlines() == [
        f"{file}:3:1: there is no key 'intervall' here",
        "  did you mean interval?",
        f"{file}:4:8: 'x' in '1x' is not a unit of size",
        "  a number of bytes, with k or M for powers of 1024: 64",
    ]
    refused = netecho("monitor", "--config", str(file))
    assert (refused.code, refused.out) == (2, "")
    more = f"1 more mistake: netecho monitor --config {file} --check"
    assert refused.err.splitlines()[1] == f"  did you mean interval?; {more}"


def test_check_of_a_file_without_a_mistake(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[[targets]]\ntarget = "udp://a"\n')
    ended = netecho("monitor", "--config", str(file), "--check")
    assert (ended.code, ended.out) == (0, f"{file}: 1 target, nothing is wrong\n")


def test_check_of_a_file_that_names_one_that_is_not_there(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[[targets]]\ntarget = "tls://a"\nca = "/nowhere/ca.pem"\n')
    ended = netecho("monitor", "--config", str(file), "--check")
    assert ended.code == 2
    assert "'/nowhere/ca.pem', a file of tls://a:7443, cannot be read: No such file or directory" in ended.out


def test_it_ends_by_sigterm_with_its_totals_and_exit_code_0(netecho: Netecho) -> None:
    running = netecho.start("monitor", "self", "udp://self", "stamp://self", "-i", "20ms", "--format", "ndjson")
    assert running.event()["targets"] == 3
    assert {running.event()["target"] for _ in range(3)} == {"tcp://self", "udp://self", "stamp://self"}
    running.terminate()
    ended = running.end()
    assert ended.code == 0, ended
    stop = ended.events[-1]
    assert (stop["event"], stop["states"]) == ("stop", {"up": 3})
    assert stop["received"] > 0


def test_its_time_ends_it_and_a_table_shows_what_it_came_to(netecho: Netecho) -> None:
    ended = netecho("monitor", "self", "-i", "20ms", "--for", "2s")
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1].split()[:3] == ["tcp://self", "up", "0%"]


def test_sighup_reads_the_file_again_and_what_is_wrong_changes_nothing(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[[targets]]\ntarget = "udp://127.0.0.1:9"\n')
    running = netecho.start("monitor", "--config", str(file), "--format", "ndjson")
    assert running.event()["event"] == "start"
    file.write_text('[[targets]]\ntarget = "udp://127.0.0.1:9"\n[[targets]]\ntarget = "udp://127.0.0.1:13"\n')
    running.process.send_signal(signal.SIGHUP)
    reloaded = running.event_named("reloaded")
    assert (reloaded["kept"], reloaded["added"], reloaded["removed"]) == (1, 1, 0)
    file.write_text("targets = 3")
    running.process.send_signal(signal.SIGHUP)
    assert f"{file}:1:11: targets is not an array of tables" in running.event_named("not_reloaded")["text"]
    running.terminate()
    assert running.end().code == 0


def test_a_full_disk_below_its_output_is_said_and_monitoring_goes_on(netecho: Netecho) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = netecho("monitor", "self", "-i", "20ms", "--for", "500ms", stdout=full)
    assert ended.code == 0, ended
    (said,) = ended.err.splitlines()
    assert said.endswith("No space left on device; monitoring goes on")


def test_without_a_terminal_nothing_is_read_from_standard_input() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"q")
    os.close(writing)
    command = [*COMMAND, "monitor", "self", "-i", "20ms", "--for", "300ms", "--live"]
    done = subprocess.run(command, stdin=reading, capture_output=True, env=environment(), check=False, timeout=PATIENCE)
    assert (done.returncode, os.read(reading, 9)) == (0, b"q")
    os.close(reading)


def test_a_command_is_told_of_each_change(netecho: Netecho, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f"""sh -c 'echo "$NETECHO_TARGET $NETECHO_BEFORE $NETECHO_STATE" >> {told}'"""
    running = netecho.start("monitor", "self", "-i", "20ms", "--on-change", command, "--format", "ndjson")
    running.event_named("state")
    while not (told.exists() and told.read_text().endswith("\n")):
        assert running.process.poll() is None
    running.interrupt()
    assert running.end().code == 0
    assert told.read_text() == "tcp://self pending up\n"


def fetch(url: str, **headers: str) -> tuple[int, str]:
    """GET, without the proxies that the environment may name."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_what_is_served_is_the_targets_in_each_form(netecho: Netecho) -> None:
    running = netecho.start(
        *("monitor", "self", "tls://self", "-i", "20ms", "--format", "ndjson", "--listen", "127.0.0.1:0"),
        *("--probe-allow", "127.0.0.0/8"),
    )
    url = running.event_named("listening")["url"]
    port = {running.event_named("state")["target"]: "up" for _ in range(2)}
    assert sorted(port) == ["tcp://self", "tls://self"]
    status, text = fetch(f"{url}metrics")
    states = {
        sample.labels["target"]: sample.labels["state"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name == "netecho_target_state" and sample.value
    }
    assert (status, states) == (200, {"tcp://self": "up", "tls://self": "up"})
    status, text = fetch(f"{url}api/v1/targets")
    document = json.loads(text)
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(document)
    assert [each["state"] for each in document["targets"]] == ["up", "up"]
    echo = document["targets"][0]["url"].removeprefix("tcp://")
    assert json.loads(fetch(f"{url}api/v1/targets?target=tls%3A%2F%2Fself")[1])["targets"][0]["target"] == "tls://self"
    assert fetch(f"{url}-/healthy")[0] == fetch(f"{url}-/ready")[0] == fetch(url)[0] == 200
    assert "probe_success 1\n" in fetch(f"{url}probe?target={echo}&module=tcp")[1]
    assert "probe_success 1\n" in fetch(f"{url}probe?target={echo}&module=tcp_connect")[1]
    assert "probe_success 0\n" in fetch(f"{url}probe?target=127.0.0.1:1")[1]
    for asked, refused in (
        ("target=192.0.2.1", 403),
        ("target=localhost", 403),
        ("target=unix:/run/docker.sock&module=tcp", 400),
        ("target=self", 403),
        ("", 400),
        ("target=127.0.0.1&module=http_2xx", 400),
        ("target=127.0.0.1:0", 400),
    ):
        assert fetch(f"{url}probe?{asked}")[0] == refused, asked
    assert fetch(f"{url}metrics", Host="evil.example")[0] == 403
    running.terminate()
    assert running.end().code == 0


def test_the_page_its_events_and_its_history(netecho: Netecho, tmp_path: Path) -> None:
    running = netecho.start(
        *("monitor", "self", "-i", "20ms", "--format", "ndjson", "--listen", "127.0.0.1:0"),
        *("--history", str(tmp_path / "h.db")),
    )
    url = running.event_named("listening")["url"]
    running.event_named("state")
    status, page = fetch(url)
    assert (status, '<script type="module" src="page/main.js">' in page) == (200, True)
    assert fetch(f"{url}page/uplot/uPlot.iife.min.js")[0] == 200
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}api/v1/events", timeout=30) as answer:
        lines = iter(answer.readline, b"")
        named: list[bytes] = []
        while not {b"start", b"changes", b"targets", b"all", b"news"} <= set(named):
            line = next(lines)
            if line.startswith(b"event: "):
                named.append(line.split()[1])
    assert named[:4] == [b"start", b"changes", b"targets", b"all"]
    for since, source, period in (("5m", "memory", 5000), ("1h", "file", 60_000), ("720h", "file", 7_200_000)):
        status, text = fetch(f"{url}api/v1/history?target=tcp%3A%2F%2Fself&since={since}")
        document = json.loads(text)
        jsonschema.Draft202012Validator(json.loads(schema.text())).validate(document)
        assert (status, document["source"], document["period_ms"]) == (200, source, period)
    assert fetch(f"{url}api/v1/history?target=nobody")[0] == 404
    assert fetch(f"{url}api/v1/history?target=tcp%3A%2F%2Fself&since=never")[0] == 400
    running.terminate()
    assert running.end().code == 0


def test_https_with_a_certificate_that_sighup_reads_again(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "both.pem"
    file.write_text(make_identity(["127.0.0.1"]))
    file.chmod(0o600)
    running = netecho.start(
        *("monitor", "self", "--format", "ndjson", "--listen", "127.0.0.1:0", "--cert", str(file)),
    )
    listening = running.event_named("listening")
    assert listening["url"].startswith("https://")
    first = ssl.get_server_certificate(("127.0.0.1", listening["port"]))
    assert first.strip() in file.read_text()
    trusting = ssl.create_default_context(cadata=first)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting), urllib.request.ProxyHandler({}))
    with opener.open(f"{listening['url']}-/healthy", timeout=30) as answer:
        assert answer.read() == b"netecho is healthy.\n"
    file.write_text(make_identity(["127.0.0.1"]))
    running.process.send_signal(signal.SIGHUP)
    assert running.event_named("reloaded")["text"] == f"read {file} again: 1 kept, 0 added, 0 removed"
    assert ssl.get_server_certificate(("127.0.0.1", listening["port"])).strip() in file.read_text()
    file.write_text("nothing")
    running.process.send_signal(signal.SIGHUP)
    assert "no certificate in PEM form" in running.event_named("not_reloaded")["text"]
    running.terminate()
    assert running.end().code == 0


def test_where_the_configuration_cannot_be_used_the_certificate_is_not_changed_either(
    netecho: Netecho, tmp_path: Path
) -> None:
    file, config = tmp_path / "both.pem", tmp_path / "m.toml"
    file.write_text(make_identity(["127.0.0.1"]))
    file.chmod(0o600)
    config.write_text('[[targets]]\ntarget = "stamp://127.0.0.1:9"\n')
    running = netecho.start(
        *("monitor", "--config", str(config), "--format", "ndjson", "--listen", "127.0.0.1:0", "--cert", str(file)),
    )
    port = running.event_named("listening")["port"]
    first = ssl.get_server_certificate(("127.0.0.1", port))
    file.write_text(make_identity(["127.0.0.1"]))
    config.write_text('[[targets]]\ntarget = "stamp://127.0.0.1:9"\nauth_key_file = "/nowhere"\n')
    running.process.send_signal(signal.SIGHUP)
    assert running.event_named("not_reloaded")["text"].startswith("nothing is changed: '/nowhere'")
    assert ssl.get_server_certificate(("127.0.0.1", port)) == first
    config.write_text('[[targets]]\ntarget = "stamp://127.0.0.1:9"\n')
    running.process.send_signal(signal.SIGHUP)
    assert running.event_named("reloaded")["text"].startswith(f"read {config} and {file} again: 1 kept")
    assert ssl.get_server_certificate(("127.0.0.1", port)).strip() in file.read_text()
    running.terminate()
    assert running.end().code == 0


def test_a_certificate_that_cannot_be_used_is_said_and_nothing_runs(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "c.pem"
    file.write_text("nothing")
    file.chmod(0o600)
    ended = netecho("monitor", "self", "--listen", "127.0.0.1:0", "--cert", str(file))
    assert ended.code == 2
    assert ended.err.splitlines()[0] == f"netecho: --cert {file}: no certificate in PEM form"


def test_a_token_is_asked_for_where_there_is_one(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef0123\n")
    file.chmod(0o600)
    running = netecho.start(
        *("monitor", "self", "--format", "ndjson", "--listen", "127.0.0.1:0"),
        *("--token-file", str(file)),
    )
    url = running.event_named("listening")["url"]
    assert fetch(f"{url}metrics")[0] == fetch(f"{url}api/v1/events")[0] == 401
    assert fetch(f"{url}-/healthy")[0] == fetch(f"{url}-/ready")[0] == fetch(url)[0] == 200
    assert fetch(f"{url}metrics", Authorization="Bearer 0123456789abcdef0123")[0] == 200
    running.terminate()
    assert running.end().code == 0


def test_a_token_that_is_short_is_refused(netecho: Netecho, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short\n")
    ended = netecho("monitor", "self", "--listen", "127.0.0.1:0", "--token-file", str(tmp_path / "token"))
    assert ended.code == 2
    assert "holds no token of 16 printable characters or more" in ended.err


def test_a_port_in_use_is_exit_3(netecho: Netecho) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = netecho("monitor", "self", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.code == 3
    assert "cannot be had: Address already in use" in ended.err


MESH = '[serve]\nlisten = "stamp://127.0.0.1:0"\n[[targets]]\nname = "ams"\ntarget = "udp://127.0.0.1:1"\n'


def test_a_node_leaves_itself_out_answers_and_says_its_name_with_each_figure(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "mesh.toml"
    file.write_text(MESH)
    ams = netecho.start("monitor", "--config", str(file), "--node", "ams", "--serve", "--format", "ndjson")
    assert ams.event_named("start")["targets"] == 0
    answers = ams.event_named("answering")["text"].removeprefix("answering on ")
    file.write_text(f'{MESH}[[targets]]\nname = "fra"\ntarget = "{answers}"\ninterval = "20ms"\n')
    fra = netecho.start(
        *("monitor", "--config", str(file), "--node", "ams", "--format", "ndjson", "--listen", "127.0.0.1:0")
    )
    url = fra.event_named("listening")["url"]
    assert fra.event_named("state")["state"] == "up"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert {sample.labels["node"] for family in families for sample in family.samples} == {"ams"}
    (sent,) = next(family for family in families if family.name == "netecho_probes_sent").samples
    assert sent.labels["target"] == "fra"
    one_way = next(family for family in families if family.name == "netecho_oneway_seconds")
    assert {sample.labels["direction"] for sample in one_way.samples} == {"forward", "backward"}


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _first_child(pid: int) -> int:
    while not (found := _children(pid)):
        os.sched_yield()
    return found[0]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_what_answers_is_started_again_when_it_ends_and_nothing_of_it_is_left_at_the_end(
    netecho: Netecho, tmp_path: Path
) -> None:
    file = tmp_path / "mesh.toml"
    file.write_text(MESH.replace("stamp://", "tcp://"))
    running = netecho.start("monitor", "--config", str(file), "--node", "ams", "--serve", "--format", "ndjson")
    address = running.event_named("answering")["text"].removeprefix("answering on tcp://")
    keeper = _first_child(running.process.pid)
    os.kill(_first_child(keeper), signal.SIGKILL)
    assert running.event_named("answering")["text"] == "what answers died (signal 9) and is started again"
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"still here")
        assert client.recv(100) == b"still here"
    last = _first_child(keeper)
    running.terminate()
    assert running.end().code == 0
    assert not Path(f"/proc/{last}").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_that_nothing_answers_any_more_is_said_and_monitoring_goes_on(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "mesh.toml"
    file.write_text(MESH)
    running = netecho.start("monitor", "--config", str(file), "--node", "ams", "--serve", "--format", "ndjson")
    running.event_named("answering")
    os.kill(_first_child(running.process.pid), signal.SIGKILL)
    assert running.event_named("answering")["text"].startswith("what answers has ended, and is not started again")
    os.kill(running.process.pid, signal.SIGHUP)
    running.event_named("reloaded")
    running.terminate()
    assert running.end().code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["--node", "ams"], "--node without --config: there is no file that names this machine", "--config FILE"),
        (["--config", "FILE", "--node", "lon"], "--node 'lon': FILE has no target of that name", "there are ams"),
        (["--config", "FILE", "--node", "lon", "--check"], "--node 'lon': FILE has no target of that", "there are ams"),
    ],
)
def test_a_node_that_the_file_does_not_have_is_refused_with_those_that_it_has(
    netecho: Netecho, tmp_path: Path, arguments: list[str], sentence: str, hint: str
) -> None:
    file = tmp_path / "mesh.toml"
    file.write_text(MESH)
    ended = netecho("monitor", *(str(file) if each == "FILE" else each for each in arguments))
    assert ended.code == 2
    said, tried = ended.err.splitlines()
    assert said.startswith(f"netecho: {sentence.replace('FILE', str(file))}")
    assert tried.strip() == hint


def test_an_address_that_cannot_be_had_to_answer_at_ends_it_before_it_begins(netecho: Netecho, tmp_path: Path) -> None:
    file = tmp_path / "mesh.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(MESH.replace("stamp://127.0.0.1:0", f"tcp://127.0.0.1:{port}"))
        ended = netecho("monitor", "--config", str(file), "--node", "ams", "--serve")
    assert (ended.code, ended.out) == (3, "")
    assert str(port) in ended.err
