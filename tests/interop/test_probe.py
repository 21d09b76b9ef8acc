"""The probe against echo servers nobody here wrote: nothing may be assumed of the other side but RFC 862."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.peers import FOREIGN, foreign_echo
from tests.relay import Faults, Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho

# ncat gives UDP to its `cat` through a pipe, where datagrams that come close together become one; socat forks for each
# datagram, and loses those that come while it does.
ONE_AT_A_TIME = [("ncat", "udp"), ("socat", "udp")]


@pytest.fixture(params=FOREIGN, ids="-".join)
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each foreign echo server over each transport it has."""
    with foreign_echo(*request.param) as started:
        yield started


@pytest.fixture(params=[each for each in FOREIGN if each not in ONE_AT_A_TIME], ids="-".join)
def open_target(request: pytest.FixtureRequest) -> Iterator[str]:
    """Those that can be sent the next probe before the last one came back."""
    with foreign_echo(*request.param) as started:
        yield started


def test_every_foreign_echo_answers_every_probe(netecho: Netecho, open_target: str) -> None:
    ended = netecho("probe", open_target, "-c", "100", "-i", "2ms", "--json")
    probes = ended.document["probes"]
    assert (probes["sent"], probes["received"], probes["lost"], probes["corrupt"]) == (100, 100, 0, 0), ended
    assert (ended.code, ended.err) == (0, "")
    assert ended.document["target"]["transport"] == open_target.partition(":")[0]


def test_ping_pong_and_sizes(netecho: Netecho, target: str) -> None:
    ended = netecho("probe", target, "-c", "2", "-i", "0", "-s", "1..1400:50", "--json")
    probes = ended.document["probes"]
    assert (probes["received"], probes["lost"], probes["corrupt"]) == (56, 0, 0), ended


def test_parallel_connections(netecho: Netecho, open_target: str) -> None:
    ended = netecho("probe", open_target, "-c", "20", "-i", "5ms", "--connections", "4", "--json")
    probes = ended.document["probes"]
    assert (probes["sent"], probes["received"], probes["lost"]) == (80, 80, 0), ended


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_thousand_probes_a_millisecond_apart(netecho: Netecho, transport: str) -> None:
    with foreign_echo("inetd", transport) as target:
        ended = netecho("probe", target, "-c", "1000", "-i", "1ms", "--json")
    document = ended.document
    assert document["probes"] == document["probes"] | {
        "sent": 1000,
        "received": 1000,
        "lost": 0,
        "loss_percent": 0,
        "late": 0,
        "duplicate": 0,
        "reordered": 0,
        "corrupt": 0,
    }
    for kind in ("rtt", "response", "lag"):
        figures = document[kind]
        assert figures["count"] == 1000
        order = ["min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms"]
        values = [figures[name] for name in order]
        assert values == sorted(values)
        assert figures["min_ms"] <= figures["mean_ms"] <= figures["max_ms"]
    assert 0 < document["rtt"]["min_ms"] <= document["response"]["min_ms"]
    assert None not in document["variation"].values()
    assert ended.code == 0


def test_through_a_bad_network_the_counts_are_those_of_the_network(netecho: Netecho) -> None:
    faults = Faults(delay_ms=20, drop=0.05, duplicate=0.02, corrupt=0.01)
    with foreign_echo("inetd", "udp") as target:
        server = urlsplit(target)
        assert server.hostname
        assert server.port
        with Relay("udp", (server.hostname, server.port), seed=7, backward=faults) as relay:
            relayed = f"udp://127.0.0.1:{relay.port}"
            ended = netecho("probe", relayed, "-c", "1000", "-i", "1ms", "-W", "1s", "--json")
    probes = ended.document["probes"]
    assert relay.backward.taken == 1000
    assert probes["lost"] == relay.backward.dropped > 0
    assert probes["duplicate"] == relay.backward.duplicated > 0
    assert probes["corrupt"] == relay.backward.corrupted > 0
    assert ended.document["rtt"]["min_ms"] >= min(relay.spans) / 1e6 >= 20
