"""How a run ends before its time: Ctrl-C, SIGTERM, SIGHUP, a reader that has gone, a full disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.namespace import namespace
from tests.program import COMMAND, environment
from tests.rogues import datagrams, echo, silence, streams

if TYPE_CHECKING:
    from tests.program import Netecho

FOR_EVER = ("-c", "0", "-i", "5ms")


@pytest.mark.parametrize("way", ["interrupt", "terminate"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_first_signal_ends_the_run_with_its_summary(netecho: Netecho, transport: str, way: str) -> None:
    with streams(echo) if transport == "tcp" else datagrams(bytes) as server:
        run = netecho.start("probe", f"{transport}://127.0.0.1:{server.port}", *FOR_EVER, "--format", "ndjson")
        for _ in range(3):
            run.event_named("reply")
        getattr(run, way)()
        ended = run.end()
    summary = ended.events[-1]
    assert summary["event"] == "summary"
    assert summary["interrupted"] is True
    probes = summary["probes"]
    assert probes["received"] >= 3
    assert probes["lost"] == 0
    assert probes["sent"] == probes["received"] + probes["pending"], "what is under way is neither here nor lost"
    assert (ended.code, ended.err) == (0, "")


def test_a_terminal_that_is_gone_ends_the_run_with_its_summary_however_often_that_is_said(netecho: Netecho) -> None:
    with streams(echo) as server:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", *FOR_EVER, "--format", "ndjson")
        for _ in range(3):
            run.event_named("reply")
        for _ in range(2):
            run.process.send_signal(signal.SIGHUP)
        ended = run.end()
    assert ended.events[-1]["event"] == "summary"
    assert (ended.events[-1]["interrupted"], ended.code, ended.err) == (True, 0, "")


def test_a_run_that_nohup_began_goes_on_without_its_terminal(netecho: Netecho) -> None:
    netecho.prefix = ["nohup"]
    with streams(echo) as server:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", "-c", "60", "-i", "10ms", "--format", "ndjson")
        run.event_named("reply")
        run.process.send_signal(signal.SIGHUP)
        ended = run.end()
    assert (ended.events[-1]["probes"]["received"], ended.code) == (60, 0)


@pytest.mark.parametrize("output", ["text", "json", "csv"])
def test_every_format_is_complete_after_ctrl_c(netecho: Netecho, output: str) -> None:
    with streams(echo) as server:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", *FOR_EVER, "--format", output)
        assert server.heard.wait(10)
        if output != "json":
            run.line()
        run.interrupt()
        ended = run.end()
    assert "Traceback" not in ended.err
    if output == "json":
        assert json.loads(ended.out)["interrupted"] is True
    assert ended.raw_out.endswith(b"\n") or (output == "csv" and not ended.raw_out)


def test_ctrl_c_without_a_reply_is_a_failed_run(netecho: Netecho) -> None:
    with streams(silence) as server:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", *FOR_EVER, "--format", "ndjson")
        run.event_named("start")
        assert server.heard.wait(10)
        run.interrupt()
        ended = run.end()
    assert ended.code == 1
    assert ended.events[-1]["probes"]["received"] == 0
    assert ended.events[-1]["interrupted"] is True


def test_a_second_ctrl_c_cuts_the_run_off(netecho: Netecho) -> None:
    """The first one cannot end it here: nobody reads what it prints, and the pipe is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(65536))
    except BlockingIOError:
        os.set_blocking(writer, True)
    with streams(echo) as server, os.fdopen(writer, "wb") as pipe:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", *FOR_EVER, "--format", "ndjson", stdout=pipe)
        assert server.heard.wait(10)
        # A signal that is sent while the same one is pending is one with it: so more than two may be needed.
        for _ in range(500):
            run.interrupt()
            with suppress(subprocess.TimeoutExpired):
                run.process.wait(0.02)
                break
        ended = run.end()
    os.close(reader)
    assert ended.code == 130
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("output", ["text", "ndjson", "csv"])
def test_a_reader_that_has_enough_ends_the_run_quietly(netecho: Netecho, output: str) -> None:
    with streams(echo) as server:
        run = netecho.start("probe", f"127.0.0.1:{server.port}", *FOR_EVER, "--format", output)
        assert run.line()
        assert run.process.stdout is not None
        run.process.stdout.close()
        run.process.stdout = None
        ended = run.end()
    assert (ended.code, ended.err) == (5, "")  # what is left of the results could not be written


def test_a_reader_that_was_never_there(netecho: Netecho) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        ended = netecho("probe", "self", "-c", "1", "--json", stdout=pipe)
    assert ended.err == ""


@pytest.mark.parametrize("output", ["text", "json", "ndjson", "csv"])
def test_a_full_disk_is_said_in_one_sentence(netecho: Netecho, output: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = netecho("probe", "self", "-c", "2", "-i", "1ms", "--format", output, stdout=full)
    assert ended.code == 5
    assert "No space left" in ended.err
    assert len(ended.err.splitlines()) <= 2, ended


def test_a_disk_that_fills_up_in_the_middle_leaves_a_run_that_can_be_read(netecho: Netecho, tmp_path: Path) -> None:
    with namespace() as inside:
        inside.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path))
        netecho.prefix = inside.prefix
        saved = str(tmp_path / "run.ndjson")
        ended = netecho("probe", "self", "-c", "200", "-i", "1ms", "--json", "--save", saved)
        assert ended.code == 5
        assert ended.err.startswith(f"netecho: '{saved}' could not be written: No space left on device\n")
        assert ended.document["probes"]["received"] == 200
        again = netecho("report", saved, "--json")
    assert again.code == 0
    assert "breaks off" in again.err
    assert 0 < again.document["probes"]["received"] < 200


def test_closed_standard_streams_are_no_bug() -> None:
    command = " ".join(COMMAND)
    for closed, code in ((">&-", 5), ("2>&-", 0), (">&- 2>&-", 5), ("<&-", 0)):
        done = subprocess.run(
            ["sh", "-c", f"{command} probe self -c 1 {closed}"],
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
        )
        assert "Traceback" not in done.stderr, closed
        assert done.returncode == code, (closed, done.stderr)
