"""netecho inside a program that runs asyncio: real sockets on loopback, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import netecho
from netecho.report.document.schema import complaint

Main = Callable[[], Coroutine[Any, Any, None]]


def run(main: Main) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all that is wanted


@pytest.fixture(scope="module", autouse=True)
def _what_all_runs_of_a_process_share() -> None:
    """The first run makes it, and what that run opened is closed as its loop is."""

    async def main() -> None:
        async with netecho.serve("tcp://127.0.0.1:0", "udp://127.0.0.1:0") as server:
            for url in server.urls:
                await netecho.probe(url, count=1, interval=0)

    run(main)


async def descriptors_are_back_to(before: int) -> None:
    gc.collect()  # a generator that an exception left
    while descriptors() > before:
        await asyncio.sleep(0.01)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted hands them on
@pytest.mark.parametrize("scheme", ["tcp", "udp", "tls", "stamp"])
def test_a_probe_of_a_server_in_the_same_program(scheme: str) -> None:
    async def main() -> None:
        async with netecho.serve(f"{scheme}://127.0.0.1:0") as server:
            options: netecho.ProbeOptions = {"count": 20, "interval": "1ms"}
            if scheme == "tls":
                options["insecure"] = True
            result = await netecho.probe(server.urls[0], **options)
        assert (result.probes.sent, result.probes.received) == (20, 20)
        assert result.ok
        assert result.target.transport == scheme
        assert complaint(result.document, "document") is None

    run(main)


def test_many_at_once() -> None:
    async def main() -> None:
        async with netecho.serve("tcp://127.0.0.1:0", "udp://127.0.0.1:0") as server:
            urls = [server.urls[n % 2] for n in range(20)]
            results = await asyncio.gather(*(netecho.probe(url, count=5, interval="1ms") for url in urls))
            assert sum(result.probes.received for result in results) == 100
            assert server.totals.datagrams_answered == 50

    run(main)


def test_events_as_they_happen() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0") as server:
            seen = [event async for event in netecho.events(server.urls[0], count=5, interval="1ms")]
        assert [(event.kind, event.seq) for event in seen] == [("reply", n) for n in range(5)]
        assert all(event.rtt is not None and 0 < event.rtt < 10 for event in seen)

    run(main)


def test_who_leaves_the_loop_ends_the_run() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0") as server:
            before = descriptors()
            events = netecho.events(server.urls[0], count=0, interval="1ms")
            async for _ in events:
                break
            assert descriptors() > before
            await events.aclose()  # type: ignore[attr-defined]
            await descriptors_are_back_to(before)

    run(main)


async def fail_at_the_first_event(url: str) -> None:
    async for event in netecho.events(url, count=0, interval="1ms"):
        raise ZeroDivisionError(event)


def test_an_exception_in_the_callers_own_code_ends_the_run_and_passes_through() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0") as server:
            before = descriptors()
            with pytest.raises(ZeroDivisionError):
                await fail_at_the_first_event(server.urls[0])
            await descriptors_are_back_to(before)

    run(main)


def test_a_cancelled_task_ends_its_run() -> None:
    async def main() -> None:
        async with netecho.serve("tcp://127.0.0.1:0") as server:
            before = descriptors()
            task = asyncio.create_task(netecho.probe(server.urls[0], duration="60s"))
            while not server.totals.connections:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await descriptors_are_back_to(before)

    run(main)


def test_a_timeout_of_the_program_ends_a_run_that_cannot_even_connect() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0", max_rate=1) as server:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(netecho.probe(server.urls[0], duration="60s"), 0.2)

    run(main)


def test_nothing_is_left_behind_by_many_calls() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0", "tcp://127.0.0.1:0") as server:
            await netecho.probe(server.urls[0], count=1, interval=0)
            await netecho.probe(server.urls[1], count=1, interval=0)
            await asyncio.sleep(0.05)
            gc.collect()
            before, objects = (descriptors(), threading.active_count()), len(gc.get_objects())
            for n in range(100):
                await netecho.probe(server.urls[n % 2], count=1, interval=0, timeout="1h")
            # The last connection ends. No timer of a run's timeout is left, which would hold the run for an hour.
            while (descriptors(), threading.active_count()) != before or len(gc.get_objects()) > objects + 500:
                await asyncio.sleep(0.1)
                gc.collect()

    run(main)


def test_nothing_is_left_behind_by_a_target_that_cannot_be_reached() -> None:
    async def main() -> None:
        with socket.socket() as bound:  # which does not listen, and keeps others from the port
            bound.bind(("127.0.0.1", 0))
            url = f"tcp://127.0.0.1:{bound.getsockname()[1]}"
            before = None
            for _ in range(3):  # the first one makes what all share
                with pytest.raises(netecho.UnreachableError):
                    await netecho.probe(url, connections=3)
                assert before in {None, descriptors()}
                before = descriptors()

    run(main)


def test_signals_loggers_and_the_reactor_are_left_alone() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    reactor = sys.modules.get("twisted.internet.reactor")

    async def main() -> None:
        async with netecho.serve("tcp://127.0.0.1:0") as server:
            await netecho.probe(server.urls[0], count=2, interval="1ms")
            assert {number: signal.getsignal(number) for number in handlers} == handlers | {
                signal.SIGINT: signal.getsignal(signal.SIGINT)  # asyncio's runner has its own
            }

    run(main)
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert sys.modules.get("twisted.internet.reactor") is reactor


def test_errors_are_netechos_own() -> None:
    async def main() -> None:
        with pytest.raises(netecho.UnreachableError, match="connection refused"):
            await netecho.probe("tcp://127.0.0.1:9")
        with pytest.raises(netecho.UsageError, match="--interval: 'fast'"):
            await netecho.probe("tcp://127.0.0.1:9", interval="fast")
        async with netecho.serve("tcp://127.0.0.1:0") as server:
            with pytest.raises(netecho.UnreachableError, match="the port is in use"):
                await netecho.serve(server.urls[0]).__aenter__()

    run(main)


def test_criteria_are_judged() -> None:
    async def main() -> None:
        async with netecho.serve("udp://127.0.0.1:0") as server:
            result = await netecho.probe(server.urls[0], count=3, interval="1ms", fail_if="rtt.p50>1ns, loss>50%")
        assert not result.ok
        (failed,) = result.failed
        assert failed.startswith("rtt.p50>1ns")

    run(main)
