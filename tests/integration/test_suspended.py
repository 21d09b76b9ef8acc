"""A process that is stopped, and a machine that slept: what was due then is not sent, and is not lateness."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.peers import permitted
from tests.rogues import datagrams

if TYPE_CHECKING:
    from tests.program import Netecho

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's clocks, and its namespaces")

COUNT = 1500
STOPPED = 0.3
"""Seconds: less than any lateness that is taken for a stop without word of one."""


@pytest.mark.parametrize("live", ["--live", "--no-live"])
def test_a_short_stop_is_not_sent_late(netecho: Netecho, live: str) -> None:
    netecho.anew = True
    with datagrams(bytes) as server:
        target = f"udp://127.0.0.1:{server.port}"
        program = netecho.start("probe", target, "-c", str(COUNT), "-i", "1ms", "--format", "ndjson", live)
        program.event_named("reply")
        program.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
        threading.Event().wait(STOPPED)
        program.process.send_signal(signal.SIGCONT)
        document = program.end().events[-1]
    probes = document["probes"]
    assert probes["sent"] + probes["not_sent"] == COUNT
    assert probes["not_sent"] > 280
    assert document["suspended_ms"] > 280


@linux
@pytest.mark.parametrize("target", ["udp://self", "self"])
def test_timers_follow_the_clock_that_counts_sleep(netecho: Netecho, target: str) -> None:
    """In a namespace whose CLOCK_BOOTTIME is an hour ahead of CLOCK_MONOTONIC, as after an hour of sleep."""
    slept = ["unshare", "--time", "--boottime", "3600", "--"]
    if not permitted(*slept, "true"):
        pytest.skip("time namespaces are not permitted here")
    netecho.prefix = slept
    document = netecho("probe", target, "-c", "20", "-i", "5ms", "--json").document
    assert (document["probes"]["received"], document["probes"]["not_sent"], document["suspended_ms"]) == (20, 0, 0)
    assert 90 < document["duration_ms"] < 3_600_000
