"""What a supervisor and its workers write to each other is read as it was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.echo.events import Connected, Disconnected, Noticed, Received, Refused, ServerEvent
from netecho.echo.limits import Limits
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.echo.text import TextMode
from netecho.echo.totals import Totals
from netecho.net.server.settings import Credentials, ServerSettings
from netecho.net.server.worker_messages import (
    Ended,
    Failed,
    NotStarted,
    Report,
    Started,
    WorkerStart,
    event_line,
    parse_line,
    parse_report,
    report_line,
    snapshot_line,
)

if TYPE_CHECKING:
    from netecho.target import Scheme

NAMES = st.none() | st.text(max_size=20)
COUNTS = st.none() | st.integers(0, 1 << 40)


@given(
    st.builds(
        ServerSettings,
        text_mode=st.none() | st.builds(TextMode, reply=st.text(), error=NAMES, logoff=NAMES),
        banner=NAMES,
        credentials=st.builds(Credentials, cert=NAMES, key=NAMES, client_ca=NAMES, alpn=st.lists(st.text()).map(tuple)),
        limits=st.builds(Limits, connections=COUNTS, per_client=COUNTS, idle=COUNTS, rate=COUNTS),
        duration=COUNTS,
        log_connections=st.booleans(),
        log_received=st.booleans(),
    ),
    st.lists(st.sampled_from(["tcp", "udp"])).map(tuple),
    NAMES,
)
def test_the_start(settings: ServerSettings, schemes: tuple[Scheme, ...], identity: str | None) -> None:
    start = WorkerStart(settings=settings, schemes=schemes, identity=identity, worker=2, workers=3, salt="00ff")
    assert WorkerStart.from_body(json.loads(json.dumps(start.to_body()))) == start


@pytest.mark.parametrize("report", [Started(3, 4711), NotStarted(0, "no\nroom"), Ended(4711, -9)])
def test_reports(report: Report) -> None:
    line = report_line(report)
    assert line.count(b"\n") == 1
    assert parse_report(line) == report
    assert type(parse_report(line)) is type(report)


@pytest.mark.parametrize(
    "event",
    [
        Connected(1, "tcp", "[::1]:4000"),
        Received(None, "udp", "192.0.2.1:4000", 5),
        Disconnected(1, "tls", "192.0.2.1:4000", 10, 20, 30, "closed"),
        Refused("tcp", "192.0.2.1", "full", 3),
        Noticed("bug", "several\nlines"),
        Failed("out of\nmemory"),
    ],
)
def test_events(event: ServerEvent | Failed) -> None:
    line = event_line(event)
    assert line.count(b"\n") == 1
    assert parse_line(line) == event
    assert type(parse_line(line)) is type(event)


def test_snapshots() -> None:
    snapshot = ServerSnapshot(
        at=1,
        transports={"tcp": TransportCounts(open=1, echoes=2), "udp": TransportCounts(refused=3)},
        clients=(ClientCounts(client="192.0.2.1", open=1, bytes_sent=2), ClientCounts(client="2001:db8::/64")),
        refusals={"full": 3},
        totals=Totals(1, 2, 3, 4, 5, 6, 7),
    )
    assert parse_line(snapshot_line(snapshot)) == snapshot
