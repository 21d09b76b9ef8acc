"""The kernel's stamps as a user meets them: right by a packet capture, and late behind a queue without harm."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.accuracy import marks
from tests.benchmarks.capture import capturing
from tests.namespace import Namespace, namespace
from tests.peers import needed
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho

NEAR, FAR = "192.0.2.1", "192.0.2.2"


@pytest.fixture(scope="module")
def queued() -> Iterator[tuple[Namespace, Namespace]]:
    """Two hosts with a cable between them, and before it a queue that lets through a megabit a second."""
    if os.geteuid():
        pytest.skip("needs root, to lay a cable between two namespaces")
    needed("tc")
    with namespace() as near, namespace() as far:
        near.run("ip", "link", "add", "name", "here", "type", "veth", "peer", "name", "there")
        near.run("ip", "link", "set", "dev", "there", "netns", str(far.process.pid))
        for host, end, address in ((near, "here", NEAR), (far, "there", FAR)):
            host.run("ip", "address", "add", f"{address}/24", "dev", end)
            host.run("ip", "link", "set", "dev", end, "up")
        shaped = ("rate", "1mbit", "burst", "1600", "latency", "1s")
        near.run("tc", "qdisc", "add", "dev", "here", "root", "tbf", *shaped)
        yield near, far


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_stamps_that_come_late_do_no_harm(
    netecho: Netecho, queued: tuple[Namespace, Namespace], transport: str
) -> None:
    near, far = queued
    netecho.prefix = far.prefix
    server = Server(netecho.start("serve", f"{transport}://{FAR}:0", "--format", "ndjson"), 1)
    netecho.prefix = near.prefix
    # Forty times 1,200 bytes need 400 ms on this cable, and are sent within 200.
    target = f"{transport}://{FAR}:{server.port[transport]}"
    ended = netecho("probe", target, "-c", "40", "-i", "5ms", "-s", "1200", "--json")
    document = ended.document
    assert ended.code == 0, ended
    assert document["probes"] == document["probes"] | {"sent": 40, "received": 40, "lost": 0, "corrupt": 0}
    assert document["rtt"]["stamps"] in {"kernel", "mixed"}
    assert document["response"]["max_ms"] > 150, "the queue is felt"
    assert document["rtt"]["p50_ms"] < document["response"]["p50_ms"] / 2, "but stamps are taken behind it"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_round_trip_is_the_captures(netecho: Netecho, transport: str) -> None:
    if os.geteuid():
        pytest.skip("needs root, to capture packets")
    needed("tcpdump")
    server = Server(netecho.start("serve", f"{transport}://127.0.0.1:0", "--format", "ndjson"), 1)
    port = server.port[transport]
    with capturing(f"{transport} port {port}") as capture:
        ended = netecho("probe", f"{transport}://127.0.0.1:{port}", "-c", "200", "-i", "2ms", "--format", "ndjson")
    said = {event["seq"]: event["rtt_ms"] * 1000 for event in ended.events if event["event"] == "reply"}
    assert ended.events[-1]["rtt"]["stamps"] == "kernel"
    truth = capture.round_trips(port, marks)
    assert len(said) == 200
    assert said.keys() <= truth.keys()
    # That both look at the same packets, not how well: tests/benchmarks tells that. It is 1 µs where this was written.
    assert statistics.median(abs(said[number] - truth[number]) for number in said) < 50
