"""A reader that sleeps while a run goes on: no send waits for it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from typing import TYPE_CHECKING

import pytest

from tests.program import PATIENCE
from tests.rogues import echo, streams

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Netecho


PATIENT = ("-W", f"{PATIENCE}s")
"""On a machine that is busy with other things nothing is lost."""


@contextlib.contextmanager
def echo_server() -> Iterator[tuple[str, threading.Event]]:
    """An echo server, and the event that its client has got its last reply and hung up."""
    over = threading.Event()

    def conversation(connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            echo(connection)
        over.set()

    with streams(conversation) as server:
        yield f"tcp://127.0.0.1:{server.port}", over


@pytest.mark.parametrize("form", ["ndjson", "csv", "text"])
def test_the_whole_run_is_over_while_the_reader_sleeps_and_it_gets_every_line(netecho: Netecho, form: str) -> None:
    probes = 3000  # whose lines are more than a pipe holds
    with echo_server() as (target, over):
        program = netecho.start("probe", target, "-c", str(probes), "-r", "3000", *PATIENT, "--format", form)
        assert over.wait(PATIENCE)
        ended = program.end()
    assert ended.code == 0
    assert "left out" not in ended.err
    per_probe = {"ndjson": r'^{"event": "reply"', "csv": r"^\d", "text": r"^seq"}[form]
    assert len(re.findall(per_probe, ended.out, re.MULTILINE)) == probes


def test_past_the_bound_lines_are_left_out_and_the_run_says_how_many(netecho: Netecho) -> None:
    probes = 9000
    with echo_server() as (target, over):
        program = netecho.start("probe", target, "-c", str(probes), "-r", "6000", *PATIENT, "--format", "ndjson")
        assert over.wait(PATIENCE)
        ended = program.end()
    assert ended.code == 0
    said = re.search(r"netecho: ([\d,]+) lines were left out", ended.err)
    assert said is not None
    events = [json.loads(line) for line in ended.out.splitlines()]  # none is cut in two
    rows = sum(event["event"] == "reply" for event in events)
    assert rows + int(said[1].replace(",", "")) == probes
    assert events[-1]["event"] == "summary"
    assert events[-1]["probes"]["sent"] == probes
    assert events[-1]["events_left_out"] == probes - rows


def test_a_run_that_is_saved_to_a_slow_reader_loses_nothing(netecho: Netecho, tmp_path: Path) -> None:
    probes, saved = 9000, tmp_path / "run"
    os.mkfifo(saved)
    reader = os.open(saved, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    with echo_server() as (target, over), os.fdopen(reader, encoding="utf-8") as lines:
        program = netecho.start("probe", target, "-c", str(probes), "-r", "6000", *PATIENT, "-qq", "--save", str(saved))
        assert over.wait(PATIENCE)
        events = [json.loads(line) for line in lines]
        assert program.end().code == 0
    assert sum(event["event"] == "reply" for event in events) == probes
    assert events[-1]["event"] == "summary"
