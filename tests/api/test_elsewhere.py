"""netecho in a program without an event loop, in threads, and under Twisted's own reactor."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import traceback
from typing import TYPE_CHECKING

import pytest

from netecho import api
from tests.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho


@pytest.fixture
def url(netecho: Netecho) -> Iterator[str]:
    with serving(netecho, "udp://127.0.0.1:0") as server:
        yield f"udp://127.0.0.1:{server.port['udp']}"


def test_a_plain_program_measures_again_and_again(url: str) -> None:
    for _ in range(3):
        assert api.probe_sync(url, count=3, interval="1ms").probes.received == 3


def test_what_goes_wrong_is_all_that_its_traceback_tells_of() -> None:
    with pytest.raises(api.UnreachableError, match="refused") as caught:
        api.probe_sync("tcp://127.0.0.1:9", count=1)
    assert "event loop" not in "".join(traceback.format_exception(caught.value))


def test_in_a_thread(url: str) -> None:
    results: list[api.ProbeResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(api.probe_sync(url, count=3, interval="1ms"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [result.probes.received for result in results] == [3, 3, 3]


def test_sync_where_a_loop_runs_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(api.UsageError, match="probe_sync was called where an event loop runs"):
            api.probe_sync("udp://127.0.0.1:7")

    asyncio.run(main())


def test_awaited_where_nothing_runs() -> None:
    # In a program of its own: what other tests have imported here may be a reactor.
    program = """
import netecho

try:
    netecho.probe("udp://127.0.0.1:7").send(None)
except netecho.UsageError as error:
    print(error.sentence)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout) == ("", "netecho was awaited where no event loop runs\n")


def test_awaited_in_a_thread_beside_the_reactor() -> None:
    program = """
import netecho, threading
from twisted.internet import reactor

def work():
    try:
        netecho.probe("udp://127.0.0.1:7").send(None)
    except netecho.UsageError as error:
        print(error.sentence)
    reactor.callFromThread(reactor.stop)

reactor.callWhenRunning(threading.Thread(target=work).start)
reactor.run()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout) == ("", "netecho was awaited where no event loop runs\n")


TWISTED = """
import sys
from twisted.internet import {reactor}
{install}
from twisted.internet import reactor, task
from twisted.internet.defer import ensureDeferred
import netecho

async def main(reactor):
    async with netecho.serve("tcp://127.0.0.1:0", "udp://127.0.0.1:0") as server:
        for url in server.urls:
            result = await netecho.probe(url, count=5, interval="1ms")
            print(result.probes.received, result.stamps)
        seen = 0
        async for event in netecho.events(server.urls[0], count=3, interval="1ms"):
            seen += event.kind == "reply"
        print(seen)
        try:
            netecho.probe_sync(server.urls[0], count=1)
        except netecho.UsageError as error:
            print(error.sentence)

task.react(lambda reactor: ensureDeferred(main(reactor)))
"""


@pytest.mark.parametrize("reactor", ["epollreactor", "selectreactor", "asyncioreactor"])
def test_under_a_twisted_reactor_that_runs_already(reactor: str) -> None:
    program = TWISTED.format(reactor=reactor, install=f"{reactor}.install()")
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["5", "5", "3"]
    assert lines[3:] == ["probe_sync was called where an event loop runs"]
