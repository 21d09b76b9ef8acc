"""The server's log: lines for people and for scripts, and never a reason for the server to wait."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import jsonschema
import pytest

from netecho.echo.events import (
    Connected,
    Counted,
    Disconnected,
    Listening,
    Noticed,
    Received,
    Refused,
    ServerEvent,
    Stopped,
)
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.echo.totals import Totals
from netecho.errors import OutputClosed
from netecho.report import server_log
from netecho.report.document.schema import text
from netecho.report.output import Output
from netecho.report.server_log import ServerLog
from tests.report.screen import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 23, 12, 0, 0, 500, tzinfo=UTC)
PIN = "sha256:" + "0" * 64

TOTALS = Totals(
    connections=1,
    refused=2,
    bytes_received=3,
    bytes_sent=4,
    datagrams=5,
    datagrams_answered=6,
    datagrams_refused=7,
)

SNAPSHOT = ServerSnapshot(
    transports={"udp": TransportCounts(echoes=1, bytes_received=64, bytes_sent=64, refused=2)},
    clients=(ClientCounts(client="192.0.2.1", bytes_received=64, bytes_sent=64),),
    refusals={"above its rate": 2},
)

EVENTS: list[ServerEvent] = [
    Listening("tcp://[::1]:7007", "tcp", "::1", 7007),
    Listening("tls://127.0.0.1:7443", "tls", "127.0.0.1", 7443, PIN),
    Connected(1, "tcp", "192.0.2.1:4000"),
    Received(1, "tcp", "192.0.2.1:4000", 1),
    Refused("udp", "192.0.2.1", "above its rate", 1),
    Refused("udp", "192.0.2.1", "above its rate", 7),
    Noticed("reloaded", "read cert.pem again"),
    Disconnected(1, "tcp", "192.0.2.1:4000", 10, 20, 1_234_567, "closed"),
    Counted(SNAPSHOT),
    Stopped("signal", 90_000_000_000, TOTALS),
]


def log(form: Literal["text", "ndjson"], verbosity: int) -> tuple[ServerLog, io.StringIO]:
    stream = io.StringIO()
    return ServerLog(Output(stream, stream, environ={}), form, verbosity, now=lambda: NOON), stream


def written(form: Literal["text", "ndjson"], verbosity: int) -> list[str]:
    events, stream = log(form, verbosity)
    for event in EVENTS:
        events.tell(event)
    return stream.getvalue().splitlines()


def test_text() -> None:
    time = f"{NOON.astimezone():%Y-%m-%d %H:%M:%S}"
    assert written("text", 2) == [
        "listening on tcp://[::1]:7007",
        f"listening on tls://127.0.0.1:7443 with pin {PIN}",
        f"{time} tcp 192.0.2.1:4000 connected (#1)",
        f"{time} tcp 192.0.2.1:4000 sent 1 byte",
        f"{time} udp 192.0.2.1 refused: above its rate",
        f"{time} udp 192.0.2.1 refused (7 times): above its rate",
        f"{time} read cert.pem again",
        f"{time} tcp 192.0.2.1:4000 disconnected (#1) after 1.235 ms: closed, 10 bytes in, 20 bytes out",
        f"{time} statistics: udp 1 echo, 0 connections (0 open), 64 bytes in, 64 bytes out, 2 refused",
        (
            f"{time} stopped (signal) after 90.0 s: 1 connection, 2 refused; "
            "5 datagrams, 6 answered, 7 refused; 3 bytes in, 4 bytes out"
        ),
    ]


def test_ndjson() -> None:
    time = {"time": "2026-11-23T12:00:00.000500Z"}
    client = {"connection": 1, "transport": "tcp", "peer": "192.0.2.1:4000"}
    refused = {"event": "refused", "transport": "udp", "peer": "192.0.2.1", "reason": "above its rate"}
    expected: list[dict[str, Any]] = [
        {"event": "listening", "url": "tcp://[::1]:7007", "transport": "tcp", "address": "::1", "port": 7007},
        {
            "event": "listening",
            "url": "tls://127.0.0.1:7443",
            "transport": "tls",
            "address": "127.0.0.1",
            "port": 7443,
            "pin": PIN,
        },
        {"event": "connected", **client},
        {"event": "received", **client, "size": 1},
        {**refused, "times": 1},
        {**refused, "times": 7},
        {"event": "reloaded", "text": "read cert.pem again"},
        {"event": "disconnected", **client, "received": 10, "sent": 20, "reason": "closed", "duration_ms": 1.234567},
        {
            "event": "statistics",
            "open": 0,
            "transports": {"udp": asdict(SNAPSHOT.transports["udp"])},
            "clients": [{"client": "192.0.2.1", "open": 0, "bytes_received": 64, "bytes_sent": 64}],
            "refusals": {"above its rate": 2},
        },
        {
            "event": "stopped",
            "reason": "signal",
            "duration_ms": 90_000.0,
            **asdict(TOTALS),
        },
    ]
    assert [json.loads(line) for line in written("ndjson", 2)] == [each | time for each in expected]
    schema = jsonschema.Draft202012Validator(json.loads(text()))
    for each in expected:
        schema.validate(each | time)
    assert not schema.is_valid({"event": "connected", **time}), "what has no text is described"


@pytest.mark.parametrize(
    ("verbosity", "text", "ndjson"),
    [(2, 10, 10), (1, 9, 10), (0, 7, 9), (-1, 4, 7), (-2, 0, 4)],
)
def test_more_and_less(verbosity: int, text: int, ndjson: int) -> None:
    assert len(written("text", verbosity)) == text
    assert len(written("ndjson", verbosity)) == ndjson


@pytest.mark.parametrize("form", ["text", "ndjson"])
@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
def test_a_log_knows_which_events_it_shows(form: Literal["text", "ndjson"], verbosity: int) -> None:
    shows, lines = log(form, verbosity)[0], written(form, verbosity)
    assert shows.shows_clients is any("connected" in line for line in lines if "#1" in line or '"connection"' in line)
    assert shows.shows_arrivals is any("sent 1 byte" in line or '"received", ' in line for line in lines)


def on_terminal(*events: ServerEvent, columns: int = 80) -> list[str]:
    terminal = Terminal()
    output = Output(terminal, terminal, environ={"TERM": "xterm", "COLUMNS": str(columns)})
    log = ServerLog(output, "text", 2, now=lambda: NOON)
    for event in events:
        log.tell(event)
    return terminal.screen


def test_on_a_terminal_lines_have_milliseconds_and_are_wrapped_between_words() -> None:
    refused = Refused("tcp", "192.0.2.1", "3 connections of this client are open (--max-per-client)", 7)
    time = f"{NOON.astimezone():%H:%M:%S}.000"
    assert on_terminal(EVENTS[0], EVENTS[2], refused, columns=60) == [
        "listening on tcp://[::1]:7007",
        f"{time} tcp 192.0.2.1:4000 connected (#1)",
        f"{time} tcp 192.0.2.1 refused (7 times): 3 connections",
        "             of this client are open (--max-per-client)",
    ]


def test_more_lines_than_a_person_reads_are_written_plainly() -> None:
    screen = on_terminal(*[notice(number) for number in range(server_log.LAID_OUT + 1)])
    assert screen[-2] == f"{NOON.astimezone():%H:%M:%S}.000 notice {server_log.LAID_OUT - 1}"
    assert screen[-1] == f"{NOON.astimezone():%Y-%m-%d %H:%M:%S} notice {server_log.LAID_OUT}"


def test_below_a_live_view_lines_are_gathered_until_the_next_flush() -> None:
    stream = io.StringIO()
    log = ServerLog(Output(stream, stream, environ={}), "text", 0, now=lambda: NOON, gathered=True)
    log.tell(notice(1))
    assert stream.getvalue() == ""
    log.flush()
    assert stream.getvalue().endswith("notice 1\n")


class Pipe:
    """Standard output as a pipe whose reader is the test."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w")
        self.log = ServerLog(Output(self.stream, io.StringIO(), environ={}), "text", 0, now=lambda: NOON)

    def fill(self) -> None:
        """Take all the room there is."""
        os.set_blocking(self.stream.fileno(), False)
        try:
            while True:
                os.write(self.stream.fileno(), b"." * 4096)
        except BlockingIOError:
            os.set_blocking(self.stream.fileno(), True)

    def read(self) -> str:
        """Read what is there."""
        os.set_blocking(self.reader, False)
        came = b""
        try:
            while data := os.read(self.reader, 1 << 20):
                came += data
        except BlockingIOError:
            pass
        return came.decode().lstrip(".")

    def close(self) -> None:
        os.close(self.reader)
        self.stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def notice(number: int) -> Noticed:
    return Noticed("test", f"notice {number}")


def test_a_reader_that_is_slow_gets_its_lines_later(pipe: Pipe) -> None:
    pipe.fill()
    pipe.log.tell(notice(1))
    pipe.log.tell(notice(2))
    assert pipe.read() == ""
    pipe.log.flush()
    assert [line.split()[-1] for line in pipe.read().splitlines()] == ["1", "2"]


def test_a_reader_that_is_too_slow_is_told_how_many_it_missed(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_log, "KEPT", 3)
    slow = ServerLog(pipe.log._output, "text", 0, now=lambda: NOON)
    pipe.fill()
    for number in range(10):
        slow.tell(notice(number))
    pipe.read()
    slow.flush()
    first, *lines = pipe.read().splitlines()
    assert first.endswith("7 lines were dropped: standard output was not read")
    assert [line.split()[-1] for line in lines] == ["7", "8", "9"]


def test_at_the_end_what_is_kept_is_written(pipe: Pipe) -> None:
    pipe.fill()
    pipe.log.tell(notice(1))
    pipe.read()
    pipe.log.finish()
    assert pipe.read().endswith("notice 1\n")


def test_a_reader_that_is_gone_is_noticed_with_nothing_to_say() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        log = ServerLog(Output(stream, io.StringIO(), environ={}), "text", 0)
        log.flush()
        os.close(reader)
        with pytest.raises(OutputClosed):
            log.flush()


def test_a_full_disk_is_said_once_and_is_no_reason_to_stop() -> None:
    complaints = io.StringIO()
    with open("/dev/full", "w") as full:  # noqa: PTH123
        log = ServerLog(Output(full, complaints, environ={}), "text", 0)
        log.tell(notice(1))
        log.tell(notice(2))
    assert complaints.getvalue().count("the server goes on") == 1
